"""The server is started anew under an open page, and knows nothing of it: what the person still has stays, and they are told."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext

from model.backend import Delta
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend
from tests.support.pages import listening
from tests.support.relay import Relay, relayed
from ui.page.build import build_page

TOLD = "#told p"
NOTICE = "#notice [role=alert]"
COPIED = "navigator.clipboard.readText()"


@dataclass
class Restart:
    """A page, and the server that takes the place of its own."""

    chat: Chat
    relay: Relay
    port: int
    backend: FakeBackend

    def begin(self) -> None:
        """The connections end, and the next ones reach the other server."""
        self.relay.target = self.port
        self.relay.cut()


@pytest.fixture(scope="module")
def another(scripted: tuple[FakeBackend, str]) -> Iterator[tuple[FakeBackend, str]]:  # noqa: ARG001 (its folder for uploads)
    backend = FakeBackend()
    with listening(build_page(backend)) as url:
        yield backend, url


@pytest.fixture
def restart(
    fake_url: str, another: tuple[FakeBackend, str], profile: BrowserContext
) -> Iterator[Restart]:
    backend, url = another
    vars(backend).update(vars(FakeBackend()))
    with relayed(fake_url) as relay:
        chat = Chat(profile.new_page(), relay.address)
        chat.open()
        yield Restart(chat, relay, urlsplit(url).port or 0, backend)
        chat.close()


def test_a_message_to_a_server_that_has_forgotten_the_chat_stays_with_what_was_said(
    restart: Restart,
) -> None:
    chat = restart.chat
    chat.ask("first")
    restart.begin()
    chat.send("second")
    chat.page.wait_for_selector(TOLD)
    assert "does not know this page any more" in chat.page.inner_text(TOLD)
    assert (list(chat.asked), list(chat.answered), chat.draft) == (["first"], ["Hello"], "second")
    chat.reload()
    chat.page.wait_for_selector(NOTICE)
    assert "has forgotten this chat" in chat.page.inner_text(NOTICE)
    chat.wait_for_draft("second")
    for _ in range(2):
        chat.page.click("#notice button")
        chat.wait_until(lambda: chat.page.evaluate(COPIED) == "> first\n\nHello")
        chat.page.evaluate("navigator.clipboard.writeText('')")
        chat.reload()
        chat.page.wait_for_selector(NOTICE)
    chat.page.press("#composer textarea", "Enter")
    chat.wait("idle", after_turn=0)
    assert chat.asked == ["second"] and not chat.page.is_visible(NOTICE)
    assert len(restart.backend.calls) == 1


def test_an_answer_in_the_making_can_be_copied_as_far_as_it_came(
    restart: Restart, fake: FakeBackend
) -> None:
    """Gradio loads the page anew by itself."""
    chat, fake.gate = restart.chat, threading.Event()
    fake.events = [Delta("**one** "), Delta("two")]
    chat.send("first")
    chat.wait("queued", "reading")
    fake.gate.set()
    fake.pause_s = 60.0
    chat.growth(1)
    with chat.page.expect_navigation():
        restart.begin()
    chat.page.wait_for_selector(NOTICE)
    chat.page.click("#notice button")
    chat.wait_until(lambda: re.match(r"> first\s+one", chat.page.evaluate(COPIED)))


def test_files_of_a_draft_are_told_to_be_gone_and_its_text_stays(
    restart: Restart, picture: Path
) -> None:
    chat = restart.chat
    chat.attach(picture)
    chat.page.fill("#composer textarea", "What is this?")
    restart.begin()
    chat.reload()
    chat.page.wait_for_selector(NOTICE)
    assert "Attach them again" in chat.page.inner_text(NOTICE)
    assert not chat.page.locator("#notice button").count()
    chat.wait_for_draft("What is this?")
    assert chat.cards == 0


def test_a_page_with_nothing_in_it_goes_on(restart: Restart) -> None:
    restart.begin()
    restart.chat.ask("first")
    assert restart.chat.answered == ["Hello"] and len(restart.backend.calls) == 1


def test_a_new_chat_begins_without_the_old_one(restart: Restart) -> None:
    chat = restart.chat
    chat.ask("first")
    restart.begin()
    chat.page.click("#clear")
    chat.page.wait_for_selector("#examples", state="visible")
    chat.ask("second")
    assert chat.asked == ["second"]
    chat.reload()
    chat.wait("idle")
    assert not chat.page.is_visible(NOTICE) and chat.asked == ["second"]
