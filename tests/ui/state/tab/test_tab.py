"""What a tab owns changes only as its owner asked, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import threading

import pytest

from model.backend import Delta, Notice
from model.conversation import Conversation
from model.errors import MediaError
from tests.support.fakes import USAGE, FakeBackend
from tests.support.patience import becomes, scene
from tests.support.sending import CLIP, PHOTO, send
from ui.html import page_update
from ui.state.registry import Tabs


def test_an_answer_is_kept_with_what_it_cost() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open("k")
        await send(tabs, tab, "Hi")
        assert [m.text for m in tab.chat.conversation.messages] == ["Hi", "Hello"]
        assert (tab.chat.usage, tab.state, tab.chat.finished_turns) == (USAGE, "idle", 1)

    scene(play)


@pytest.mark.parametrize(
    ("error", "said"),
    [(MediaError("No such picture."), "No such picture."), (RuntimeError("secret"), "went wrong")],
)
def test_a_turn_that_fails_before_any_text_gives_everything_back(
    error: Exception, said: str
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([error]))
        tab = tabs.open("k")
        tab.draft.attach(PHOTO)
        await send(tabs, tab, "Hi")
        assert tab.chat.conversation == Conversation()
        assert (tab.draft.returned, [item.path for item in tab.draft.tray]) == ("Hi", [PHOTO.path])
        assert (tab.state, tab.chat.finished_turns) == ("error", 1)
        assert said in tab.chat.notice and "secret" not in tab.chat.notice

    scene(play)


def test_what_was_attached_meanwhile_stays_behind_what_comes_back() -> None:
    async def play() -> None:
        gate = threading.Event()
        tabs = Tabs(FakeBackend([Delta("never")], gate=gate))
        tab = tabs.open("k")
        tab.draft.attach(PHOTO)
        sending = asyncio.create_task(send(tabs, tab, "Hi"))
        await becomes(lambda: tab.chat.run)
        tab.draft.attach(CLIP)
        assert tab.chat.run
        tab.chat.run.cancel.set()
        await sending
        assert [item.path for item in tab.draft.tray] == [PHOTO.path, CLIP.path]
        assert (tab.state, tab.draft.returned) == ("stopped", "Hi")

    scene(play)


def test_a_failure_after_some_text_keeps_the_text() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("Hal"), MediaError("Gone.")]))
        tab = tabs.open("k")
        await send(tabs, tab, "Hi")
        assert tab.chat.conversation.messages[-1].text == "Hal"
        assert (tab.chat.notice, tab.state, tab.chat.usage, tab.draft.returned) == (
            "Gone.",
            "error",
            None,
            "",
        )

    scene(play)


def test_stop_keeps_the_text_that_is_there() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("x")] * 1000, pause_s=0.01))
        tab = tabs.open("k")
        sending = asyncio.create_task(send(tabs, tab, "Hi"))
        await becomes(lambda: tab.chat.run and tab.chat.run.text)
        assert tab.chat.run
        tab.chat.run.cancel.set()
        await sending
        assert set(tab.chat.conversation.messages[-1].text) == {"x"}
        assert (tab.state, tab.chat.usage and tab.chat.usage.stop_reason) == (
            "stopped",
            "cancelled",
        )

    scene(play)


def test_undo_takes_text_and_files_back_and_shows_the_earlier_statistics() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open("k")
        await send(tabs, tab, "first")
        tab.draft.attach(PHOTO)
        await send(tabs, tab, "second")
        tab.undo()
        assert [m.text for m in tab.chat.conversation.messages] == ["first", "Hello"]
        assert (tab.draft.returned, [item.path for item in tab.draft.tray]) == (
            "second",
            [PHOTO.path],
        )
        assert len(tab.chat.answers) == 1

    scene(play)


def test_clear_during_an_answer_gives_it_up() -> None:
    async def play() -> None:
        backend = FakeBackend(gate=threading.Event())
        tabs = Tabs(backend)
        tab = tabs.open("k")
        sending = asyncio.create_task(send(tabs, tab, "Hi"))
        await becomes(lambda: backend.calls)
        tab.clear()
        await sending
        assert backend.calls[0].cancel.is_set()
        assert (tab.chat.conversation, tab.draft.tray, tab.draft.returned) == (
            Conversation(),
            [],
            "",
        )

    scene(play)


def test_what_is_worth_knowing_does_not_look_like_a_failure() -> None:
    async def play() -> None:
        backend = FakeBackend([Notice("Knows no seed."), Delta("Hi")])
        tabs = Tabs(backend)
        tab = tabs.open("k")
        await send(tabs, tab, "Hi")
        assert page_update.notice(tab) == '<p role="status">Knows no seed.</p>'
        backend.events = [MediaError("Picture 1 is gone.")]
        await send(tabs, tab, "Hi")
        assert page_update.notice(tab) == '<p role="alert">Picture 1 is gone.</p>'
        tab.clear()
        assert "gone" not in page_update.notice(tab)

    scene(play)


@pytest.mark.parametrize(("program", "back"), [(False, ["Hi", [PHOTO.path]]), (True, ["", []])])
def test_a_message_that_comes_to_nothing_goes_back_to_people_and_not_to_programs(
    program: bool, back: list[object]
) -> None:
    """A program still has it, and nobody would see it in a tray."""

    async def play() -> None:
        tabs = Tabs(FakeBackend([MediaError("No such picture.")]))
        tab = tabs.open("k")
        tab.presence.is_program = program
        tab.draft.attach(PHOTO)
        await send(tabs, tab, "Hi")
        assert [tab.draft.returned, [item.path for item in tab.draft.tray]] == back

    scene(play)
