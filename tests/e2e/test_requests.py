"""How many requests the page sends to Gradio for what a person does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Request

from tests.support.chat import Chat
from tests.support.fakes import FakeBackend

EVENTS = ("predict", "join", "data")  # an event at once; one in the queue, and its stream


@contextmanager
def counted(chat: Chat) -> Iterator[Counter[str]]:
    """The requests that are sent meanwhile, by the last part of their path."""
    sent: Counter[str] = Counter()

    def count(request: Request) -> None:
        name = urlsplit(request.url).path.rpartition("/")[2]
        if name in EVENTS:
            sent[name] += 1

    chat.page.on("request", count)
    try:
        yield sent
    finally:
        chat.page.remove_listener("request", count)


def test_nothing_is_priced_or_read_ahead_for_a_message_without_files(told: Chat) -> None:
    with counted(told) as sent:
        for text in ("One", "Two"):
            told.page.type("#composer textarea", text, delay=20)
            told.ask(text)
    # For each: submit, and follow with its stream, which ends with everything that the answer has changed.
    assert sent == {"predict": 2, "join": 2, "data": 2}


def test_a_page_that_opens_has_nothing_to_follow(told: Chat) -> None:
    with counted(told) as sent:
        told.reload()
        told.wait("idle")
        told.page.wait_for_selector("#model-banner strong")
    # What runs and what was said; and what the settings start with, once those that the browser has kept are back.
    assert sent == {"predict": 2}


def test_nothing_is_priced_or_read_ahead_after_new_chat(told: Chat) -> None:
    told.ask("One")
    with counted(told) as sent:
        told.page.click("#clear")
        told.page.wait_for_selector("#examples", state="visible")
        told.page.type("#composer textarea", "Two", delay=20)
    assert sent == {"predict": 1}


def test_a_price_goes_with_the_last_file(told: Chat, picture: Path) -> None:
    told.attach(picture)
    told.page.wait_for_selector("#cost-card [data-item]", state="attached")
    told.page.click("#tray [data-op=detach]")
    told.page.wait_for_selector("#cost-card [data-item]", state="detached")


def test_what_is_attached_is_priced_and_read_and_nothing_else(told: Chat, picture: Path) -> None:
    with counted(told) as sent:
        told.attach(picture)
        told.page.wait_for_selector("#tray [data-read]")
    # What is in the tray; its price; reading ahead with its stream.
    assert sent == {"predict": 2, "join": 1, "data": 1}


def test_a_text_is_priced_however_it_is_changed(
    told: Chat, fake: FakeBackend, picture: Path
) -> None:
    """Gradio tells of keys that write something, and of no other change."""

    def becomes(text: str) -> None:
        told.wait_for_draft(text)
        told.wait_until(lambda: fake.estimates[-1].last_user_message.text == text)  # type: ignore[union-attr]

    told.attach(picture)
    told.wait_for_price()
    told.page.focus("#composer textarea")
    told.page.keyboard.insert_text("What is this?")  # as a dictation or an input method does
    becomes("What is this?")
    told.page.keyboard.press("Backspace")
    becomes("What is this")
    told.page.keyboard.press("Control+A")
    told.page.keyboard.press("Control+X")
    becomes("")
    for pasted in ("What is this", "What is thisWhat is this"):
        told.page.keyboard.press("Control+V")
        becomes(pasted)
