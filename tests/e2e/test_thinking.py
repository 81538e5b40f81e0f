"""What a model thinks before its answer stands folded above it, and is text."""

from __future__ import annotations

from dataclasses import replace

from model.backend import Delta, Finished, Reasoning
from tests.support.chat import Chat
from tests.support.fakes import USAGE, FakeBackend

THOUGHT = 'It has <b>ears</b>,\n\n* so <img src="x">\n```\nit is $\\sqrt{2}$ | a cat.'


def test_a_reasoning_is_folded_and_can_be_read(told: Chat, fake: FakeBackend) -> None:
    page = told.page
    fake.events = [Reasoning("\n"), Reasoning(THOUGHT), Delta("**A cat.**")]
    fake.ending = Finished("stop", replace(USAGE, reasoning_tokens=1234))
    told.ask("What is it?")
    page.wait_for_selector("#chatbot .reasoning")
    summary = page.locator("#chatbot .reasoning summary")
    assert summary.inner_text() == "Reasoning: 1,234 tokens"
    inside = page.locator("#chatbot .reasoning div")
    assert not inside.is_visible()
    summary.click()
    assert inside.is_visible() and inside.inner_text() == THOUGHT
    assert page.locator("#chatbot .prose strong").inner_text() == "A cat."
    assert page.locator("#chatbot .reasoning :is(b, img, li, code)").count() == 0
    told.reload()
    page.wait_for_selector("#chatbot .reasoning")
    fake.events = [Delta("Yes.")]
    told.ask("Sure?")
    assert [m.text for m in fake.calls[-1].conversation.messages][1] == "**A cat.**"
    assert page.locator("#chatbot .reasoning").count() == 1


def test_a_tab_says_that_the_model_thinks(told: Chat, fake: FakeBackend) -> None:
    fake.events = [Reasoning("It has ears. ")] * 1000
    fake.pause_s = 0.02
    told.send("What is it?")
    told.wait_until(lambda: "Thinking:" in told.live)
    told.stop()
