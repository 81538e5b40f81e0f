"""Files come in by choosing, dropping and pasting; what cannot be used is refused in a sentence."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Route

from tests.e2e.conftest import OpenChat
from tests.support import documents
from tests.support.chat import ENDED, Chat
from tests.support.fakes import FakeBackend
from ui.media.sandbox.probe import SUFFIXES
from ui.state import background_work
from ui.state.tray.attachment import Attachment, Document, look_at


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_file_can_be_dropped_and_pasted_while_typing(
    chat: Chat, picture: Path, kind: str
) -> None:
    chat.page.type("#composer textarea", "Look at ")
    chat.hand_over(kind, picture)
    chat.page.type("#composer textarea", "this, please.", delay=15)
    chat.wait_for_cards(1)
    assert chat.draft == "Look at this, please."


def test_a_refused_file_is_explained_and_the_others_stay(
    chat: Chat, picture: Path, tmp_path: Path
) -> None:
    fake = tmp_path / "<img src=x onerror=alert(1)>.png"
    fake.write_text("no picture")
    notes = tmp_path / "notes.txt"
    notes.write_text("no picture either")
    chat.page.set_input_files("#composer input[type=file]", [fake, picture, notes])
    refusals = chat.page.locator("#tray [role=alert]")
    refusals.nth(1).wait_for()
    assert chat.cards == 1
    assert "neither a picture nor a video" in refusals.nth(1).inner_text()
    assert chat.page.locator("#tray img[src=x]").count() == 0
    refusals.nth(0).locator("button").click()
    chat.page.wait_for_function("document.querySelectorAll('#tray [role=alert]').length === 1")
    assert chat.cards == 1


def test_fast_clicks_dismiss_every_refusal(chat: Chat, picture: Path, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("no picture")
    files = [tmp_path / "a.txt", picture, tmp_path / "b.txt"]
    chat.page.set_input_files("#composer input[type=file]", files)
    chat.page.locator("#tray [role=alert]").nth(1).wait_for()
    chat.page.evaluate(
        "document.querySelectorAll('#tray [role=alert] button').forEach((b) => b.click())"
    )
    chat.page.wait_for_function("!document.querySelector('#tray [role=alert]')")
    assert chat.cards == 1


def test_fast_clicks_remove_what_was_clicked(chat: Chat, picture: Path, clip: Path) -> None:
    chat.attach(picture, clip, picture)
    chat.page.evaluate(
        "[...document.querySelectorAll('#tray [data-op=detach]')].slice(0, 2).forEach((b) => b.click())"
    )
    chat.wait_for_cards(1)
    assert chat.page.get_attribute("#tray li img", "alt") == "red boat.png"


def test_an_answer_that_comes_late_does_not_bring_back_what_was_removed(
    chat: Chat, picture: Path
) -> None:
    removals: list[tuple[Route, APIResponse]] = []

    def hold_the_first(route: Route) -> None:
        if "detach" not in (route.request.post_data or ""):
            route.continue_()
            return
        removals.append((route, route.fetch()))
        if len(removals) > 1:
            route.fulfill(response=removals[-1][1])

    chat.attach(picture, picture, picture)
    chat.page.route("**/run/predict*", hold_the_first)
    chat.page.evaluate(
        "[...document.querySelectorAll('#tray [data-op=detach]')].slice(0, 2).forEach((b) => b.click())"
    )
    chat.wait_until(lambda: removals)
    chat.page.wait_for_timeout(500)  # in which a second request would overtake the first
    route, answer = removals[0]
    route.fulfill(response=answer)
    chat.page.wait_for_timeout(500)
    chat.wait_for_cards(1)


@pytest.mark.beyond_any_server("the protocol knows no reading ahead")
def test_what_is_attached_is_read_before_it_is_sent(chat: Chat, picture: Path) -> None:
    chat.set("max-new-tokens", "12")
    chat.attach(picture)
    card = chat.page.locator("#tray li[data-read]")
    card.wait_for()
    assert "Read already" in (card.get_attribute("title") or "")
    chat.page.type("#composer textarea", "What is this?")
    chat.attach(picture)  # whatever else is attached is read too
    chat.page.wait_for_function("document.querySelectorAll('#tray li[data-read]').length === 2")
    assert chat.draft == "What is this?"
    chat.page.press("#composer textarea", "Enter")
    chat.wait(*ENDED, after_turn=0)
    read, reused = (int(n) for n in re.findall(r"\d+", chat.stats.replace(",", ""))[:2])
    assert read - reused < 20, chat.stats


def test_a_message_waits_for_its_files_whatever_else_is_asked_of_the_tray(
    told: Chat, fake: FakeBackend, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.attach(picture)
    told.page.wait_for_selector("#cost-card [data-item]", state="attached")
    let_in = threading.Event()

    def slowly(*file: Any) -> Attachment | Document:
        assert let_in.wait(60)
        return look_at(*file)

    monkeypatch.setattr(background_work, "look_at", slowly)
    told.page.set_input_files("#composer input[type=file]", picture)
    told.page.wait_for_selector("#composer[data-uploading]")
    told.page.click("#tray [data-look]")  # which has the tray drawn anew
    told.page.wait_for_selector("dialog.inspector [role=status]")
    told.page.keyboard.press("Escape")
    told.send("What is in both?")
    told.page.wait_for_timeout(500)
    assert not fake.calls
    let_in.set()
    told.wait("idle", after_turn=0)
    assert len(list(fake.calls[0].conversation.media)) == 2 and told.cards == 0


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_however_much_is_attached_there_is_room_to_type(
    told: Chat, picture: Path, size: tuple[int, int]
) -> None:
    width, height = size
    told.page.set_viewport_size({"width": width, "height": height})
    told.attach(*[picture] * 30)
    told.wait_for_price()
    for place in ("#composer textarea", "#cost-card"):
        box = told.page.locator(place).bounding_box()
        assert box and box["y"] + box["height"] <= height
    desk = told.page.locator("#desk").bounding_box()
    told.page.set_viewport_size({"width": 1280, "height": 800})
    assert desk and desk["height"] < 0.6 * height


def test_text_from_a_word_processor_is_pasted_without_its_picture_and_a_picture_with_it(
    core: Chat,
) -> None:
    """A browser's "Copy image" offers the picture and HTML that holds it."""
    taken = core.page.evaluate(
        """(pasted) => pasted.map((html) => {
      const data = new DataTransfer();
      data.items.add(new File([''], 'text.png', { type: 'image/png' }));
      if (html) data.setData('text/html', html);
      const paste = new ClipboardEvent('paste', { bubbles: true, cancelable: true });
      Object.defineProperty(paste, 'clipboardData', { value: data });
      return !document.body.dispatchEvent(paste);
    })""",
        [
            "",
            "<b>text</b>",
            "<meta charset='utf-8'><img src='https://example.org/red.png' alt='red'/>",
            "<html><head><style>p { color: red }</style></head><body><!--StartFragment-->\n<img src='file:///a.png'>\n<!--EndFragment--></body></html>",
            "<p>text</p><img src='https://example.org/red.png'>",
            "<table><tr><td>1</td></tr></table>",
        ],
    )
    assert taken == [True, False, True, True, False, False]
    core.page.wait_for_selector("#tray [role=alert] >> nth=2")


