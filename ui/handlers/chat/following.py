"""The page follows the answer of its tab."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import gradio as gr

from ui.handlers.frames import until_news
from ui.handlers.page_tab import drawn, handed_back, tab_of
from ui.html import page_update
from ui.html.page_update import View
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab


async def follow(tabs: Tabs, key: str) -> AsyncIterator[tuple[Any, Any, str]]:
    """The growing answer and the run state; at last everything, as JSON.

    If the answer failed, the last item is empty, and the page calls `final_update`: the message's text is handed back
    once, and this stream may have been cut.
    """
    tab = tab_of(tabs, key)
    async with aclosing(growing(tabs, tab)) as updates:
        async for live, state in updates:
            yield live, state, ""
    pending = tab.draft.returned or tab.draft.rewritten
    ending = "" if pending else page_update.as_updates(await drawn(tabs, tab))
    yield gr.skip(), gr.skip(), ending


async def growing(tabs: Tabs, tab: Tab) -> AsyncGenerator[tuple[str, str]]:
    """The answer and the run state, until the run ends."""
    if not (run := tab.chat.run):
        return
    with run.followed():
        while tab.chat.run is run:
            shown = run.version
            yield page_update.streaming_update(tab)
            await until_news(tabs, run, shown)


async def final_update(tabs: Tabs, key: str) -> View:
    """The tab after an answer that failed, with the text of its message, which goes back to where it was written."""
    return await handed_back(tabs, tab_of(tabs, key))


async def play_clips(tabs: Tabs, key: str) -> Any:
    """Show the copies of clips that browsers cannot play, when they are finished."""
    tab = tab_of(tabs, key)
    return (
        page_update.as_json(page_update.conversation_update(tab))
        if await tabs.clip_copies.made(tab)
        else gr.skip()
    )
