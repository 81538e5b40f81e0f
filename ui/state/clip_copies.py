"""Clips that browsers cannot play are copied into what they can, behind everything else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from ui.state.errands import Errands
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment

log = logging.getLogger(__name__)


class ClipCopies:
    """The copies that are being made. Until one is there, the clip's picture is shown."""

    def __init__(self, errands: Errands, remove: Callable[[Iterable[str]], None]) -> None:
        """remove: deletes files without waiting for it."""
        self._errands = errands
        self._remove = remove
        self._copying: dict[asyncio.Task[None], Tab] = {}

    def start(self, tab: Tab, attachment: Attachment) -> None:
        """Have a clip of the tab copied."""
        task = asyncio.get_running_loop().create_task(self._copy(tab, attachment))
        self._copying[task] = tab
        task.add_done_callback(self._copying.pop)

    async def made(self, tab: Tab) -> bool:
        """Wait until the tab's clips can be played; says whether there was anything to wait for."""
        tasks = [task for task, owner in self._copying.items() if owner is tab]
        await asyncio.gather(*tasks)
        return bool(tasks)

    async def _copy(self, tab: Tab, attachment: Attachment) -> None:
        try:
            shown = await self._errands.copy(tab, attachment)
        except Exception:
            log.exception("a clip could not be copied for the page")
            return
        if attachment.path in tab.chat.attachments:
            tab.chat.attachments[attachment.path] = replace(attachment, shown=shown)
        else:
            self._remove([shown])
