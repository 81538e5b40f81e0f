"""An answer that repeats itself is stopped, and one click asks again with a repetition penalty."""

from __future__ import annotations

from dataclasses import replace

from model.backend import Delta, Finished
from tests.support.chat import Chat
from tests.support.fakes import USAGE, FakeBackend


def test_a_loop_is_explained_and_retried_with_one_click(told: Chat, fake: FakeBackend) -> None:
    fake.events = [Delta("and then " * 20)]
    fake.ending = Finished("loop", replace(USAGE, stop_reason="loop"))
    told.ask("Tell me a story.")
    assert "repeated itself" in told.page.inner_text("#notice")
    assert told.answered[0].startswith("and then")
    fake.events, fake.ending = [Delta("The end.")], Finished("stop", USAGE)
    turn = told.turn - told.finished_before
    told.page.click("#retry-penalised")
    told.wait("idle", after_turn=turn)
    assert told.answered == ["The end."]
    assert fake.calls[-1].settings.repetition_penalty == 1.1
    told.page.wait_for_selector("#retry-penalised", state="hidden")
    assert told.page.inner_text("#notice").strip() == ""
