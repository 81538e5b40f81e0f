"""A message is sent, and an answer tried again or stopped."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

from model.backend import Backend, Delta, LoadProgress, Status
from model.conversation import Conversation
from model.errors import CheckpointError, MediaError
from model.loading import LoadingBackend
from model.settings import Bounds, DefaultSettings, GenerationSettings
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, drawn, followed, rest
from tests.support.patience import becomes, scene, wait_until
from ui.handlers import page_tab
from ui.handlers.chat import editing, sending
from ui.html import messages, page_update
from ui.state.background_work import MAX_JOBS_OF_ONE
from ui.state.registry import Tabs
from ui.state.tab.run import Run
from ui.state.tab.tab import Tab
from ui.state.tray.regions import Pointed
from ui.state.tray.resolution import Resolution

BOUNDS = dict.fromkeys(("min_tokens", "max_tokens"), Bounds(64, 256))
OWN = DefaultSettings.within(BOUNDS, GenerationSettings(repetition_penalty=1.05))


def test_a_message_that_waits_for_the_checkpoint_takes_its_defaults(uploads: Path) -> None:
    """For each setting that nobody has chosen, and at the level that was chosen for a picture."""

    async def play() -> None:
        backend = FakeBackend(current=Status("loading", "Fake-VL"))
        tabs = Tabs(backend)
        tab = tabs.open(KEY)
        files = [{"path": str(uploads / "red.png"), "name": name} for name in "ab"]
        await attach(tabs, files)
        tab.draft.set_resolution(tab.draft.tray[1], Resolution("medium"))
        await sending.submit(tabs, KEY, "What?", {"temperature": 0.5, "repetition_penalty": 1.0})
        await becomes(lambda: tab.chat.run is not None and tab.chat.run.state == "loading")
        assert not backend.calls
        backend.defaults, backend.current = OWN, FakeBackend().current
        await followed(tabs)
        call = backend.calls[0]
        assert call.settings == GenerationSettings(temperature=0.5, repetition_penalty=1.0)
        assert [picture.vision.max_tokens for picture in call.conversation.media] == [256, 128]
        assert tab.chat.conversation.messages[0] == call.conversation.messages[0]
        assert tab.chat.answers[0].settings == call.settings
        await editing.edit_latest(tabs, KEY)
        assert [item.resolution.level for item in tab.draft.tray] == ["auto", "medium"]

    scene(play)


def test_a_place_is_told_to_the_checkpoint_that_was_waited_for_as_it_sees_it(
    uploads: Path,
) -> None:
    async def play() -> None:
        loading = Status("loading", "Fake-VL", convention="qwen2_5_vl")
        backend = FakeBackend(current=loading)
        tabs = Tabs(backend)
        tab = tabs.open(KEY)
        PillowImage.new("RGB", (1120, 560)).save(uploads / "large.png")
        await attach(tabs, [{"path": str(uploads / "large.png"), "name": "large.png"}])
        tab.draft.places.add(Pointed("p", (0.5, 0.5, 1.0, 1.0), tab.draft.tray[0].id))
        await sending.submit(tabs, KEY, "What?", {})
        await becomes(lambda: tab.chat.run is not None and tab.chat.run.state == "loading")
        backend.defaults = OWN
        backend.current = replace(loading, state="ready")
        await followed(tabs)
        [region] = backend.calls[0].conversation.messages[0].regions
        assert "[308, 154, 615, 307]" in region.text, "in the pixels of 22 x 11 tokens"
        await editing.edit_latest(tabs, KEY)
        assert [place.corners for place in tab.draft.places.marked] == [(0.5, 0.5, 1.0, 1.0)]

    scene(play)


def test_a_message_that_waits_in_vain_is_handed_back() -> None:
    async def play() -> None:
        def load(_: LoadProgress) -> Backend:
            raise CheckpointError("There is no folder x.")

        tabs = Tabs(LoadingBackend(load, "x"))
        taken = (await sending.submit(tabs, KEY, "Hi", {})).taken
        last = await followed(tabs)
        assert (taken, last.returned) == ("Hi", "Hi") and "There is no folder x." in last.notice

    scene(play)


def test_a_message_is_taken_answered_and_shown() -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend)
        first = await sending.submit(tabs, KEY, "Hi", {"temperature": 0.5})
        assert first.taken == "Hi"
        assert rest(first)["messages"][-1]["role"] == "user"
        last = await followed(tabs)
        assert [m["role"] for m in drawn(tabs)["messages"]] == ["user", "assistant"]
        assert 'data-state="idle" data-turn="1"' in last.run_state
        assert (page_update.live_answer(tabs.open(KEY)), last.returned) == ("", "")
        assert [answer["text"] for answer in rest(last)["answers"]] == ["Hello"]
        assert "tokens in" in last.stats
        assert backend.calls[0].settings.temperature == 0.5
        assert backend.calls[0].session == KEY

    scene(play)


def test_an_answer_may_end_while_its_long_message_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        backend = FakeBackend(gate=threading.Event())
        tabs = Tabs(backend)
        draw = messages.messages

        def ended_meanwhile(*drawn: Any) -> list[Any]:
            assert backend.gate
            backend.gate.set()
            wait_until(lambda: not tabs.open(KEY).chat.live)
            return draw(*drawn)

        monkeypatch.setattr(messages, "messages", ended_meanwhile)
        text = "x" * page_tab.LONG
        first = await sending.submit(tabs, KEY, text, {})
        assert first.taken == text
        assert [m["role"] for m in rest(first)["messages"]] == ["user"]
        assert rest(first)["answering"], "so that the page follows it to its end"
        last = await followed(tabs)
        assert [answer["text"] for answer in rest(last)["answers"]] == ["Hello"]

    scene(play)


def test_a_long_message_that_fails_before_it_is_drawn_is_handed_back() -> None:
    """The page is told of no answer then, and does not ask what has become of it."""

    async def play() -> None:
        tabs = Tabs(FakeBackend([MediaError("It is too long.")]))
        tab, begun = tabs.open(KEY), threading.Semaphore(0)

        def estimate() -> None:
            begun.release()
            wait_until(lambda: tab.chat.outcome == "error")

        estimates = [
            asyncio.create_task(tabs.background.run(tab, estimate)) for _ in range(MAX_JOBS_OF_ONE)
        ]
        for _ in estimates:
            await becomes(lambda: begun.acquire(blocking=False))
        text = "x" * page_tab.LONG
        shown = await sending.submit(tabs, KEY, text, {})
        assert not rest(shown)["answering"] and "It is too long." in shown.notice
        assert (shown.taken, shown.returned) == (text, text)

    scene(play)


def test_a_long_message_in_the_place_of_another_is_drawn_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What had been sent was counted, and not looked at: a million characters held everybody for 0.3 s."""
    on_a_loop: list[bool] = []
    draw = messages.messages

    def watched(*drawn: Any) -> list[Any]:
        on_a_loop.append(asyncio._get_running_loop() is not None)
        return draw(*drawn)

    async def play() -> None:
        tabs = Tabs(FakeBackend([MediaError("It cannot be read.")]))
        await sending.submit(tabs, KEY, "Hi", {})
        await becomes(lambda: not tabs.open(KEY).chat.live)
        monkeypatch.setattr(messages, "messages", watched)
        await sending.submit(tabs, KEY, "x" * page_tab.LONG, {})

    scene(play)
    assert on_a_loop == [False]


