"""The tab of a page's event, and what the page is sent of it.

Each handler gets the open tabs as its first argument, which is bound when the page is wired (`gradio_compat.bound`).
Handlers run on the event loop and change a tab between awaits only. Blocking work runs in a thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeGuard

import gradio as gr

from model.conversation import Text
from model.errors import DemoError
from ui.html import page_update
from ui.html.page_update import View
from ui.http.asker import asker_of, asking
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab
from ui.text.languages import texts_accepted, texts_for
from ui.text.texts import Texts

LONG = 20_000  # characters; so much is drawn in a thread
_KEY = re.compile(r"[0-9a-f]{32}")


def is_key(key: object) -> TypeGuard[str]:
    """Whether it has the form of a page's key. No program's key has."""
    return isinstance(key, str) and bool(_KEY.fullmatch(key))


def tab_of(tabs: Tabs, key: object, language: str = "", *, begins: bool = False) -> Tab:
    """The tab with this key. Raises `gr.Error`, in the page's `language`, if there is no key, no such tab or no room for one.

    begins: whether the page may open the tab. Any other page shows a conversation that is gone: the server was started
    anew, or the tab was dropped.
    """
    asked = asking.get()
    texts = _texts(language)
    if not is_key(key) or (asked and not begins and tabs.open_tabs.get(key) is None):
        raise gr.Error(texts.stale_page, print_exception=False)
    with _refused_in(texts):
        tab = tabs.open_tabs.open(key)
        if asked:
            tabs.open_tabs.asked_by(tab, asker_of(asked))
    return tab


def _texts(language: str) -> Texts:
    """In the language that a page came with, else in one that its browser asks for."""
    asked = asking.get()
    if language or not asked:
        return texts_for(language)
    return texts_accepted(asked.headers.get("accept-language", ""))


@contextmanager
def _refused_in(texts: Texts) -> Iterator[None]:
    """Turn a `DemoError` into an answer that the page shows (assets/js/page/refusals.js), where no tab could."""
    try:
        yield
    except DemoError as error:
        raise gr.Error(texts.said(error.sentence), print_exception=False) from None


async def drawn(tabs: Tabs, tab: Tab) -> View:
    """Everything that a page shows of a tab. Drawn in a thread if much of it is new."""
    new = tab.drawn.unsent(tab.chat.shown.messages)
    texts = (part.text for m in new for part in m.parts if isinstance(part, Text))
    if sum(map(len, texts)) < LONG:
        return page_update.full_update(tab)
    with _refused_in(tab.texts):
        return await tabs.background.run(tab, partial(page_update.full_update, tab))


async def handed_back(tabs: Tabs, tab: Tab) -> View:
    """The same, with the texts of messages whose answers failed. Each is handed back once.

    This includes an answer that fails while the page is drawn: the page is told of no answer and does not follow it.
    """
    view = await drawn(tabs, tab)
    returned, rewritten = tab.draft.hand_back()
    return view._replace(returned=returned, rewritten=rewritten or None)
