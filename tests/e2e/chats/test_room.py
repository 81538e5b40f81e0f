"""A browser has room for so many chats."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext

from model.reproduce import archive_reader
from tests.support.chats import (
    keep,
    keeping,
    kept,
    kept_chat,
    open_chat_called,
    open_list,
    store,
    tab,
    titles,
    wait_for_kept,
)


def test_the_oldest_chats_go_when_there_are_too_many_or_the_browser_is_full(
    person: BrowserContext, url: str
) -> None:
    chat = tab(person, url)
    store(
        chat,
        """for (let at = 0; at < 105; at += 1) await store.keep({
          id: `${at}`, owner: '', at, state: `${at}`, stamp: '', title: `Chat ${at}`, zip: new Blob(), media: [], bytes: 1 });""",
    )
    assert kept(chat) == [100, 0]
    chat.page.evaluate(
        """() => {
          const { put } = IDBObjectStore.prototype;
          let refusals = 3;
          IDBObjectStore.prototype.put = function (...all) {
            if (refusals > 0) { refusals -= 1; throw new DOMException('no room', 'QuotaExceededError'); }
            return put.apply(this, all);
          };
        }"""
    )
    chat.ask("One more")
    keep(chat)
    open_list(chat)
    chat.page.wait_for_selector("#chats .chat:has-text('One more')")
    chat.wait_until(lambda: kept(chat) == [98, 0])
    assert "at most 100 chats" in chat.page.inner_text("#chats footer")
    assert not set(titles(chat)) & {"Chat 5", "Chat 6", "Chat 7"}, "the oldest"


def test_a_browser_that_refuses_is_told_of_with_a_sentence(
    person: BrowserContext, url: str
) -> None:
    chat = tab(person, url)
    chat.page.evaluate(
        """() => { IDBObjectStore.prototype.put = () => {
          throw new DOMException('no', 'QuotaExceededError');
        } }"""
    )
    chat.ask("Hello")
    keep(chat)
    chat.page.wait_for_selector("#told p:has-text('no room for chats')")


def test_a_full_disk_costs_few_chats(person: BrowserContext, url: str) -> None:
    chat = tab(person, url)
    store(
        chat,
        """for (let at = 0; at < 9; at += 1) await store.keep({
          id: `${at}`, owner: '', at, state: `${at}`, stamp: '', title: `Chat ${at}`, zip: new Blob(), media: [], bytes: 9e4 });""",
    )
    chat.page.evaluate(
        """() => { IDBObjectStore.prototype.put = () => {
          throw new DOMException('no', 'QuotaExceededError');
        } }"""
    )
    chat.ask("Hello")
    keep(chat)
    chat.page.wait_for_selector("#told p:has-text('no room for chats')")
    with chat.page.expect_response(keeping):
        chat.ask("And now?")
    chat.page.wait_for_timeout(500)  # for what would be deleted
    assert kept(chat) == [8, 0]


def test_a_chat_that_could_not_be_opened_again_is_not_kept_and_that_is_said(
    person: BrowserContext, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_reader, "MAX_CHARACTERS", 1000)
    chat = kept_chat(person, url, "A" * 600)
    chat.ask("B" * 600)
    chat.page.wait_for_selector("#told p:has-text('too large to be kept')")
    chat.page.click("#clear")
    chat.ask("Hello")
    wait_for_kept(chat, 2, 0)
    open_chat_called(chat, "AAAA")
    assert len(chat.asked) == 1, "what was kept before can be opened"
