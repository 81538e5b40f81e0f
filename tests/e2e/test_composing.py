"""Chinese, Japanese and Korean are written with an input method: what it has not ended is no message yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.sync_api import CDPSession

from tests.support.chat import Chat, holding
from tests.support.fakes import FakeBackend

pytestmark = pytest.mark.chromium_only  # other browsers let nobody compose from outside


class InputMethod:
    """What a person composes with, as Chromium has it from the system."""

    def __init__(self, chat: Chat) -> None:
        self._session: CDPSession = chat.page.context.new_cdp_session(chat.page)
        self._keyboard = chat.page.keyboard

    def compose(self, stages: Sequence[str]) -> None:
        for text in stages:
            end = len(text)
            stage = {"text": text, "selectionStart": end, "selectionEnd": end}
            self._session.send("Input.imeSetComposition", stage)

    def press_enter(self) -> None:
        """The key belongs to the input method, which ends the composition by `confirm`."""
        for kind in ("rawKeyDown", "keyUp"):
            key = {"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
            self._session.send("Input.dispatchKeyEvent", key)

    def confirm(self, text: str) -> None:
        self._session.send("Input.insertText", {"text": text})


@pytest.fixture
def composing(told: Chat) -> InputMethod:
    told.page.focus("#composer textarea")
    return InputMethod(told)


def test_enter_chooses_a_candidate_and_the_next_one_sends(
    told: Chat, fake: FakeBackend, composing: InputMethod
) -> None:
    composing.compose(("n", "に", "にh", "にほ", "にほn", "にほん", "日本"))
    composing.press_enter()
    composing.confirm("日本")
    told.wait_for_draft("日本")
    told.page.wait_for_timeout(300)
    assert not fake.calls
    told.page.keyboard.press("Enter")
    told.wait("idle", after_turn=0)
    assert (list(told.asked), told.draft) == (["日本"], "")


def test_enter_after_a_syllable_sends_it_once(told: Chat, composing: InputMethod) -> None:
    """Korean has no candidates: the key that ends a syllable is a key of the page, too."""
    composing.compose(("ㅎ", "하", "한"))
    composing.press_enter()
    composing.confirm("한")
    told.page.keyboard.press("Enter")
    told.wait("idle", after_turn=0)
    assert (list(told.asked), told.draft) == (["한"], "")


def test_a_syllable_that_is_begun_while_a_message_is_taken_is_ended_in_peace(
    told: Chat, composing: InputMethod
) -> None:
    with holding(told.page, "**/run/predict*") as held:
        told.send("first")
        told.wait_until(lambda: held)
        composing.compose(("ㅎ", "하"))
        held[0].continue_()
        told.wait("idle", after_turn=0)
        composing.compose(("한",))
        composing.confirm("한")
        told.wait_for_draft("한")
    assert told.asked == ["first"]


def test_what_is_composed_is_priced(
    told: Chat, fake: FakeBackend, picture: Path, composing: InputMethod
) -> None:
    told.attach(picture)
    told.wait_for_price()
    told.page.focus("#composer textarea")
    composing.compose(("ㅁ", "무", "뭐"))
    composing.confirm("뭐")
    told.wait_until(lambda: fake.estimates[-1].last_user_message.text == "뭐")  # type: ignore[union-attr]


def test_escape_that_ends_a_composition_stops_no_answer(
    told: Chat, fake: FakeBackend, composing: InputMethod
) -> None:
    fake.pause_s = 60.0
    told.send("Tell me.")
    told.wait("queued", "reading")
    composing.compose(("ㅎ", "하"))
    told.page.evaluate(
        """() => document.querySelector('#composer textarea').dispatchEvent(new KeyboardEvent(
          'keydown', { key: 'Escape', keyCode: 229, isComposing: true, bubbles: true, cancelable: true }))"""
    )
    told.page.wait_for_timeout(300)
    assert not fake.calls[0].cancel.is_set()
    composing.confirm("하")
    told.stop()
