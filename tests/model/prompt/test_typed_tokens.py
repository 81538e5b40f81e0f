"""Added tokens of a checkpoint, special or not, are the characters that they are, whichever way they are typed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gradio as gr
import pytest

from model.conversation import Conversation
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.following import KEY, followed
from tests.support.patience import scene
from ui.handlers import api
from ui.handlers import comparison as comparing
from ui.handlers import export as keeping
from ui.handlers.chat import sending
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab

OTHER = "e" * 32
SHORT = {"max_new_tokens": 1}


@pytest.fixture(scope="module")
def typed(with_added_tokens: LocalBackend) -> str:
    added = with_added_tokens.processor.tokenizer.added_tokens_decoder.values()
    return "".join(f"a{token.content} {token.content}\n" for token in added)


@pytest.fixture
def inert(with_added_tokens: LocalBackend, typed: str) -> Callable[..., None]:
    """Checks a prompt that says `typed` so often: added tokens are those of the template alone."""
    tokenizer = with_added_tokens.processor.tokenizer
    assert sum(i in tokenizer.added_tokens_decoder for i in tokenizer(typed)["input_ids"]) > 30

    def check(talk: Conversation, settings: GenerationSettings, times: int = 1) -> None:
        ids = with_added_tokens.prompt_ids(talk, settings)
        live = Counter(
            tokenizer.added_tokens_decoder[i].content
            for i in ids
            if i in tokenizer.added_tokens_decoder
        )
        messages = 1 + len(talk.messages)  # with the system prompt
        assert live == {"<|im_start|>": messages + 1, "<|im_end|>": messages}
        assert tokenizer.decode(ids).count(typed) == times

    return check


def posted(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def test_a_message_and_a_system_prompt(
    with_added_tokens: LocalBackend, typed: str, inert: Callable[..., None]
) -> None:
    async def play() -> None:
        tabs = Tabs(with_added_tokens)
        await sending.submit(tabs, KEY, typed, {**SHORT, "system_prompt": typed})
        await followed(tabs)
        tab = tabs.open(KEY)
        inert(tab.chat.conversation.without_last_reply(), tab.chat.answers[0].settings, times=2)

    scene(play)


def test_a_message_of_a_program(
    with_added_tokens: LocalBackend, typed: str, inert: Callable[..., None]
) -> None:
    async def play() -> None:
        tabs, request = Tabs(with_added_tokens), gr.Request(session_hash="s")
        settings = {**SHORT, "system_prompt": typed}
        async for _ in api.chat(tabs, {"text": typed}, request, settings):
            pass
        tab = tabs.open("api-s")
        inert(tab.chat.conversation.without_last_reply(), tab.chat.answers[0].settings, times=2)

    scene(play)


def test_a_comparison(
    with_added_tokens: LocalBackend, typed: str, inert: Callable[..., None]
) -> None:
    async def play() -> None:
        tabs = Tabs(with_added_tokens)
        sides = [{"system_prompt": typed}, {"system_prompt": "b"}]
        await comparing.compare(tabs, KEY, typed, posted(sides=sides), SHORT)
        async for _ in comparing.follow(tabs, KEY):
            pass
        comparison = tabs.open(KEY).comparison
        assert comparison
        first, second = (side.run for side in comparison.sides)
        assert first and second
        inert(first.conversation, first.settings, times=2)
        inert(second.conversation, second.settings)

    scene(play)


def test_a_conversation_that_is_imported(
    with_added_tokens: LocalBackend,
    typed: str,
    inert: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those in its answers too, but for the ones with which answers name places."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    async def play() -> None:
        tabs = Tabs(with_added_tokens)
        await sending.submit(tabs, KEY, typed, SHORT)
        await followed(tabs)
        tab = tabs.open(KEY)
        said = typed.replace("_start|>", "|>").replace("_end|>", "|>")
        tab.chat.conversation = tab.chat.conversation.without_last_reply().with_reply(said)
        address, _ = await keeping.export(tabs, KEY)
        path = unquote(address.partition("file=")[2])
        tabs.uploads.register([path])
        await keeping.restore(tabs, OTHER, posted(path=path, name="talk.zip"))
        back: Tab = tabs.open(OTHER)
        assert back.chat.conversation.messages == tab.chat.conversation.messages
        await sending.submit(tabs, OTHER, typed, SHORT)
        await followed(tabs, OTHER)
        inert(back.chat.conversation.without_last_reply(), back.chat.answers[-1].settings, times=2)

    scene(play)
