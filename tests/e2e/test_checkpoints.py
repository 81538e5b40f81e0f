"""Several checkpoints on one page: one is chosen in mid-chat, two are compared, an adapter is on or off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from transformers import AutoTokenizer

from model.checkpoint.choose import BUNDLED
from tests.e2e.conftest import DESKTOP
from tests.support import served
from tests.support.adapters import write_adapter
from tests.support.chat import Chat
from tools.tiny.checkpoint import write_random_checkpoint

PHONE = {"width": 390, "height": 844}
CHOICE = "#checkpoint select"
TINY, ADAPTED, OTHER = "tiny-qwen2-vl", "tiny-qwen2-vl + mine", "other"


@pytest.fixture(scope="module")
def several_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bundled checkpoint, an adapter for it, and one of another family, to which the adapter does not fit."""
    folder = tmp_path_factory.mktemp("several")
    adapter = write_adapter(folder / "mine", BUNDLED)
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    other = write_random_checkpoint(folder / "other", family="qwen2_5_vl", tokenizer=tokenizer)
    flags = ("-c", str(other), "--adapter", str(adapter), "--max-new-tokens=24")
    with served.serve(folder, "tiny", *flags) as server:
        server.wait()
        yield server.address


@pytest.fixture
def several(browser: Browser, several_url: str) -> Iterator[Chat]:
    context = browser.new_context(viewport=DESKTOP, locale="en-GB")
    chat = Chat(context.new_page(), several_url)
    chat.open()
    yield chat
    context.close()
    assert chat.problems == []


def names(chat: Chat) -> list[str]:
    return chat.page.locator(f"{CHOICE} option").all_inner_texts()


def choose(chat: Chat, name: str) -> None:
    chat.page.select_option(CHOICE, name)
    chat.page.wait_for_function(
        "(name) => document.querySelector('#checkpoint select').value === name"
        " && !document.querySelector('#model-banner progress')"
        " && document.querySelector('#run-state [data-state]').dataset.state === 'idle'",
        arg=name,
    )


def givers(chat: Chat) -> list[str]:
    return chat.page.locator("#chatbot .checkpoint").all_inner_texts()


def test_a_chat_goes_on_with_another_checkpoint(several: Chat, picture: Path) -> None:
    assert names(several) == [ADAPTED, TINY, OTHER]
    assert several.page.input_value(CHOICE) == ADAPTED
    choose(several, TINY)
    several.attach(picture)
    several.ask("What is this?")
    choose(several, OTHER)
    several.ask("And now?")
    assert givers(several) == [TINY, OTHER]
    assert len(list(several.asked)) == 2
    several.reload()
    several.wait("idle")
    assert several.page.input_value(CHOICE) == OTHER, "the tab keeps its choice"
    assert givers(several) == [TINY, OTHER]
