"""How tests wait: until something is true, however busy the machine is, and never without a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 120.0
POLL_S = 0.01


def wait_until(true: Callable[[], object]) -> None:
    """Return as soon as `true` gives something true. Fails after `PATIENCE_S`."""
    until = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until, f"it did not come true within {PATIENCE_S:.0f} s"
        time.sleep(POLL_S)


async def becomes(true: Callable[[], object]) -> None:
    """Like `wait_until`, for a `scene`, which has the limit."""
    while not true():
        await asyncio.sleep(POLL_S)


def scene(play: Callable[[], Awaitable[None]]) -> None:
    """Run `play` on an event loop of its own. Fails after `PATIENCE_S`."""
    asyncio.run(asyncio.wait_for(play(), PATIENCE_S))
