"""When a page is sent the next update of an answer that is being written."""

from __future__ import annotations

import asyncio

from ui.state.registry import Tabs
from ui.state.tab.run import Run

FRAME_S = 0.08  # between two updates of a page: about 12 a second
# The same if the CPU computes the answer. A browser on the same machine takes a core for 20 ms to draw an update, which
# decoding then lacks.
CPU_FRAME_S = 0.16
ROOM_AHEAD_S = 0.02  # pause after `yield_core`: about one decoding step of a small model
HEARTBEAT_S = (
    0.25  # at most between two updates: sending one shows whether the page is still connected
)


async def until_news(tabs: Tabs, run: Run, shown: object) -> None:
    """Wait until the run has another version than `shown`: at least a frame, at most `HEARTBEAT_S` or until it ends."""
    yield_core = run.backend.status().yield_core if run.backend and run.text else None
    waited, frame = 0.0, tabs.frame_s(CPU_FRAME_S if yield_core else FRAME_S)
    longest = max(frame, HEARTBEAT_S)
    while run.live and waited < longest and (waited < frame or run.version == shown):
        await asyncio.sleep(FRAME_S)
        waited += FRAME_S
    if yield_core and run.live:
        yield_core()
        await asyncio.sleep(ROOM_AHEAD_S)
