"""Who is answered, and what becomes of what the backend keeps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from model.backend import Cancel, Delta, Event
from model.conversation import Conversation, Text
from model.errors import DemoError
from model.serving.person import PERSON
from tests.support.fakes import FakeBackend
from tests.support.patience import PATIENCE_S, becomes, scene
from tests.support.sending import send
from ui.handlers import api
from ui.http.asker import Asker
from ui.media import uploads
from ui.state import registry as limits
from ui.state.registry import Tabs


def test_one_answer_at_a_time_in_a_tab_and_a_limit_over_all() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(gate=threading.Event()), queue_size=1)
        one, other = tabs.open("k1"), tabs.open("k2")
        sending = asyncio.create_task(send(tabs, one, "Hi"))
        await becomes(lambda: one.chat.run)
        with pytest.raises(DemoError, match="still being written"):
            await send(tabs, one, "again")
        with pytest.raises(DemoError, match="Waiting already: 1;"):
            await send(tabs, other, "Hi")
        assert one.chat.run
        one.chat.run.cancel.set()
        await sending
        other_tabs = Tabs(FakeBackend())
        await send(other_tabs, other_tabs.open("k2"), "Hi")

    scene(play)


def test_one_address_leaves_places_in_the_queue_to_others() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(gate=threading.Event()), queue_size=4)
        for number in range(5):
            tabs.open(f"k{number}").presence.asker = Asker("198.51.100.7")
        tabs.open("other").presence.asker = Asker("198.51.100.9")
        for number in range(3):
            asyncio.create_task(send(tabs, tabs.open(f"k{number}"), "Hi"))  # noqa: RUF006
            await becomes(lambda count=number + 1: tabs.running == count)  # type: ignore[misc]
        with pytest.raises(DemoError, match="your address"):
            await send(tabs, tabs.open("k3"), "Hi")
        asyncio.create_task(send(tabs, tabs.open("other"), "Hi"))  # noqa: RUF006
        await becomes(lambda: tabs.running == 4)
        tabs.end()
        await becomes(lambda: not tabs.running)

    scene(play)


def test_whom_an_answer_is_for_is_known_where_people_share() -> None:
    class Listening(FakeBackend):
        def stream(self, *given: Any, **named: Any) -> Iterator[Event]:
            asked.append(PERSON.get())
            return super().stream(*given, **named)

    async def play() -> None:
        tabs = Tabs(Listening())
        for address in ("198.51.100.7", "2001:db8::1", ""):
            tab = tabs.open(f"of {address}")
            tab.presence.asker = Asker(address)
            await send(tabs, tab, "Hi")

    asked: list[str] = []
    scene(play)
    assert asked == ["198.51.100.7", "2001:db8::/56", "of "]


def test_the_more_answers_grow_the_less_often_each_is_updated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "RECOUNT_S", -1.0)
    over = threading.Event()

    def answer(_: Conversation) -> Iterator[Event | Exception]:
        yield Delta("Hel")
        over.wait(PATIENCE_S)
        yield Delta("lo")

    async def play() -> None:
        tabs = Tabs(FakeBackend(answer=answer))
        asked = [asyncio.create_task(send(tabs, tabs.open(f"k{i}"), "Hi")) for i in range(32)]
        growing = [0.05]
        while growing[-1] < 32 * limits.UPDATE_S:
            growing.append(tabs.frame_s(0.05))
            await asyncio.sleep(0.01)
        over.set()
        await asyncio.gather(*asked)
        assert tabs.frame_s(0.05) == 0.05

    scene(play)


def test_two_tabs_never_mix() -> None:
    def answer(talk: Conversation) -> list[Event | Exception]:
        return [Delta(f"{talk.messages[-1].text}!")] * 20

    async def play() -> None:
        tabs = Tabs(FakeBackend(answer=answer, pause_s=0.005))
        await asyncio.gather(*(send(tabs, tabs.open(f"k{i}"), f"t{i}") for i in range(8)))
        for i in range(8):
            assert tabs.open(f"k{i}").chat.conversation.messages[-1].text == f"t{i}!" * 20

    scene(play)


def test_a_program_does_not_get_a_pages_conversation_whatever_it_calls_its_session() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = tabs.open("k")
        tab.chat.conversation = Conversation().with_user_turn(Text("Hi")).with_reply("Hello")
        await api.estimate(tabs, {"text": "And?"}, gr.Request(session_hash="k"))
        assert [asked.turns for asked in backend.estimates] == [1]

    scene(play)


def test_what_is_kept_for_a_closed_tab_goes_but_a_reload_keeps_it() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend(), closed_s=0.05)
        tab = tabs.open("k")
        tabs.page_opened(tab, "browser", "first")
        tabs.page_closed("first")
        tabs.page_opened(tab, "browser", "reloaded")
        await asyncio.sleep(0.15)
        assert backend.forgotten == []
        tabs.page_closed("somebody else's")
        tabs.page_closed("reloaded")
        await becomes(lambda: backend.forgotten)
        assert backend.forgotten == ["k"]

    scene(play)


def test_a_new_tab_of_the_same_key_is_not_forgotten_for_the_one_before() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend(), closed_s=0.05)
        before = tabs.open("k")
        tabs.page_opened(before, "browser", "page")
        tabs.page_closed("page")
        tabs.open_tabs._drop([before])
        await becomes(lambda: backend.forgotten)
        tabs.open("k")
        await asyncio.sleep(0.15)
        assert backend.forgotten == ["k"]

    scene(play)


def test_a_tab_that_is_still_answered_keeps_what_it_needs() -> None:
    async def play() -> None:
        backend = FakeBackend([Delta("Hi")], gate=(gate := threading.Event()))
        tabs = Tabs(backend, closed_s=0.05)
        tab = tabs.open("k")
        tabs.page_opened(tab, "browser", "page")
        sending = asyncio.create_task(send(tabs, tab, "Hi"))
        await becomes(lambda: backend.calls)
        tabs.page_closed("page")
        await asyncio.sleep(0.15)
        assert backend.forgotten == []
        gate.set()
        await sending
        await becomes(lambda: backend.forgotten)
        assert backend.forgotten == ["k"]

    scene(play)


def test_shutting_down_stops_a_verification() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        verifying = tabs.open("k").verifying = Cancel()
        tabs.end()
        assert verifying.is_set()

    scene(play)


@pytest.mark.parametrize("again", [True, False])
def test_a_file_that_is_sent_again_while_it_waits_to_be_deleted_stays(
    again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal content has one path, so the second upload may come before the first one is deleted."""
    monkeypatch.setattr(uploads, "upload_folder", lambda: tmp_path)
    file = tmp_path / "a.zip"
    file.write_bytes(b"a")

    async def play() -> None:
        tabs, busy = Tabs(FakeBackend()), threading.Event()
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        tab = tabs.open("k1")
        tabs.uploads.register([str(file)])
        claimed = tabs.uploads.claim(str(file), tab.key)
        loop.run_in_executor(None, busy.wait)
        tabs.give_up(tab, claimed)
        if again:
            tabs.uploads.register([str(file)])
        busy.set()
        await loop.run_in_executor(None, busy.wait)
        assert file.exists() is again

    scene(play)
