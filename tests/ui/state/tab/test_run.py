"""A run goes on without a page, obeys Stop, and is given up when nobody follows it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from model.backend import Delta, Notice, Progress
from model.conversation import Conversation, Text
from model.errors import MediaError
from model.settings import GenerationSettings
from tests.support.fakes import FakeBackend
from tests.support.patience import PATIENCE_S, becomes
from ui.state.tab import run as runs
from ui.state.tab.run import Run

ASKED = Conversation().with_user_turn(Text("Hi"))


def running(
    backend: FakeBackend,
    meanwhile: Callable[[Run], Awaitable[None]],
    *,
    page_pending: Callable[[], bool] = lambda: False,
) -> tuple[Run, list[Run]]:
    """Start a run, do something, and wait for its end."""

    async def started() -> tuple[Run, list[Run]]:
        ended: list[Run] = []
        run = Run(ASKED, GenerationSettings(), "s1")
        run.start(backend, ended.append, page_pending=page_pending)
        await meanwhile(run)
        await run.ended()
        return run, ended

    return asyncio.run(asyncio.wait_for(started(), PATIENCE_S))


async def nothing(run: Run) -> None:
    """Just wait."""


def test_buffer_holds_the_whole_answer() -> None:
    backend = FakeBackend()
    run, ended = running(backend, nothing)
    assert (run.text, run.error, run.live) == ("Hello", None, False)
    assert run.finished and run.finished.reason == "stop"
    assert ended == [run]
    assert (backend.calls[0].conversation, backend.calls[0].session) == (ASKED, "s1")


def test_the_end_is_noticed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at the next look at who follows."""
    monkeypatch.setattr(runs, "WATCH_S", 2 * PATIENCE_S)
    run, _ = running(FakeBackend(), nothing)
    assert run.text == "Hello"


def test_state_tells_waiting_from_answering() -> None:
    run = Run(ASKED, GenerationSettings(), "")
    states = []
    for progress in (Progress("loading", 1, 9), Progress("queued", 0, 1), Progress("vision", 0, 1)):
        run.progress = progress
        states.append(run.state)
    run.text = "x"
    assert [*states, run.state] == ["loading", "queued", "reading", "answering"]


@pytest.mark.parametrize("error", [MediaError("No such picture."), RuntimeError("bug")])
def test_an_exception_ends_the_run_and_is_kept(error: Exception) -> None:
    run, ended = running(FakeBackend([Delta("Hal"), error]), nothing)
    assert (run.text, run.error, run.finished) == ("Hal", error, None)
    assert ended == [run]


def test_cancel_ends_it_and_keeps_the_text() -> None:
    async def stop_after_some_text(run: Run) -> None:
        with run.followed():
            await becomes(lambda: run.text)
            run.cancel.set()

    run, _ = running(FakeBackend([Delta("x")] * 1000, pause_s=0.01), stop_after_some_text)
    assert run.finished and run.finished.reason == "cancelled"
    assert 0 < len(run.text) < 1000


async def look_once(run: Run) -> None:
    with run.followed():
        await asyncio.sleep(0)


def test_an_answer_that_nobody_follows_any_more_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "ORPHAN_S", 0.1)

    async def look_and_leave(run: Run) -> None:
        await look_once(run)
        await asyncio.wait_for(run.ended(), 20)

    run, _ = running(FakeBackend(gate=threading.Event()), look_and_leave)
    assert run.finished and run.finished.reason == "cancelled"


def test_a_cut_connection_is_waited_for_and_a_page_that_left_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "ORPHAN_S", 3600.0)
    monkeypatch.setattr(runs, "LEFT_S", 0.1)

    async def look_and_leave(run: Run) -> None:
        with run.followed():
            await asyncio.sleep(0)
        await asyncio.sleep(1.0)
        assert run.live, "its page may be back in a moment"
        with run.followed():
            run.leave()
            await asyncio.sleep(0)
        await asyncio.wait_for(run.ended(), 20)

    run, _ = running(FakeBackend(gate=threading.Event()), look_and_leave)
    assert run.finished and run.finished.reason == "cancelled"


def test_a_follower_of_a_page_that_left_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio goes on with an event whose page has gone before it listened."""
    monkeypatch.setattr(runs, "LEFT_S", 0.1)

    async def leave_and_look(run: Run) -> None:
        run.leave()
        with run.followed():
            await asyncio.wait_for(run.ended(), 20)

    run, _ = running(FakeBackend(gate=threading.Event()), leave_and_look)
    assert run.finished and run.finished.reason == "cancelled"


def test_an_answer_that_nobody_ever_follows_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "ORPHAN_S", 0.1)
    run, _ = running(FakeBackend(gate=threading.Event()), nothing)
    assert run.finished and run.finished.reason == "cancelled"


def test_an_answer_that_is_followed_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "ORPHAN_S", 0.1)
    gate = threading.Event()

    async def look_for_longer_than_the_patience(run: Run) -> None:
        with run.followed():
            await asyncio.sleep(0.6)
            gate.set()
            await run.ended()

    run, _ = running(FakeBackend(gate=gate), look_for_longer_than_the_patience)
    assert run.text == "Hello"


def test_a_follower_on_the_way_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "LEFT_S", 0.1)
    gate = threading.Event()

    async def reload(run: Run) -> None:
        await look_once(run)
        run.leave()
        run.expect_follower()
        await asyncio.sleep(0.6)
        gate.set()

    run, _ = running(FakeBackend(gate=gate), reload)
    assert run.text == "Hello"


def test_a_page_that_is_awaited_keeps_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "ORPHAN_S", 0.1)
    gate = threading.Event()

    async def open_late(run: Run) -> None:
        await look_once(run)
        await asyncio.sleep(0.6)
        gate.set()

    run, _ = running(FakeBackend(gate=gate), open_late, page_pending=lambda: True)
    assert run.text == "Hello"


def test_a_notice_is_kept_and_is_no_part_of_the_answer() -> None:
    run, _ = running(FakeBackend([Notice("Mind this."), Delta("Hello")]), nothing)
    assert (run.text, run.notice) == ("Hello", "Mind this.")
