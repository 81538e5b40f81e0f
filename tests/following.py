"""What a page does after a message was sent: follow the answer, then show what became of it."""

from __future__ import annotations

from ui import handlers
from ui.tabs import Tabs
from ui.view import View

KEY = "0123456789abcdef" * 2


async def followed(tabs: Tabs, key: str = KEY) -> View:
    """The view after the answer."""
    async for _ in handlers.follow(tabs, key):
        pass
    return await handlers.settled(tabs, key)
