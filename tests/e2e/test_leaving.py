"""Tabs come and go: they never mix, a reload loses nothing, and who leaves makes room."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tests.support import browsers
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend
from ui.state.tab import run


def test_two_tabs_never_mix(open_chat: Callable[..., Chat], picture: Path) -> None:
    one, other = open_chat(), open_chat()
    for chat in (one, other):
        chat.set("max-new-tokens", "12")
    one.attach(picture)
    one.send("I am the first.")
    other.send("I am the second.")
    for chat in (one, other):
        chat.wait("idle", after_turn=0)
    assert (one.asked, other.asked) == (["I am the first."], ["I am the second."])
    assert one.page.locator("#chatbot .user img").count() == 1
    assert other.page.locator("#chatbot .user img").count() == 0
    assert one.answered != other.answered


def test_a_reload_picks_the_answer_up_again(chat: Chat, picture: Path) -> None:
    chat.attach(picture)
    chat.send("Tell me a long story.")
    before = chat.growth(2)[-1]
    chat.reload()
    after = chat.growth(2)[-1]
    assert len(after) > len(before) and after.startswith(before[: len(before) // 2])
    assert chat.asked == ["Tell me a long story."]
    chat.stop()
    chat.reload()
    chat.wait("stopped")
    assert len(chat.answered) == 1


def test_a_closed_tab_frees_the_place(open_chat: Callable[..., Chat]) -> None:
    leaving, waiting = open_chat(), open_chat()
    leaving.set("max-new-tokens", "8000")  # minutes, if nobody stopped it
    leaving.send("Tell me a long story.")
    leaving.growth(1)
    waiting.send("Is there room?")
    waiting.wait("queued")
    leaving.page.close()
    waiting.wait("reading", "answering")
    waiting.stop()


def test_a_tab_says_that_it_leaves(
    fake: FakeBackend,
    fake_url: str,
    profile: BrowserContext,
    told: Chat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its answer would go on for ten seconds if its connection had only been cut, and here for an hour."""
    monkeypatch.setattr(run, "ORPHAN_S", 3600.0)
    monkeypatch.setattr(fake, "gate", threading.Event())  # open again for the next test
    leaving = Chat(profile.new_page(), fake_url)
    leaving.open()
    leaving.send("Tell me a long story.")
    told.wait_until(lambda: fake.calls)
    leaving.wait("queued", "reading", "answering")
    leaving.page.goto("about:blank")
    told.wait_until(fake.calls[0].cancel.is_set)
    leaving.page.close()


@pytest.mark.parametrize("name", browsers.CORE)
def test_a_duplicate_of_a_tab_is_a_copy(
    fake_url: str, request: pytest.FixtureRequest, name: str
) -> None:
    """Browsers copy what a tab keeps into its duplicate, and into what it opens."""
    browser = request.getfixturevalue("browser" if name == "chromium" else name)
    with browser.new_context() as profile:
        first = Chat(profile.new_page(), fake_url)
        first.open()
        first.ask("Hi")
        first.page.fill("#composer textarea", "a draft")
        with profile.expect_page() as opened:
            first.page.evaluate("() => { window.open(location.href) }")
        second = Chat(opened.value, fake_url)
        second.wait("idle")
        second.page.wait_for_selector("#notice [role=status]")
        assert (second.asked, second.draft) == (["Hi"], "a draft")
        first.ask("only in the first")
        second.page.click("#clear")
        second.page.wait_for_selector("#examples", state="visible")
        assert second.draft == ""
        first.reload()
        first.wait("idle")
        first.page.wait_for_function("document.querySelectorAll('#chatbot .bot').length === 2")
        assert list(first.asked) == ["Hi", "only in the first"]


def test_what_is_kept_for_a_closed_tab_goes(
    fake: FakeBackend, fake_url: str, profile: BrowserContext, told: Chat
) -> None:
    leaving = Chat(profile.new_page(), fake_url)
    leaving.open()
    key = leaving.page.evaluate("sessionStorage.getItem('qwen-vl-chat-key')")
    leaving.reload()
    leaving.wait("idle")
    leaving.page.close()
    told.wait_until(lambda: key in fake.forgotten)
