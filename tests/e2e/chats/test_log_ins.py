"""Each person sees the own chats, in one browser, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext

from tests.support.chat import Chat
from tests.support.chats import keep, open_list, titles, wait_for_kept
from tests.support.fakes import FakeBackend
from tests.support.pages import listening
from ui.page.build import build_page


@contextmanager
def somebody(person: BrowserContext, url: str, name: str) -> Iterator[Chat]:
    """Somebody has logged in, in the same browser."""
    page = person.new_page()
    page.goto(url)
    chat = Chat(page, url)
    log_in(chat, name)
    yield chat
    log_out(chat)
    page.close()


def log_in(chat: Chat, name: str) -> None:
    chat.page.fill("input[name=username]", name)
    chat.page.fill("input[type=password]", "secret")
    chat.page.click("button")
    chat.page.wait_for_selector("#composer textarea")
    chat.wait("idle")


def log_out(chat: Chat) -> None:
    chat.page.dispatch_event("#log-out button", "click")
    chat.page.wait_for_selector("input[type=password]")


def test_two_people_who_log_in_with_one_browser_do_not_see_each_others_chats(
    person: BrowserContext, backend: FakeBackend
) -> None:
    people = [("ann", "secret"), ("bob", "secret")]
    with listening(build_page(backend, log_ins=True), auth=people) as url:
        with somebody(person, url, "ann") as ann:
            ann.ask("A secret of Ann")
            keep(ann)
            wait_for_kept(ann, 1, 0)
        with somebody(person, url, "bob") as bob:
            bob.ask("Hello")
            keep(bob)
            wait_for_kept(bob, 2, 0)
            open_list(bob)
            assert titles(bob) == ["Hello"]
            bob.page.get_by_role("button", name="Forget this browser").click()
            bob.page.get_by_role("button", name="Delete all").click()
            wait_for_kept(bob, 1, 0)
            bob.page.click("#chats .close")
        with somebody(person, url, "ann") as ann:
            open_list(ann)
            assert titles(ann) == ["A secret of Ann"]
            ann.page.click("#chats .close")


def test_who_logs_in_in_the_same_tab_sees_nothing_of_who_was_there_before(
    person: BrowserContext, backend: FakeBackend
) -> None:
    people = [("ann", "secret"), ("bob", "secret")]
    with (
        listening(build_page(backend, log_ins=True), auth=people) as url,
        somebody(person, url, "ann") as chat,
    ):
        chat.ask("A secret of Ann")
        keep(chat)
        wait_for_kept(chat, 1, 0)
        chat.page.fill("#composer textarea", "A draft of Ann")
        log_out(chat)
        log_in(chat, "bob")
        chat.wait_for_draft("")
        assert not chat.asked and not chat.page.is_visible("#notice p")
        chat.ask("Hello")
        keep(chat)
        wait_for_kept(chat, 2, 0)
        log_out(chat)
        log_in(chat, "ann")
        open_list(chat)
        assert titles(chat) == ["A secret of Ann"]
        chat.page.click("#chats .close")
