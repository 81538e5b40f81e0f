"""Attachments of a tab, and a message that is sent from it."""

from __future__ import annotations

from model.settings import GenerationSettings, VisionSettings
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment

PHOTO = Attachment(
    "1", "image", "/uploads/a.png", "a.png", (64, 48), "/uploads/t.webp", "/uploads/a.png"
)
CLIP = Attachment(
    "2", "video", "/uploads/b.mp4", "b.mp4", (64, 48), "/uploads/u.webp", "/uploads/b.mp4", 3.0
)


async def send(tabs: Tabs, tab: Tab, text: str) -> None:
    """Send and wait for the end, as a page that follows."""
    drafted = tab.drafted(text, VisionSettings())
    assert drafted
    tab.draft.tray.clear()
    run = tabs.start(tab, lambda: (drafted, GenerationSettings()))
    with run.followed():
        await run.ended()
