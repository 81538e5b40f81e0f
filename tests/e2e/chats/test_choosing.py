"""What is kept is the choice of the person, who may delete it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, Route

from tests.support.chat import Chat
from tests.support.chats import (
    keeping,
    kept,
    kept_chat,
    kept_picture,
    open_list,
    said_and_kept,
    tab,
    titles,
    wait_for_kept,
)
from tests.support.fakes import FakeBackend
from tests.support.pages import listening
from ui.page.build import build_page


def test_who_wants_no_chats_kept_is_not_asked_again_and_may_change_that(
    person: BrowserContext, url: str
) -> None:
    chat = tab(person, url)
    chat.ask("Hello")
    chat.page.click("#keep-chats button:not(.primary)")
    chat.page.wait_for_selector("#keep-chats", state="detached")
    chat.ask("Hello again")
    open_list(chat)
    assert "not kept" in chat.page.inner_text("#chats footer") and kept(chat) == [0, 0]
    assert chat.page.locator("#keep-chats").count() == 0
    chat.page.click("#chats footer button")
    wait_for_kept(chat, 1, 0)
    chat.page.wait_for_selector("#chats .chat[aria-current]")


def test_a_chat_is_deleted_after_a_question_and_all_are_forgotten(
    person: BrowserContext, url: str, picture: Path
) -> None:
    chat = kept_picture(person, url, picture)
    for number in (2, 3):
        chat.page.click("#clear")
        chat.ask(f"Chat {number}")
        wait_for_kept(chat, number, 1)
    open_list(chat)
    assert titles(chat) == ["Chat 3", "Chat 2", "The picture"]
    chat.page.get_by_role("button", name="Delete “The picture”").click()
    chat.page.get_by_role("button", name="Cancel").click()
    chat.page.get_by_role("button", name="Delete “The picture”").click()
    chat.page.get_by_role("button", name="Delete", exact=True).click()
    wait_for_kept(chat, 2, 0)
    assert titles(chat) == ["Chat 3", "Chat 2"]
    chat.page.get_by_role("button", name="Forget this browser").click()
    chat.page.get_by_role("button", name="Delete all").click()
    wait_for_kept(chat, 0, 0)
    chat.ask("And this?")
    chat.page.wait_for_function(
        "document.querySelector('#chats footer').innerText.includes('not kept')"
    )
    assert kept(chat) == [0, 0]


def deleted(chat: Chat, title: str) -> None:
    chat.page.get_by_role("button", name=f"Delete “{title}”").click()
    chat.page.get_by_role("button", name="Delete", exact=True).click()
    wait_for_kept(chat, 0, 0)


def test_the_chat_on_the_page_is_not_kept_again_after_it_was_deleted_until_it_goes_on(
    person: BrowserContext, url: str
) -> None:
    chat = kept_chat(person, url, "A secret")
    open_list(chat)
    deleted(chat, "A secret")
    with chat.page.expect_response(keeping):
        chat.reload()
    chat.page.wait_for_timeout(500)  # for what would be kept
    assert chat.asked == ["A secret"] and kept(chat) == [0, 0]
    said_and_kept(chat, "Go on")
    assert kept(chat) == [1, 0]


def test_nothing_is_kept_that_another_tab_has_just_forgotten(
    person: BrowserContext, url: str
) -> None:
    one = kept_chat(person, url, "A secret")
    other = tab(person, url)
    held: list[Route] = []
    other.page.route(
        "**/predict",
        lambda route: held.append(route) if keeping(route.request) else route.continue_(),
    )
    other.ask("Another secret")
    other.wait_until(lambda: held)
    open_list(one)
    one.page.get_by_role("button", name="Forget this browser").click()
    one.page.get_by_role("button", name="Delete all").click()
    wait_for_kept(one, 0, 0)
    with other.page.expect_response(keeping):
        held[0].continue_()
    other.page.wait_for_timeout(500)  # for what would be kept
    assert kept(one) == [0, 0]


def test_an_operator_who_wants_no_history_has_no_list_and_no_question(
    person: BrowserContext, backend: FakeBackend
) -> None:
    with listening(build_page(backend, history=False)) as url:
        chat = tab(person, url)
        chat.ask("Hello")
        chat.page.wait_for_selector("#actions button:visible")
        assert chat.page.locator("#chats, #chats-entry, #keep-chats").count() == 0
        assert kept(chat) == [0, 0] and chat.problems == []
