"""What a message would cost, and how long its first word would take."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.backend import Usage
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach
from tests.support.patience import scene
from ui.handlers.chat import sending
from ui.handlers.tray import pricing
from ui.handlers.tray.pricing import seconds_to_first_word
from ui.state.registry import Tabs


def test_the_cost_is_asked_for_what_would_be_sent(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        assert await pricing.price(tabs, KEY, "Hi", {}) == ""
        red = {"path": str(uploads / "red.png"), "name": "red.png"}
        await attach(tabs, [red])
        assert "34 of 32,768" in await pricing.price(tabs, KEY, "Hi", {"max_tokens": 77})
        (talk,) = backend.estimates
        assert talk.media[0].vision.max_tokens == 77

    scene(play)


def test_what_keeps_a_message_from_being_sent_is_told_once(uploads: Path) -> None:
    """Below the composer, until somebody sends it all the same."""

    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await attach(tabs, [{"path": str(uploads / "red.png")}])
        one_side = {"resized_height": 200}
        assert "go together" in await pricing.price(tabs, KEY, "Hi", one_side)
        assert "go together" in (await sending.submit(tabs, KEY, "Hi", one_side)).notice
        assert await pricing.price(tabs, KEY, "Hi", one_side) == ""
        assert "the minimum" in await pricing.price(
            tabs, KEY, "Hi", {"max_tokens": 5, "min_tokens": 9}
        )

    scene(play)


def turn(prefilled: int, seconds: float) -> Usage:
    return Usage(prefilled, 0, 0, 8, seconds, 30.0, "stop", 0, prefilled_tokens=prefilled)


def test_no_wait_is_promised_before_two_turns() -> None:
    assert seconds_to_first_word([], 100) is None
    assert seconds_to_first_word([turn(100, 1.0), None], 100) is None


def test_the_wait_grows_with_what_is_new() -> None:
    measured = [turn(100, 0.6), turn(1100, 2.6)]
    assert seconds_to_first_word(measured, 600) == pytest.approx(1.6)
    assert seconds_to_first_word(measured, 0) == pytest.approx(0.4)


def test_turns_that_contradict_each_other_promise_nothing_negative() -> None:
    assert seconds_to_first_word([turn(100, 3.0), turn(1000, 0.1)], 5000) == pytest.approx(1.55)
    assert seconds_to_first_word([turn(50, 1.0), turn(50, 1.0)], 100) == pytest.approx(2.0)
