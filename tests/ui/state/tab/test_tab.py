"""What a tab owns changes only as its owner asked, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from model.backend import Cancel, Delta, Event, Notice
from model.conversation import Conversation, Image, Text
from model.errors import DemoError, MediaError
from model.serving.person import PERSON
from model.settings import VisionSettings
from tests.support.fakes import USAGE, FakeBackend
from tests.support.patience import PATIENCE_S, becomes, scene
from tests.support.sending import CLIP, PHOTO, send
from ui.handlers import api
from ui.html import page_update as view
from ui.http.asker import Asker
from ui.state import registry as open_tabs
from ui.state.registry import Tabs
from ui.state.tab import tab as session
from ui.state.tab.tab import Tab


def test_each_item_is_sent_with_the_resolution_of_that_moment() -> None:
    tab = Tab("k", FakeBackend())
    tab.attach(PHOTO)
    tab.attach(CLIP)
    drafted = tab.drafted("What?", VisionSettings(max_tokens=99))
    assert drafted
    picture, clip, text = drafted.messages[0].parts
    assert isinstance(picture, Image) and picture.vision.max_tokens == 99
    assert (clip, text) == (CLIP.part(VisionSettings(max_tokens=99)), Text("What?"))


def test_nothing_cannot_be_sent() -> None:
    assert Tab("k", FakeBackend()).drafted(" \n", VisionSettings()) is None


def test_an_answer_is_kept_with_what_it_cost() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open("k")
        await send(tabs, tab, "Hi")
        assert [m.text for m in tab.conversation.messages] == ["Hi", "Hello"]
        assert (tab.usage, tab.state, tab.finished_turns) == (USAGE, "idle", 1)

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
        tab.attach(PHOTO)
        await send(tabs, tab, "Hi")
        assert tab.conversation == Conversation()
        assert (tab.returned, [item.path for item in tab.tray]) == ("Hi", [PHOTO.path])
        assert (tab.state, tab.finished_turns) == ("error", 1)
        assert said in tab.notice and "secret" not in tab.notice

    scene(play)


def test_what_was_attached_meanwhile_stays_behind_what_comes_back() -> None:
    async def play() -> None:
        gate = threading.Event()
        tabs = Tabs(FakeBackend([Delta("never")], gate=gate))
        tab = tabs.open("k")
        tab.attach(PHOTO)
        sending = asyncio.create_task(send(tabs, tab, "Hi"))
        await becomes(lambda: tab.run)
        tab.attach(CLIP)
        assert tab.run
        tab.run.cancel.set()
        await sending
        assert [item.path for item in tab.tray] == [PHOTO.path, CLIP.path]
        assert (tab.state, tab.returned) == ("stopped", "Hi")

    scene(play)


def test_a_failure_after_some_text_keeps_the_text() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("Hal"), MediaError("Gone.")]))
        tab = tabs.open("k")
        await send(tabs, tab, "Hi")
        assert tab.conversation.messages[-1].text == "Hal"
        assert (tab.notice, tab.state, tab.usage, tab.returned) == ("Gone.", "error", None, "")

    scene(play)


def test_stop_keeps_the_text_that_is_there() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("x")] * 1000, pause_s=0.01))
        tab = tabs.open("k")
        sending = asyncio.create_task(send(tabs, tab, "Hi"))
        await becomes(lambda: tab.run and tab.run.text)
        assert tab.run
        tab.run.cancel.set()
        await sending
        assert set(tab.conversation.messages[-1].text) == {"x"}
        assert (tab.state, tab.usage and tab.usage.stop_reason) == ("stopped", "cancelled")

    scene(play)


def test_undo_takes_text_and_files_back_and_shows_the_earlier_statistics() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open("k")
        await send(tabs, tab, "first")
        tab.attach(PHOTO)
        await send(tabs, tab, "second")
        tab.undo()
        assert [m.text for m in tab.conversation.messages] == ["first", "Hello"]
        assert (tab.returned, [item.path for item in tab.tray]) == ("second", [PHOTO.path])
        assert len(tab.answers) == 1

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
        assert (tab.conversation, tab.tray, tab.returned) == (Conversation(), [], "")

    scene(play)


def test_one_answer_at_a_time_in_a_tab_and_a_limit_over_all() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(gate=threading.Event()), queue_size=1)
        one, other = tabs.open("k1"), tabs.open("k2")
        sending = asyncio.create_task(send(tabs, one, "Hi"))
        await becomes(lambda: one.run)
        with pytest.raises(DemoError, match="still being written"):
            await send(tabs, one, "again")
        with pytest.raises(DemoError, match="Waiting already: 1;"):
            await send(tabs, other, "Hi")
        assert one.run
        one.run.cancel.set()
        await sending
        await send(Tabs(FakeBackend()), other, "Hi")

    scene(play)


def test_one_address_leaves_places_in_the_queue_to_others() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(gate=threading.Event()), queue_size=4)
        for number in range(5):
            tabs.open(f"k{number}").asker = Asker("198.51.100.7")
        tabs.open("other").asker = Asker("198.51.100.9")
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
            tab.asker = Asker(address)
            await send(tabs, tab, "Hi")

    asked: list[str] = []
    scene(play)
    assert asked == ["198.51.100.7", "2001:db8::/56", "of "]


def test_what_is_worth_knowing_does_not_look_like_a_failure() -> None:
    async def play() -> None:
        backend = FakeBackend([Notice("Knows no seed."), Delta("Hi")])
        tabs = Tabs(backend)
        tab = tabs.open("k")
        await send(tabs, tab, "Hi")
        assert view.notice(tab) == '<p role="status">Knows no seed.</p>'
        backend.events = [MediaError("Picture 1 is gone.")]
        await send(tabs, tab, "Hi")
        assert view.notice(tab) == '<p role="alert">Picture 1 is gone.</p>'
        tab.clear()
        assert view.notice(tab) == ""

    scene(play)


def test_the_more_answers_grow_the_less_often_each_is_updated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_tabs, "RECOUNT_S", -1.0)
    over = threading.Event()

    def answer(_: Conversation) -> Iterator[Event | Exception]:
        yield Delta("Hel")
        over.wait(PATIENCE_S)
        yield Delta("lo")

    async def play() -> None:
        tabs = Tabs(FakeBackend(answer=answer))
        asked = [asyncio.create_task(send(tabs, tabs.open(f"k{i}"), "Hi")) for i in range(32)]
        growing = [0.05]
        while growing[-1] < 32 * open_tabs.UPDATE_S:
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
            assert tabs.open(f"k{i}").conversation.messages[-1].text == f"t{i}!" * 20

    scene(play)


def test_an_unseen_tab_expires_and_the_backend_forgets_it() -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend)
        old, shown, recent = (tabs.open(key) for key in ("old", "shown", "recent"))
        tabs.page_opened(shown, "browser", "page")
        for tab in (old, shown):
            tab.seen = time.monotonic() - open_tabs.KEPT_S - 1
        assert tabs.open("recent") is recent
        await becomes(lambda: backend.forgotten)
        assert backend.forgotten == ["old"]
        assert tabs.open("old") is not old
        assert tabs.open("shown") is shown, "its page is open, if idle"

    scene(play)


def test_what_the_last_visitor_left_is_forgotten_though_nobody_comes_after() -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend, kept_s=0.2)
        tab = tabs.open("last")
        tabs.page_opened(tab, "browser", "page")
        await asyncio.sleep(0.5)
        assert tabs._tabs, "the page is open"
        tabs.page_closed("page")
        await becomes(lambda: backend.forgotten and not tabs._tabs)

    scene(play)


def test_a_program_that_says_nothing_for_long_is_forgotten() -> None:
    """Plain HTTP clients leave without a word."""

    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend)
        request = gr.Request(session_hash="program")
        await api.estimate(tabs, {"text": "Hi"}, request)
        (tab,) = tabs._tabs.values()
        tab.seen = time.monotonic() - open_tabs.KEPT_S - 1
        tabs.open("recent")
        await becomes(lambda: backend.forgotten)
        assert backend.forgotten == [tab.key]

    scene(play)


def test_a_program_does_not_get_a_pages_conversation_whatever_it_calls_its_session() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = tabs.open("k")
        tab.conversation = Conversation().with_user_turn(Text("Hi")).with_reply("Hello")
        await api.estimate(tabs, {"text": "And?"}, gr.Request(session_hash="k"))
        assert [asked.turns for asked in backend.estimates] == [1]

    scene(play)


def test_a_closed_page_leaves_its_conversation_for_as_long_as_is_asked_for() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), kept_s=0.3)
        tab = tabs.open("k")
        tabs.page_opened(tab, "browser", "page")
        await asyncio.sleep(0.4)
        tabs.page_closed("page")
        tabs.open("other")
        assert tabs.open("k") is tab, "it was closed just now"
        await asyncio.sleep(0.4)
        tabs.open("other")
        assert tabs.open("k") is not tab

    scene(play)


def test_too_many_tabs_drop_the_one_unseen_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        monkeypatch.setattr(open_tabs, "MAX_TABS", 2)
        tabs = Tabs(backend := FakeBackend())
        first = tabs.open("1")
        tabs.open("2")
        assert tabs.open("1") is first
        tabs.open("3")
        await becomes(lambda: backend.forgotten)
        assert backend.forgotten == ["2"]

    scene(play)


def test_empty_tabs_do_not_push_out_a_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        monkeypatch.setattr(open_tabs, "MAX_TABS", 3)
        tabs = Tabs(backend := FakeBackend())
        mine = tabs.open("mine")
        mine.answered = True
        for number in range(6):
            tabs.open(f"stranger {number}")
        assert tabs.open("mine") is mine
        await becomes(lambda: len(backend.forgotten) >= 4)
        assert backend.forgotten == [f"stranger {number}" for number in range(4)]

    scene(play)


def test_a_page_is_awaited_from_its_request_to_its_opening() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        assert not tabs.awaited("host")
        tabs.page_requested("host")
        assert tabs.awaited("host") and not tabs.awaited("other")
        tabs.page_opened(tabs.open("k"), "host", "page")
        assert not tabs.awaited("host")

    scene(play)


def test_a_browsers_first_page_is_awaited_too_though_it_has_no_cookie_yet() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tabs.page_requested("192.0.2.1")
        tabs.page_opened(tabs.open("k"), "cookie", "page", "192.0.2.1")
        assert not tabs.awaited("192.0.2.1")

    scene(play)


def test_a_reload_is_over_though_a_neighbours_first_page_is_still_awaited() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tabs.page_requested("192.0.2.1")
        tabs.page_requested("cookie")
        tabs.page_opened(tabs.open("k"), "cookie", "page", "192.0.2.1")
        assert tabs.awaited("192.0.2.1") and not tabs.awaited("cookie")

    scene(play)


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_tabs, "AT_ONCE_S", 0.01)
    monkeypatch.setattr(open_tabs, "POLL_S", 0.01)


@pytest.mark.usefixtures("briefly")
def test_a_checkpoint_is_loaded_when_the_page_is_there_that_was_asked_for() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tabs.page_requested("host")
        loading = asyncio.create_task(asyncio.to_thread(tabs.wait_for_first_page))
        await asyncio.sleep(0.2)
        assert not loading.done()
        tabs.page_opened(tabs.open("k"), "host", "page")
        await loading

    scene(play)


@pytest.mark.usefixtures("briefly")
@pytest.mark.parametrize("asked", [False, True])
def test_a_page_that_does_not_come_holds_no_checkpoint_up(
    monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    monkeypatch.setattr(open_tabs, "FIRST_PAGE_S", 0.05 if asked else 60.0)
    tabs = Tabs(FakeBackend())
    if asked:
        tabs.page_requested("host")
    loading = threading.Thread(target=tabs.wait_for_first_page, daemon=True)
    loading.start()
    loading.join(PATIENCE_S)
    assert not loading.is_alive()


def test_a_tray_holds_only_so_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MAX_ATTACHMENTS", 1)
    tab = Tab("k", FakeBackend())
    tab.attach(PHOTO)
    with pytest.raises(DemoError, match=r"b\.mp4 was left out"):
        tab.attach(CLIP)


def test_an_item_moves_as_far_as_there_is_room() -> None:
    tab = Tab("k", FakeBackend())
    for item in (PHOTO, CLIP, third := replace(PHOTO, id="3")):
        tab.attach(item)
    tab.move(PHOTO, -1)
    assert tab.tray == [PHOTO, CLIP, third]
    tab.move(PHOTO, 1)
    assert tab.tray == [CLIP, PHOTO, third]
    tab.move(third, 1)
    assert tab.tray == [CLIP, PHOTO, third]


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
        tabs._drop([before])
        await becomes(lambda: backend.forgotten)
        tabs.open("k")
        await asyncio.sleep(0.15)
        assert backend.forgotten == ["k"]

    scene(play)


@pytest.mark.parametrize(("program", "back"), [(False, ["Hi", [PHOTO.path]]), (True, ["", []])])
def test_a_message_that_comes_to_nothing_goes_back_to_people_and_not_to_programs(
    program: bool, back: list[object]
) -> None:
    """A program still has it, and nobody would see it in a tray."""

    async def play() -> None:
        tabs = Tabs(FakeBackend([MediaError("No such picture.")]))
        tab = tabs.open("k")
        tab.program = program
        tab.attach(PHOTO)
        await send(tabs, tab, "Hi")
        assert [tab.returned, [item.path for item in tab.tray]] == back

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


def test_a_tab_that_is_answered_does_not_expire() -> None:
    async def play() -> None:
        backend = FakeBackend([Delta("Hi")], gate=(gate := threading.Event()))
        tabs = Tabs(backend)
        tab = tabs.open("k")
        sending = asyncio.create_task(send(tabs, tab, "Hi"))
        await becomes(lambda: backend.calls)
        tab.seen = time.monotonic() - open_tabs.KEPT_S - 1
        tabs.open("other")
        assert tabs.open("k") is tab
        gate.set()
        await sending

    scene(play)


def test_shutting_down_stops_a_verification() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        verifying = tabs.open("k").verifying = Cancel()
        tabs.end()
        assert verifying.is_set()

    scene(play)