def test_nothing_is_not_sent_and_a_second_message_waits_in_the_composer() -> None:
    async def play() -> None:
        backend = FakeBackend(gate=(gate := threading.Event()))
        tabs = Tabs(backend)
        assert (await sending.submit(tabs, KEY, "  ", {})).taken == ""
        assert (await sending.submit(tabs, KEY, "one", {})).taken == "one"
        assert (await sending.submit(tabs, KEY, "two", {})).taken == ""
        gate.set()
        await followed(tabs)
        assert len(backend.calls) == 1

    scene(play)


def test_a_setting_that_cannot_be_leaves_the_message_where_it_is() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        shown = await sending.submit(tabs, KEY, "Hi", {"max_tokens": 5, "min_tokens": 9})
        assert shown.taken == ""
        assert "Minimum detail per picture" in shown.notice
        assert not tabs.open(KEY).chat.live

    scene(play)


def test_a_failed_turn_hands_the_message_back_once() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([MediaError("No <such> picture.")]))
        await sending.submit(tabs, KEY, "Hi", {})
        last = await followed(tabs)
        assert last.returned == "Hi"
        assert "No &lt;such&gt; picture." in last.notice
        assert 'data-state="error"' in last.run_state
        assert (await followed(tabs)).returned == ""

    scene(play)


def test_stop_is_seen_by_who_follows() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("x")] * 1000, pause_s=0.01))
        await sending.submit(tabs, KEY, "Hi", {})
        follower = asyncio.create_task(followed(tabs))
        await becomes(lambda: (run := tabs.open(KEY).chat.run) and run.text)
        await sending.stop(tabs, KEY)
        last = await follower
        assert 'data-state="stopped"' in last.run_state
        assert rest(last)["messages"][-1]["role"] == "assistant"

    scene(play)


def test_retry_answers_the_same_message_with_the_settings_of_now() -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend)
        await sending.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        await sending.retry(tabs, KEY, {"temperature": 1.0})
        last = await followed(tabs)
        assert backend.calls[0].conversation == backend.calls[1].conversation
        assert backend.calls[1].settings.temperature == 1.0
        assert 'data-turn="2"' in last.run_state and len(drawn(tabs)["messages"]) == 2

    scene(play)


def test_retry_undo_and_stop_of_an_empty_conversation_do_nothing() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        await sending.retry(tabs, KEY, {})
        await editing.undo(tabs, KEY)
        await sending.stop(tabs, KEY)
        assert backend.calls == []

    scene(play)


def test_a_run_that_cannot_start_leaves_its_tab_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system gives no more threads."""

    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refused)
            taken = (await sending.submit(tabs, KEY, "Hi", {})).taken
            last = await followed(tabs)
        assert (taken, last.returned, tabs.running) == ("Hi", "Hi", 0)
        assert "too much to do" in last.notice and last.message.submit_btn
        await sending.submit(tabs, KEY, "Hi", {})
        assert (
            rest(await followed(tabs))["answers"][0]["text"] == "Hello" and len(backend.calls) == 1
        )

    scene(play)


def refused(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def broken(*_: Any) -> Any:
    raise RuntimeError("a bug")


@pytest.mark.parametrize(("where", "part"), [(Tab, "settle"), (Run, "start")])
def test_a_bug_where_a_run_starts_or_ends_leaves_its_tab_usable(
    monkeypatch: pytest.MonkeyPatch, where: type, part: str
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        with monkeypatch.context() as patch:
            patch.setattr(where, part, broken)
            await sending.submit(tabs, KEY, "Hi", {})
            last = await followed(tabs)
        assert "Something went wrong" in last.notice and tabs.running == 0
        assert tabs.open(KEY).chat.conversation == Conversation()
        await sending.submit(tabs, KEY, "Hi", {})
        assert rest(await followed(tabs))["answers"][0]["text"] == "Hello"

    scene(play)
