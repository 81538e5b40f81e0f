"""While the tab is being answered, and after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import gradio as gr

from ui.handlers.page_tab import drawn, handed_back, tab_of
from ui.html import page_update
from ui.html.page_update import View
from ui.state.registry import Tabs
from ui.state.tab.run import Run
from ui.state.tab.tab import Tab

FRAME_S = 0.08  # between two updates of a page: about 12 a second
# The same while the processor computes the answer: if the page is on that machine, drawing it once takes a core for 20 ms,
# which the tokens then lack.
CPU_FRAME_S = 0.16
ROOM_AHEAD_S = 0.02  # pause after `yield_core`: about one decoding step of a small model
HEARTBEAT_S = 0.25  # an update without news finds out whether the page is still there


async def follow(tabs: Tabs, key: str) -> AsyncIterator[tuple[Any, Any, str]]:
    """While the tab is being answered: the answer as it grows, and what goes on; at last everything, as JSON.

    Not if a message came to nothing: its text is given out once, and this response may reach nobody. The page asks
    for it, see `settled`.
    """
    tab = tab_of(tabs, key)
    async with aclosing(growing(tabs, tab)) as updates:
        async for live, state in updates:
            yield live, state, ""
    pending = tab.draft.returned or tab.draft.rewritten
    ending = "" if pending else page_update.as_updates(await drawn(tabs, tab))
    yield gr.skip(), gr.skip(), ending


async def growing(tabs: Tabs, tab: Tab) -> AsyncGenerator[tuple[str, str]]:
    """While the tab is being answered: the answer, and what goes on."""
    if not (run := tab.chat.run):
        return
    with run.followed():
        while tab.chat.run is run:
            shown = run.version
            yield page_update.arriving(tab)
            await until_news(tabs, run, shown)


async def until_news(tabs: Tabs, run: Run, shown: object) -> None:
    """Wait for another version than `shown`: at least a frame, at most `HEARTBEAT_S`, and not past the run's end."""
    yield_core = tabs.backend.status().yield_core if run.text else None
    waited, frame = 0.0, tabs.frame_s(CPU_FRAME_S if yield_core else FRAME_S)
    longest = max(frame, HEARTBEAT_S)
    while run.live and waited < longest and (waited < frame or run.version == shown):
        await asyncio.sleep(FRAME_S)
        waited += FRAME_S
    if yield_core and run.live:
        yield_core()
        await asyncio.sleep(ROOM_AHEAD_S)


async def settled(tabs: Tabs, key: str) -> View:
    """The tab after an answer that came to nothing, with the text of the message for where it was written."""
    return await handed_back(tabs, tab_of(tabs, key))


async def play_clips(tabs: Tabs, key: str) -> Any:
    """Show clips that browsers could not play as soon as there is a copy that they can."""
    tab = tab_of(tabs, key)
    return (
        page_update.as_json(page_update.log(tab)) if await tabs.clip_copies.made(tab) else gr.skip()
    )
