"""An answer that repeated itself is kept, explained, and retried with a repetition penalty."""

from __future__ import annotations

from dataclasses import replace

from model.backend import Delta, Finished
from tests.support.fakes import USAGE, FakeBackend
from tests.support.following import KEY, followed
from tests.support.patience import scene
from ui.handlers import page_tab
from ui.handlers.chat import sending
from ui.state.registry import Tabs
from ui.state.tab.conversation import LOOPED

LOOP = Finished("loop", replace(USAGE, stop_reason="loop"))


def test_it_is_kept_and_a_sentence_says_what_helps() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("la la la")], ending=LOOP))
        await sending.submit(tabs, KEY, "Sing.", {})
        shown = await followed(tabs)
        tab = page_tab.tab_of(tabs, KEY)
        assert tab.chat.conversation.messages[-1].text == "la la la"
        assert (tab.state, tab.chat.notice) == ("idle", LOOPED)
        assert "repeated itself" in shown.notice and "repeated itself" in shown.stats
        assert shown.retry_penalised.visible is True

    scene(play)


def test_each_retry_has_a_higher_penalty_and_the_settings_stay() -> None:
    async def play() -> None:
        backend = FakeBackend(ending=LOOP)
        tabs = Tabs(backend)
        await sending.submit(tabs, KEY, "Sing.", {"temperature": 0.3})
        await followed(tabs)
        for _ in range(2):
            await sending.retry_penalised(tabs, KEY, {"temperature": 0.3})
            await followed(tabs)
        await sending.retry(tabs, KEY, {})
        await followed(tabs)
        penalties = [call.settings.repetition_penalty for call in backend.calls]
        assert penalties == [1.0, 1.1, 1.2, 1.0]
        assert backend.calls[1].settings.temperature == 0.3
        assert [call.conversation.turns for call in backend.calls] == [1, 1, 1, 1]

    scene(play)


def test_the_penalty_stays_within_its_range() -> None:
    async def play() -> None:
        backend = FakeBackend(ending=LOOP)
        tabs = Tabs(backend)
        await sending.submit(tabs, KEY, "Sing.", {"repetition_penalty": 2.0})
        await followed(tabs)
        await sending.retry_penalised(tabs, KEY, {})
        assert backend.calls[-1].settings.repetition_penalty == 2.0
        await followed(tabs)

    scene(play)


def test_an_answer_that_ended_by_itself_is_not_offered_a_penalty() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await sending.submit(tabs, KEY, "Hi", {})
        shown = await followed(tabs)
        assert shown.retry_penalised.visible == "hidden" and shown.notice == ""

    scene(play)
