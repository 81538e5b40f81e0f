"""An answer that was cut, stopped or changed goes on from its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from model.errors import DemoError
from ui.handlers.page_tab import handed_back, tab_of
from ui.html.page_update import View
from ui.state.registry import Tabs
from ui.state.tab.begun import Begun
from ui.state.tab.tab import Tab


async def continue_answer(tabs: Tabs, key: str, settings: Mapping[str, Any]) -> View:
    """Let the latest answer go on, with the settings as they are now."""
    tab = tab_of(tabs, key)
    begun = tab.chat.begun
    if begun and not tab.draft.editing:
        _go_on(tabs, tab, begun, settings)
    return await handed_back(tabs, tab)


async def edit_answer(tabs: Tabs, key: str) -> View:
    """Put the text of the latest answer into the edit box, to go on from what a person makes of it."""
    tab = tab_of(tabs, key)
    text = tab.draft.edit_answer()
    view = await handed_back(tabs, tab)
    return view if text is None else view._replace(rewritten=text)


def continue_from(tabs: Tabs, tab: Tab, text: str, settings: Mapping[str, Any]) -> None:
    """Let the latest answer go on from `text`, which takes its place. The edit ends."""
    begun = tab.chat.begun
    if begun is None or tab.chat.live:
        return
    if text != tab.chat.conversation.messages[-1].text:
        begun = replace(begun, text=text, tokens=(), edited=True)
    tab.draft.cancel_edit()
    _go_on(tabs, tab, begun, settings)


def _go_on(tabs: Tabs, tab: Tab, begun: Begun, settings: Mapping[str, Any]) -> None:
    try:
        if not tab.chat.live:
            chosen = tabs.chosen(settings, tab.backend).generation
            question = begun.question(tab.chat.conversation, chosen)
            tabs.start(tab, lambda: question, begun=begun)
    except DemoError as error:
        tab.chat.warn(error.sentence)
