"""Several checkpoints on one page: one is chosen in mid-chat, two are compared, an adapter is on or off."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ViewportSize
from transformers import AutoTokenizer

from model.checkpoint.choose import BUNDLED
from tests.e2e.conftest import DESKTOP
from tests.support import served
from tests.support.adapters import write_adapter
from tests.support.chat import Chat
from tools.tiny.checkpoint import write_random_checkpoint

PHONE: ViewportSize = {"width": 390, "height": 844}
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
        "(name) => document.querySelector('#checkpoint option[selected]').value === name"
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


def test_the_choice_is_made_with_keys_and_says_what_it_is(several: Chat) -> None:
    several.page.focus(CHOICE)
    assert several.page.get_attribute(CHOICE, "aria-label") == "Checkpoint"
    several.page.keyboard.press("ArrowDown")
    several.page.keyboard.press("Enter")
    several.page.wait_for_function(
        "document.querySelector('#checkpoint option[selected]').value === 'tiny-qwen2-vl'"
    )
    several.page.wait_for_function("document.activeElement?.matches('#checkpoint select')")


def test_settings_follow_the_checkpoint_and_what_a_person_chose_stays(several: Chat) -> None:
    several.set("max-tokens", "200")
    choose(several, OTHER)
    several.ask("Hi")
    assert several.page.input_value("#max-tokens input[type=number]") == "200"


def test_two_checkpoints_are_compared_and_one_is_taken(several: Chat) -> None:
    page = several.page
    page.click("#views a[href='#compare']")
    row = "#comparison [data-name=checkpoint]"
    page.wait_for_selector(row, state="visible")
    assert [page.input_value(f"{row} [name='{side}']") for side in "01"] == [ADAPTED, TINY]
    several.send("Hello there")
    page.wait_for_function(
        "document.querySelectorAll('#compared .stats').length === 2"
        " && !document.querySelector('#compared [data-running]')"
    )
    assert page.locator("#compared .differing").all_inner_texts() == [ADAPTED, TINY]
    first, second = page.locator("#compared .answer").all_inner_texts()
    assert first != second, "the adapter changes every answer"
    page.click("#compared section:nth-child(2) [data-op=take]")
    page.wait_for_selector("#talk", state="visible")
    page.wait_for_function(
        "(name) => document.querySelector('#checkpoint select').value === name", arg=TINY
    )


def test_another_tab_has_its_own_choice(several: Chat) -> None:
    choose(several, TINY)
    other = Chat(several.page.context.new_page(), several.url)
    other.open()
    assert other.page.input_value(CHOICE) == ADAPTED
    assert several.page.input_value(CHOICE) == TINY


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_choice_is_as_large_as_a_thumb_and_nothing_is_covered(
    browser: Browser, several_url: str, scheme: Any
) -> None:
    context = browser.new_context(
        viewport=PHONE, locale="en-GB", is_mobile=True, has_touch=True, color_scheme=scheme
    )
    chat = Chat(context.new_page(), several_url)
    chat.open()
    choose(chat, OTHER)
    chat.ask("Hi")
    boxes = [
        chat.page.locator(part).bounding_box()
        for part in (CHOICE, "#views a:visible", "#clear", "#chats-entry button")
    ]
    assert all(box and box["height"] >= 44 for box in boxes)
    spans = sorted((box["x"], box["x"] + box["width"]) for box in boxes if box)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans)), spans
    assert spans[-1][1] <= PHONE["width"]
    assert boxes[0] and boxes[0]["width"] >= 80
    assert chat.problems == []
    context.close()


def test_what_a_message_costs_is_told_anew_and_a_failure_leaves_the_page_as_it_was(
    browser: Browser, tmp_path: Path, picture: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(BUNDLED, copy)
    flags = ("-c", str(copy), "-c", str(tmp_path / "missing"))
    with served.serve(tmp_path, "tiny", *flags) as server:
        server.wait()
        context = browser.new_context(viewport=DESKTOP, locale="en-GB")
        chat = Chat(context.new_page(), server.address)
        chat.open()
        chat.attach(picture)
        chat.wait_for_price()
        choose(chat, "copy")
        chat.wait_for_price()
        chat.page.select_option(CHOICE, "missing")
        chat.page.wait_for_selector("#notice [role=alert]")
        assert "There is no folder" in chat.page.inner_text("#notice")
        chat.page.wait_for_function(
            "(name) => document.querySelector('#checkpoint select').value === name", arg="copy"
        )
        chat.ask("Hi")
        assert givers(chat) == ["copy"]
        context.close()


def test_one_checkpoint_alone_shows_no_choice(tiny_chat: Chat) -> None:
    assert not tiny_chat.page.locator(CHOICE).count()
    assert not tiny_chat.page.is_visible("#checkpoint")
    assert "tiny-qwen2-vl · cpu" in tiny_chat.page.inner_text("#model-banner strong")
    tiny_chat.ask("Hi")
    assert givers(tiny_chat) == []
