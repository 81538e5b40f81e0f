"""Any turn can be rewritten, any answer copied."""

from __future__ import annotations

from pathlib import Path

from model.backend import Delta
from tests.e2e.chat import Chat
from tests.support.fakes import FakeBackend
from ui.text.languages import texts_for


def test_an_earlier_turn_is_rewritten_with_its_picture_and_the_draft_comes_back(
    told: Chat, picture: Path
) -> None:
    told.attach(picture)
    told.ask("first")
    told.ask("second")
    told.page.fill("#composer textarea", "a draft")
    told.page.hover("#chatbot .user-row >> nth=0")
    told.page.click("#chatbot .user-row >> nth=0 >> .edit-turn")
    told.wait_for_draft("first")
    told.wait_for_cards(1)
    assert told.page.locator("#chatbot .replaced").count() == 4
    told.ask("third")
    told.wait_for_draft("a draft")
    assert told.asked == ["third"] and len(told.answered) == 1
    assert told.page.locator("#chatbot .user img").count() == 1
    assert told.cards == 0


def test_escape_leaves_everything_as_it_was(told: Chat) -> None:
    told.ask("first")
    told.page.fill("#composer textarea", "a draft")
    told.page.click("#edit")
    told.wait_for_draft("first")
    told.page.press("#composer textarea", "Escape")
    told.wait_for_draft("a draft")
    told.page.wait_for_selector("#cancel-edit", state="hidden")
    assert told.asked == ["first"] and told.page.locator("#chatbot .replaced").count() == 0


def test_every_answer_can_be_copied_as_the_text_it_is(told: Chat, fake: FakeBackend) -> None:
    fake.events = [Delta("**one** <|box_start|>(1,2),(3,4)<|box_end|>")]
    told.ask("first")
    fake.events = [Delta("two")]
    told.ask("second")
    told.page.click("#copy")
    told.page.wait_for_function("navigator.clipboard.readText().then((t) => t === 'two')")
    told.page.hover("#chatbot .bot-row >> nth=0")
    told.page.click("#chatbot .bot-row >> nth=0 >> .copy-answer")
    told.page.wait_for_function("navigator.clipboard.readText().then((t) => t !== 'two')")
    copied = told.page.evaluate("navigator.clipboard.readText()")
    assert copied == "**one** (1,2),(3,4)"


def test_an_answer_can_be_copied_from_a_page_that_came_over_plain_http(
    told: Chat, fake: FakeBackend
) -> None:
    """To these, browsers give no clipboard. And what has been copied is said, not left standing."""
    fake.events = [Delta("three")]
    told.ask("first")
    told.page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })"
    )
    told.page.dblclick("#copy")
    told.page.evaluate("delete navigator.clipboard")
    told.page.wait_for_function("navigator.clipboard.readText().then((t) => t === 'three')")
    told.page.wait_for_function("document.querySelector('#copy').innerText === 'Copied'")
    told.page.wait_for_function("document.querySelector('#copy').innerText === 'Copy'")
    told.page.locator("#language input[value=zh]").dispatch_event("click")
    told.page.wait_for_function(
        "(label) => document.querySelector('#copy').innerText === label", arg=texts_for("zh").copy
    )
    told.page.locator("#language input[value=en]").dispatch_event("click")
    told.page.wait_for_function("document.querySelector('#copy').innerText === 'Copy'")


def test_a_draft_survives_a_reload(told: Chat) -> None:
    told.page.fill("#composer textarea", "not sent yet")
    told.reload()
    told.wait_for_draft("not sent yet")
    told.page.fill("#composer textarea", "")
