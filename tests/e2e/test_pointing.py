"""A part of a picture can be marked, in the tray or in the conversation, and asked about."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator

from tests.support.chat import Chat

CHIP = "#tray .region"


def drag(chat: Chat, picture: Locator) -> None:
    """From a quarter to three quarters of both sides, and ask about that."""
    picture.evaluate("(image) => image.decode()")
    box = picture.bounding_box()
    assert box
    mouse = chat.page.mouse
    mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    chat.page.wait_for_selector("dialog .marking")
    mouse.move(box["x"] + box["width"] * 3 / 4, box["y"] + box["height"] * 3 / 4)
    mouse.up()
    chat.page.click("dialog .bar .primary")


def test_a_part_of_an_attached_picture_is_asked_about(chat: Chat, picture: Path) -> None:
    chat.set("max-new-tokens", "4")
    chat.attach(picture)
    chat.page.wait_for_selector("#cost-card [data-item]", state="attached")
    chat.page.click("#tray [data-look]")
    drag(chat, chat.page.locator("dialog .grid img"))
    chat.page.wait_for_selector(CHIP)
    assert chat.page.inner_text(CHIP).strip() == "Part of Picture 1"
    crop = chat.page.locator(f"{CHIP} .crop").evaluate(
        "(crop) => getComputedStyle(crop).backgroundSize"
    )
    assert crop == "200% 200%"
    assert chat.page.locator("dialog").count() == 0
    assert chat.page.evaluate("document.activeElement.matches('#composer textarea')")
    chat.page.keyboard.type("What is here?")
    chat.ask(chat.draft)
    first, question = chat.asked
    assert first.startswith("Picture 1: (") and "<|" not in first
    assert question == "What is here?"
    assert chat.page.locator("#chatbot .user .crop").evaluate(
        "(crop) => getComputedStyle(crop).backgroundSize.split(' ').map(parseFloat).every((n) => Math.abs(n - 200) < 1)"
    )
    assert chat.page.locator(CHIP).count() == 0
    chat.page.click("#undo")
    chat.page.wait_for_selector(CHIP)
    chat.wait_for_draft("What is here?")


def test_a_part_of_an_earlier_picture_is_asked_about(chat: Chat, picture: Path) -> None:
    chat.set("max-new-tokens", "4")
    chat.attach(picture)
    chat.ask("What is this?")
    chat.page.click("#chatbot .user-row button:has(> .image-frame)")
    drag(chat, chat.page.locator("dialog .pointable img"))
    chat.page.wait_for_selector(CHIP)
    chat.ask("And here?")
    assert any(said.startswith("Picture 1: (25") for said in chat.asked)


def test_a_part_can_be_given_in_numbers_and_taken_back(chat: Chat, picture: Path) -> None:
    chat.attach(picture)
    chat.page.wait_for_selector("#cost-card [data-item]", state="attached")
    chat.page.click("#tray [data-look]")
    chat.page.click("dialog details summary")
    chat.page.click("dialog [data-op=point]")
    chat.page.wait_for_selector(CHIP)
    chat.page.click(f"{CHIP} button")
    chat.page.wait_for_selector(CHIP, state="detached")
