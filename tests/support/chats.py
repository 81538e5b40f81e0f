"""The list of chats that a browser keeps, in the hands of a test."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import BrowserContext, Request, Response

from tests.support.chat import Chat

KEPT = """async () => {
  const open = indexedDB.open('qwen-vl-chat-chats', 1);
  await new Promise((resolve) => { open.onsuccess = open.onerror = resolve; });
  if (!open.result?.objectStoreNames.contains('chats')) return [0, 0, []];
  const stores = open.result.transaction(['chats', 'media']);
  const done = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  const chats = await done(stores.objectStore('chats').getAll());
  const found = [chats.length, await done(stores.objectStore('media').count()), chats.map(({ state }) => state)];
  open.result.close();
  return found;
}"""


def tab(person: BrowserContext, url: str) -> Chat:
    chat = Chat(person.new_page(), url)
    chat.open()
    return chat


def kept_chat(person: BrowserContext, url: str, text: str) -> Chat:
    """A tab with the first chat that this browser keeps."""
    chat = tab(person, url)
    chat.ask(text)
    keep(chat)
    wait_for_kept(chat, 1, 0)
    return chat


def kept_picture(person: BrowserContext, url: str, picture: Path) -> Chat:
    """A tab with a chat about a picture, which the browser keeps."""
    chat = tab(person, url)
    chat.attach(picture)
    chat.ask("The picture")
    keep(chat)
    wait_for_kept(chat, 1, 1)
    return chat


def kept(chat: Chat) -> list[int]:
    """How many chats and files this browser keeps."""
    return list(chat.page.evaluate(KEPT)[:2])


def said_and_kept(chat: Chat, text: str) -> None:
    """Ask, and wait until the chat is kept with the answer."""
    before = chat.page.evaluate(KEPT)
    chat.ask(text)
    chat.wait_until(lambda: chat.page.evaluate(KEPT) != before)


def keep(chat: Chat) -> None:
    """Answer the question that is asked with the first message."""
    chat.page.click("#keep-chats .primary")


def open_list(chat: Chat) -> None:
    if not chat.page.is_visible("#chats"):
        chat.page.click("#chats-entry button")
    chat.page.wait_for_selector("#chats footer")


def titles(chat: Chat) -> list[str]:
    return chat.page.locator("#chats .title").all_inner_texts()


def open_chat_called(chat: Chat, title: str) -> None:
    open_list(chat)
    chat.page.click(f"#chats .chat:has-text('{title}')")
    chat.page.wait_for_selector(f"#chats .chat[aria-current]:has-text('{title}')")


def wait_for_kept(chat: Chat, *counts: int) -> None:
    chat.wait_until(lambda: kept(chat) == list(counts))


def store(chat: Chat, body: str) -> None:
    """Run `body` with the page's own module, as `store`, where nothing else can be done to it."""
    chat.page.evaluate(
        """async (body) => {
          const { href } = document.querySelector('link[href$="/chats/store.js"]');
          await new (Object.getPrototypeOf(async () => {}).constructor)('store', body)(await import(href));
        }""",
        body,
    )


def keeping(about: Request | Response) -> bool:
    """Whether the page asks what to keep, or is told."""
    asked = about if isinstance(about, Request) else about.request
    return bool(re.search(r'"request":\d', asked.post_data or ""))
