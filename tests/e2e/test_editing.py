"""Any turn can be rewritten, any answer copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.backend import Delta
from model.errors import MediaError
from tests.e2e.conftest import OpenChat
from tests.support.chat import Chat, holding
from tests.support.fakes import FakeBackend
from ui.text.languages import texts_for

UPLOAD = "**/gradio_api/upload*"
# As Safari reports the Enter that has confirmed what an input method offers.
CONFIRMED = """() => document.querySelector('#edit-box textarea').dispatchEvent(new KeyboardEvent(
  'keydown', { key: 'Enter', code: 'Enter', keyCode: 229, which: 229, bubbles: true, cancelable: true }))"""
FITS = """() => {
  const box = document.querySelector('#edit-box textarea');
  return box.clientHeight > 48 && box.scrollHeight === box.clientHeight;
}"""
# Not only in the window, but not under the composer either.
WHOLLY_SEEN = """(part) => {
  const { left, top, right, bottom } = document.querySelector(part).getBoundingClientRect();
  return [[left + 4, top + 4], [right - 4, bottom - 4]].every(([x, y]) =>
    document.elementFromPoint(x, y)?.closest('#edit-box'));
}"""
SEND_THE_DRAFT = """() => {
  document.querySelector('#composer [data-testid=submit-button]').click();
  const enter = { key: 'Enter', bubbles: true, cancelable: true };
  const field = document.querySelector('#composer textarea');
  for (const kind of ['keydown', 'keypress']) field.dispatchEvent(new KeyboardEvent(kind, enter));
}"""


def test_an_earlier_turn_is_rewritten_with_its_picture_while_the_draft_waits(
    told: Chat, picture: Path, clip: Path
) -> None:
    told.attach(picture)
    told.ask("first")
    told.ask("second")
    told.attach(picture, clip)
    told.page.fill("#composer textarea", "a draft")
    told.page.hover("#chatbot .user-row >> nth=0")
    told.page.click("#chatbot .user-row >> nth=0 >> .edit-turn")
    told.wait_for_edit("first")
    told.wait_for_cards(1)
    assert told.page.locator("#chatbot .replaced").count() == 3
    assert told.draft == "a draft"
    told.page.keyboard.type(" and")
    told.page.keyboard.press("Shift+Enter")
    told.page.keyboard.type("third")
    told.page.keyboard.press("Enter")
    told.wait("idle", after_turn=2)
    told.page.wait_for_selector("#edit-box", state="hidden")
    assert told.asked == ["first and\nthird"] and len(told.answered) == 1
    assert told.page.locator("#chatbot .user img").count() == 1
    assert (told.draft, told.cards) == ("a draft", 2)


def test_edit_during_an_answer_stops_it_and_edits(told: Chat, fake: FakeBackend) -> None:
    told.ask("first")
    fake.events, fake.pause_s = [Delta("word ")] * 3000, 0.02
    told.send("second")
    told.growth(1)
    told.page.hover("#chatbot .user-row >> nth=0")
    told.page.click("#chatbot .user-row >> nth=0 >> .edit-turn")
    told.wait_for_edit("first")
    told.wait("stopped")
    assert told.asked == ["first", "second"] and "word" in told.answered[1]
    fake.events, fake.pause_s = [Delta("other")], 0.0
    told.page.fill("#edit-box textarea", "another")
    told.page.press("#edit-box textarea", "Enter")
    told.wait("idle", after_turn=2)
    assert (told.asked, told.answered) == (["another"], ["other"])


def test_the_box_is_as_high_as_its_text_on_a_phone(open_page: OpenChat) -> None:
    phone = open_page(viewport={"width": 390, "height": 844})
    text = "a message that is longer than a line of a phone"
    phone.ask(text)
    phone.page.click("#edit")
    phone.wait_for_edit(text)
    phone.page.wait_for_function(FITS)


@pytest.mark.parametrize(
    "size", [(1280, 720), (390, 460)], ids=["laptop", "phone with its keyboard"]
)
def test_a_message_is_rewritten_in_its_own_bubble(
    open_page: OpenChat, picture: Path, size: tuple[int, int]
) -> None:
    """With its files; what will be replaced is dimmed, and all of the box is in sight."""
    width, height = size
    told = open_page(viewport={"width": width, "height": height})
    told.attach(picture)
    told.ask("first")
    for question in ("second", "third", "fourth"):
        told.ask(question)
    told.page.locator("#chatbot .user-row").nth(1).hover()
    told.page.click("#chatbot .user-row >> nth=1 >> .edit-turn")
    told.wait_for_edit("second")
    assert told.page.locator("#chatbot .user-row >> nth=1 >> #edit-box textarea").is_visible()
    assert told.page.locator("#chatbot .replaced").count() == 5
    told.page.click("#edit-cancel")
    told.page.wait_for_selector("#edit-box", state="hidden")
    told.page.click("#chatbot .user-row >> nth=0 >> .edit-turn")
    told.wait_for_edit("first")
    told.page.wait_for_selector("#chatbot .user-row >> nth=0 >> #tray li", state="visible")
    assert told.page.evaluate("document.activeElement.matches('.user-row #edit-box textarea')")
    for part in ("#edit-box textarea", "#edit-send", "#edit-cancel"):
        told.page.wait_for_function(WHOLLY_SEEN, arg=part)
    told.page.press("#edit-box textarea", "Escape")
    told.page.wait_for_selector("#composer #tray", state="attached")
    assert told.page.evaluate("document.activeElement.matches('#composer textarea')")
    assert told.page.locator("#chatbot .user img").first.is_visible()


def test_a_rewritten_turn_is_sent_by_its_button_and_the_draft_by_nothing(told: Chat) -> None:
    told.ask("first")
    told.page.fill("#composer textarea", "a draft")
    told.page.click("#edit")
    told.wait_for_edit("first")
    told.page.focus("#composer textarea")
    assert told.page.evaluate("document.activeElement.matches('#edit-box textarea')")
    told.page.evaluate(SEND_THE_DRAFT)
    told.page.fill("#edit-box textarea", "second")
    told.page.click("#edit-send")
    told.wait("idle", after_turn=1)
    assert told.asked == ["second"] and told.draft == "a draft"
    assert told.page.evaluate("document.activeElement.matches('#composer textarea')")
    told.page.press("#composer textarea", "Enter")
    told.wait("idle", after_turn=2)
    assert told.asked == ["second", "a draft"]


def test_enter_that_confirms_an_input_method_sends_nothing(
    told: Chat, fake: FakeBackend, picture: Path
) -> None:
    """Not even when the file that comes in meanwhile has arrived."""
    told.ask("first")
    told.page.click("#edit")
    told.wait_for_edit("first")
    with holding(told.page, UPLOAD) as held:
        told.hand_over("drop", picture)
        told.wait_until(lambda: held)
        told.page.evaluate(CONFIRMED)
        held[0].continue_()
        told.wait_for_cards(1)
    told.page.press("#edit-box textarea", "Enter")
    told.wait("idle", after_turn=1)
    assert len(fake.calls) == 2 and len(list(fake.calls[1].conversation.media)) == 1


def test_a_rewritten_turn_waits_for_its_files(told: Chat, fake: FakeBackend, picture: Path) -> None:
    told.ask("first")
    told.page.click("#edit")
    told.wait_for_edit("first")
    with holding(told.page, UPLOAD) as held:
        told.hand_over("drop", picture)
        told.wait_until(lambda: held)
        told.page.click("#edit-send")
        held[0].continue_()
        told.wait("idle", after_turn=1)
    assert len(list(fake.calls[1].conversation.media)) == 1 and told.asked == ["first"]


def test_a_rewritten_turn_is_priced_and_not_the_draft(
    told: Chat, fake: FakeBackend, picture: Path
) -> None:
    def priced() -> str:
        message = fake.estimates[-1].last_user_message if fake.estimates else None
        return message.text if message else ""

    told.attach(picture)
    told.ask("first")
    told.page.fill("#composer textarea", "a draft")
    told.page.click("#edit")
    told.wait_for_edit("first")
    told.page.keyboard.type(" again")
    told.wait_until(lambda: priced() == "first again")


def test_undo_of_a_new_chat_brings_back_what_was_being_rewritten(told: Chat) -> None:
    told.ask("first")
    told.page.click("#edit")
    told.wait_for_edit("first")
    told.page.fill("#edit-box textarea", "half rewritten")
    told.page.click("#clear")
    told.page.wait_for_selector("#edit-box", state="hidden")
    told.page.click("[data-undo-clear]")
    told.wait_for_edit("half rewritten")
    assert told.asked == ["first"] and told.draft == ""


def test_a_reload_keeps_what_is_being_rewritten(told: Chat) -> None:
    told.ask("first")
    told.page.fill("#composer textarea", "a draft")
    told.page.click("#edit")
    told.wait_for_edit("first")
    told.page.fill("#edit-box textarea", "half rewritten")
    told.reload()
    told.wait_for_edit("half rewritten")
    told.wait_for_draft("a draft")
    told.page.click("#edit-cancel")
    told.page.wait_for_selector("#edit-box", state="hidden")
    assert told.asked == ["first"] and told.draft == "a draft"


def test_a_rewritten_turn_that_comes_to_nothing_is_still_being_rewritten(
    told: Chat, fake: FakeBackend
) -> None:
    told.ask("first")
    told.page.fill("#composer textarea", "a draft")
    told.page.click("#edit")
    told.wait_for_edit("first")
    fake.events = [MediaError("No.")]
    told.page.fill("#edit-box textarea", "second")
    told.page.press("#edit-box textarea", "Enter")
    told.wait("error")
    told.wait_for_edit("second")
    assert told.asked == ["first"] and told.draft == "a draft"


def test_escape_leaves_everything_as_it_was(told: Chat) -> None:
    told.ask("first")
    told.page.fill("#composer textarea", "a draft")
    told.page.click("#edit")
    told.wait_for_edit("first")
    told.page.press("#edit-box textarea", "Escape")
    told.page.wait_for_selector("#edit-box", state="hidden")
    assert told.asked == ["first"] and told.page.locator("#chatbot .replaced").count() == 0
    assert told.draft == "a draft"


COPIED = "navigator.clipboard.readText()"


def test_every_answer_can_be_copied_as_the_text_it_is(told: Chat, fake: FakeBackend) -> None:
    fake.events = [Delta("**one** <|box_start|>(1,2),(3,4)<|box_end|>")]
    told.ask("first")
    fake.events = [Delta("two")]
    told.ask("second")
    told.page.click("#copy")
    told.wait_until(lambda: told.page.evaluate(COPIED) == "two")
    told.page.hover("#chatbot .bot-row >> nth=0")
    told.page.click("#chatbot .bot-row >> nth=0 >> .copy-answer")
    told.wait_until(lambda: told.page.evaluate(COPIED) == "**one** (1,2),(3,4)")


def test_an_answer_can_be_copied_from_a_page_that_came_over_plain_http(
    told: Chat, fake: FakeBackend
) -> None:
    """To these, browsers give no clipboard. And what has been copied is said, not left standing."""
    fake.events = [Delta("three")]
    told.ask("first")
    told.page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })"
    )
    told.watch_label("#copy")
    told.page.dblclick("#copy")
    told.page.evaluate("delete navigator.clipboard")
    told.wait_until(lambda: told.page.evaluate(COPIED) == "three")
    told.page.wait_for_function("window.labels.length > 1 && window.labels.at(-1) === 'Copy'")
    assert set(told.page.evaluate("window.labels")) == {"Copy", "Copied"}
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
