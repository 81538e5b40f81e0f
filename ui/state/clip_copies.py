"""Copies of clips that browsers cannot play, in a format that they can. Made in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from model.errors import DemoError
from ui.state.background_work import BackgroundWork
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment

log = logging.getLogger(__name__)


class ClipCopies:
    """The copies that are being made. Until one is finished, the page shows a picture of the clip."""

    def __init__(self, background: BackgroundWork, remove: Callable[[Iterable[str]], None]) -> None:
        """remove: deletes files in the background."""
        self._background = background
        self._remove = remove
        self._copying: dict[asyncio.Task[None], Tab] = {}

    def start(self, tab: Tab, attachment: Attachment) -> None:
        """Start copying a clip of the tab."""
        task = asyncio.get_running_loop().create_task(self._copy(tab, attachment))
        self._copying[task] = tab
        task.add_done_callback(self._copying.pop)

    async def made(self, tab: Tab) -> bool:
        """Wait until the tab's copies are finished. Returns whether there were any."""
        tasks = [task for task, owner in self._copying.items() if owner is tab]
        await asyncio.gather(*tasks)
        return bool(tasks)

    async def _copy(self, tab: Tab, attachment: Attachment) -> None:
        try:
            shown = await self._background.copy(tab, attachment)
        except DemoError:
            log.info("A clip could not be copied for the page.")  # its error names the file
            return
        except Exception:
            log.exception("a clip could not be copied for the page")
            return
        chats = [chat for chat in tab.chats if attachment.path in chat.attachments]
        for chat in chats:
            chat.attachments[attachment.path] = replace(attachment, shown=shown)
        if not chats:
            self._remove([shown])