def test_the_same_file_can_be_chosen_again(told: Chat, picture: Path) -> None:
    told.attach(picture)
    assert told.page.input_value("#composer input[type=file]") == ""


def test_the_file_input_asks_for_what_is_read(told: Chat) -> None:
    """So a phone hands over a JPEG where HEIC is not read."""
    accepted = told.page.locator("#composer input[type=file]").first.get_attribute("accept") or ""
    assert {kind.strip() for kind in accepted.split(",")} == set(SUFFIXES)


def test_a_pdf_is_attached_page_by_page_priced_and_sent(
    told: Chat, fake: FakeBackend, tmp_path: Path
) -> None:
    paper = documents.pdf(
        tmp_path / "report.pdf", [["One"], documents.table(), ["Three"], ["Four"], ["Five"]]
    )
    told.page.set_input_files("#composer input[type=file]", paper)
    told.wait_for_cards(5)
    field = "#tray input[data-pages]"
    assert told.page.input_value(field) == "1-5"
    labels = told.page.locator("#tray li small")
    assert labels.all_inner_texts() == [f"page {n}" for n in range(1, 6)]
    told.wait_until(
        lambda: told.page.locator("#tray li p span").all_inner_texts() == ["4 tokens"] * 5
    )
    told.page.click("#tray [data-op=detach] >> nth=4")
    told.wait_for_cards(4)
    assert told.page.input_value(field) == "1-4"
    told.page.fill("#composer textarea", "Sum it up:")
    told.page.click("#tray [data-op=pages_text]")
    read = "Item Price\nApples 3.20\nPears 4.10\nSum 7.30"
    told.wait_for_draft(
        f"Sum it up:\n\nreport.pdf, p. 1:\nOne\n\nreport.pdf, p. 2:\n{read}\n\n"
        "report.pdf, p. 3:\nThree\n\nreport.pdf, p. 4:\nFour"
    )
    told.page.fill(field, "2, 4-5")
    told.page.press(field, "Enter")
    told.send("What is the sum?")  # which waits for the pages
    told.wait(*ENDED, after_turn=0)
    sent = fake.calls[-1].conversation.media
    assert [part.name for part in sent] == [f"report-p{n}.png" for n in (2, 4, 5)]
    assert told.cards == 0


def choose(chat: Chat, file: Path) -> None:
    """With the button, as a person does."""
    with chat.page.expect_file_chooser() as asked:
        chat.page.click("#attach")
    asked.value.set_files(file)


def test_what_is_typed_after_a_file_was_chosen_is_the_question(told: Chat, picture: Path) -> None:
    choose(told, picture)
    told.page.keyboard.type("What is this?")
    told.wait_for_cards(1)
    assert told.draft == "What is this?"


@pytest.mark.chromium_only
def test_a_chosen_file_brings_no_keyboard_up(open_page: OpenChat, picture: Path) -> None:
    chat = open_page(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    choose(chat, picture)
    chat.wait_for_cards(1)
    assert chat.page.evaluate("document.activeElement.id") == "attach"
