"""A duplicated tab goes on with a copy: what is done in one of the two does not change the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from model.backend import Delta
from model.conversation import Conversation, Text
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, drawn, followed, rest
from tests.support.media_files import solid
from tests.support.pages import gradio_environment
from tests.support.patience import becomes, scene
from ui.handlers.chat import editing, opening, sending
from ui.state.registry import Tabs
from ui.state.tab.conversation import COPIED
from ui.state.tab.tab import Tab

OTHER = "f" * 32


@pytest.fixture
def uploads(tmp_path: Path) -> Iterator[Path]:
    with gradio_environment(tmp_path):
        yield tmp_path


async def duplicated(tabs: Tabs, original: str = KEY) -> Tab:
    """The tab of a page that says whose duplicate it is."""
    await opening.open_page(tabs, OTHER, "en", original, "", gr.Request(session_hash="second"))
    return tabs.open(OTHER)


def answers(tabs: Tabs, key: str) -> list[str]:
    return [answer["text"] for answer in drawn(tabs, key)["answers"]]


async def asked(tabs: Tabs, text: str, key: str = KEY) -> None:
    await sending.submit(tabs, key, text, {})
    await followed(tabs, key)


def test_it_begins_as_the_other_is_and_says_so(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        await asked(tabs, "Hi")
        await attach(tabs, [{"path": str(solid(uploads / "a.png")), "name": "a.png"}])
        first, second = tabs.open(KEY), await duplicated(tabs)
        assert answers(tabs, OTHER) == ["Hello"] and second.chat.notice == COPIED
        assert (
            [item.path for item in second.draft.tray]
            == [item.path for item in first.draft.tray]
            != []
        )
        first.draft.tray.clear()
        assert second.draft.tray
        await asked(tabs, "only in the first")
        await asked(tabs, "only in the second", OTHER)
        assert [len(answers(tabs, key)) for key in (KEY, OTHER)] == [2, 2]
        assert first.chat.conversation.messages[-2] != second.chat.conversation.messages[-2]
        assert second.chat.conversation.turns == 2

    scene(play)


def test_new_chat_in_one_leaves_the_other_its_files(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        both, first = solid(uploads / "both.png"), solid(uploads / "first.png")
        await attach(tabs, [{"path": str(both), "name": "both.png"}])
        second = await duplicated(tabs)
        await attach(tabs, [{"path": str(first), "name": "first.png"}])
        await editing.clear(tabs, KEY)
        await becomes(lambda: not first.exists())
        assert both.exists() and Path(second.draft.tray[0].thumbnail).exists()
        await editing.clear(tabs, OTHER)
        await becomes(lambda: not both.exists())

    scene(play)


def test_an_answer_in_the_making_stays_in_the_other() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend([Delta("Hello")]))
        await asked(tabs, "Hi")
        backend.gate, backend.events = threading.Event(), [Delta("Anew")]
        await sending.retry(tabs, KEY, {})
        await becomes(lambda: len(backend.calls) == 2)
        second = await duplicated(tabs)
        assert answers(tabs, OTHER) == ["Hello"] and not second.chat.live
        backend.gate.set()
        assert rest(await followed(tabs))["answers"][-1]["text"] == "Anew"
        assert answers(tabs, OTHER) == ["Hello"]

    scene(play)


def test_a_tab_with_a_conversation_of_its_own_keeps_it() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        await asked(tabs, "Hi")
        await asked(tabs, "Mine", OTHER)
        second = await duplicated(tabs)
        assert second.chat.conversation.messages[0].text == "Mine"
        for nobody in ("", "0" * 32, "no key"):
            await duplicated(tabs, nobody)

    scene(play)


def test_what_a_program_asked_cannot_be_copied() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        program = tabs.open("api-program")
        program.chat.conversation = Conversation().with_user_turn(Text("Hi")).with_reply("Hello")
        second = await duplicated(tabs, "api-program")
        assert not second.chat.conversation.messages

    scene(play)
