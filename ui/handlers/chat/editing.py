"""A turn is rewritten, the latest exchange is undone, the conversation is cleared."""

from __future__ import annotations

import gradio as gr

from ui.gradio_compat import posted
from ui.handlers.chat.following import final_update
from ui.handlers.page_tab import handed_back, tab_of
from ui.html import page_update
from ui.html.page_update import View
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab


async def edit(tabs: Tabs, key: str, event: gr.EventData) -> View:
    """Rewrite a turn: its text goes into the edit box, its files into the tray. The draft's files are set aside.

    An answer that is being written is stopped first. If it has no text yet, its message goes back into the composer; a
    rewritten turn goes back into the edit box instead, and `turn` is not opened.
    """
    tab = tab_of(tabs, key)
    if run := tab.chat.run:
        run.cancel.set()
        await run.ended()
        if tab.draft.editing:  # the text in the box is nowhere else
            return await handed_back(tabs, tab)
    return await _rewritten(tabs, tab, posted(event).get("turn"))


async def edit_latest(tabs: Tabs, key: str) -> View:
    """Rewrite the latest turn."""
    tab = tab_of(tabs, key)
    return await _rewritten(tabs, tab, tab.chat.conversation.turns - 1)


async def _rewritten(tabs: Tabs, tab: Tab, turn: object) -> View:
    text = tab.draft.edit(turn)
    view = await handed_back(tabs, tab)
    return view if text is None else view._replace(rewritten=text)


async def cancel_edit(tabs: Tabs, key: str) -> View:
    """End the edit without a change. The draft's files are back."""
    tab = tab_of(tabs, key)
    tab.draft.cancel_edit()
    return await handed_back(tabs, tab)


async def undo(tabs: Tabs, key: str) -> View:
    """Take the latest exchange back into the composer and the tray."""
    tab = tab_of(tabs, key)
    tab.undo()
    return await final_update(tabs, key)


async def clear(tabs: Tabs, key: str) -> View:
    """Start over, also without the draft. The backend drops what it keeps for the tab."""
    tab = tab_of(tabs, key, begins=True)
    tabs.clear(tab)
    return page_update.full_update(tab)


async def undo_clear(tabs: Tabs, key: str) -> View:
    """Take `clear` back, if there is still time and nothing has been said since."""
    tab = tab_of(tabs, key)
    tab.undo_clear()
    return await final_update(tabs, key)
