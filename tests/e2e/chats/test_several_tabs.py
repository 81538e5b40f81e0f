"""What is said in several tabs, and in one that is closed, is kept."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext

from model.backend import Delta
from tests.support.chat import holding
from tests.support.chats import (
    KEPT,
    keeping,
    kept,
    kept_chat,
    kept_picture,
    open_chat_called,
    open_list,
    said_and_kept,
    tab,
    titles,
    wait_for_kept,
)
from tests.support.fakes import FakeBackend


def test_a_chat_that_goes_on_in_two_tabs_is_kept_twice(person: BrowserContext, url: str) -> None:
    one = kept_chat(person, url, "The beginning")
    other = tab(person, url)
    open_chat_called(other, "The beginning")
    said_and_kept(other, "Over here")
    assert kept(other) == [1, 0]
    one.ask("Over there")
    wait_for_kept(one, 2, 0)


def test_a_turn_whose_tab_is_closed_before_it_is_kept_is_kept_by_the_next_page(
    person: BrowserContext, url: str, picture: Path
) -> None:
    chat = kept_picture(person, url, picture)
    with holding(chat.page, "**/predict", keeping) as held:
        chat.attach(picture)
        chat.ask("And now?")
        chat.wait_until(lambda: held)
        chat.page.close()
    later = tab(person, url)
    open_list(later)
    open_chat_called(later, "The picture")
    assert later.asked == ["The picture", "And now?"] and len(later.answered) == 2
    assert kept(later) == [1, 1], "in the place of what was kept before"
    assert later.problems == []


def test_an_answer_whose_tab_is_closed_is_kept_by_the_next_page_as_far_as_it_came(
    person: BrowserContext, url: str, backend: FakeBackend
) -> None:
    chat = kept_chat(person, url, "The beginning")
    backend.events, backend.pause_s = [Delta("word ")] * 5000, 0.05
    chat.send("Go on")
    chat.growth(2)
    chat.page.close()
    later = tab(person, url)
    open_chat_called(later, "The beginning")
    assert later.asked == ["The beginning", "Go on"] and "word" in later.answered[1]


def test_the_next_page_leaves_a_tab_alone_that_is_still_open(
    person: BrowserContext, url: str
) -> None:
    chat = kept_chat(person, url, "The beginning")
    with holding(chat.page, "**/predict", keeping) as held:
        chat.ask("Go on")
        chat.wait_until(lambda: held)
        other = tab(person, url)
        open_list(other)
        other.page.wait_for_timeout(1000)  # for what would be kept
        assert other.page.evaluate(KEPT) == chat.page.evaluate(KEPT)
        held[0].continue_()
        chat.wait_until(lambda: len(held) == 1)
    said_and_kept(chat, "And on")
    assert kept(chat) == [1, 0]


def test_who_wants_nothing_kept_any_more_leaves_nothing_to_the_next_page(
    person: BrowserContext, url: str
) -> None:
    chat = kept_chat(person, url, "A secret")
    with holding(chat.page, "**/predict", keeping) as held:
        chat.ask("Another secret")
        chat.wait_until(lambda: held)
        open_list(chat)
        chat.page.get_by_role("button", name="Forget this browser").click()
        chat.page.get_by_role("button", name="Delete all").click()
        wait_for_kept(chat, 0, 0)
        chat.page.close()
    later = tab(person, url)
    open_list(later)
    later.page.click("#chats footer button")  # which keeps chats again
    said_and_kept(later, "Hello")
    assert titles(later) == ["Hello"]
