"""A page opens, reconnects, changes its language, or closes."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.handlers.checkpoint import model_view
from ui.handlers.page_tab import handed_back, is_key, tab_of
from ui.html import page_update
from ui.html.page_update import View
from ui.http.asker import address_of, browser_of
from ui.state.registry import Tabs
from ui.state.tab.conversation import FORGOTTEN_CHAT, FORGOTTEN_FILES
from ui.state.tab.tab import Tab


async def open_page(
    tabs: Tabs, key: str, language: str, original: str, held: str, request: gr.Request
) -> tuple[Any, ...]:
    """A page has opened: its key, its own name, who is logged in, what runs, and everything that it shows of its tab, see
    `View`.

    original: the key of the tab that the browser duplicated into this one, or empty; held: what the page before this
    one had, "chat" or "files", or nothing.
    """
    forgotten = is_key(key) and tabs.open_tabs.get(key) is None and held
    tab = tab_of(tabs, key, language, begins=True)
    _give_to(tabs, tab, request.username or "")
    if is_key(original):
        tabs.copy(original, tab)
    elif forgotten:
        tab.chat.warn(FORGOTTEN_CHAT if held == "chat" else FORGOTTEN_FILES)
    tab.language = language
    tab.draft.refusals.clear()  # a reload dismisses them
    browser = browser_of(request.request) if request.request else ""
    page = str(request.session_hash)
    tabs.page_opened(tab, browser, page, address_of(request.request))
    shown = *model_view(tab), *await reattach_page(tabs, key, request)
    return key, page, request.username or "", *shown


def _give_to(tabs: Tabs, tab: Tab, user: str) -> None:
    """`user` has logged in. A tab of the browser keeps its key, but nobody sees what somebody else has said in it."""
    if tab.presence.user not in ("", user):
        tabs.empty(tab)
    tab.presence.user = user


async def close_page(tabs: Tabs, request: gr.Request) -> None:
    """A page has closed. Its conversation stays for a reload; the backend soon drops what it keeps for it."""
    tabs.page_closed(str(request.session_hash))


async def reattach_page(tabs: Tabs, key: str, request: gr.Request | None = None) -> View:
    """A page has opened or is back after a lost connection. It is sent everything, and a running answer waits for it."""
    tab = tab_of(tabs, key)
    if request:
        tab.presence.pages.add(str(request.session_hash))
    tab.expect_follower()
    tab.drawn.forget()
    return await handed_back(tabs, tab)


async def choose_language(tabs: Tabs, key: str, language: str) -> tuple[Any, ...]:
    """The parts of the page that the server has written, in another language."""
    tab = tab_of(tabs, key, language)
    tab.language = language
    view = model_view(tab)
    return (
        view.choice,
        view.banner,
        page_update.stats(tab),
        page_update.notice(tab),
        page_update.tray(tab),
        page_update.live_answer(tab),
    )
