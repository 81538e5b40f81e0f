"""Blocking work for people besides answers: looking at files, copies, downloads, estimates. Each kind has a `FairPool`.

All threads that work for a person are started here, so this is the place to limit them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from model.errors import MediaError
from model.media.download import Downloads
from ui.media.browser_copy import clip_preview
from ui.media.disk_quota import DiskQuota
from ui.media.room import Room
from ui.media.sandbox.media import LOOKS_AT_ONCE, STRANGERS_MEDIA
from ui.state.fair_pool import FairPool
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment, Document, download, inspect, look_at, page_of
from ui.state.tray.resolution import AUTO

# At once, for everybody together.
MAX_COPIES = 2
MAX_DOWNLOADS = 8
MAX_JOBS, MAX_JOBS_OF_ONE = 6, 2
MAX_PAGES_TEXT = 200_000  # characters
REST = 3.0  # after a job, so that one person's take a quarter of the time of two threads
Result = TypeVar("Result")
Looked = TypeVar("Looked", Attachment, Attachment | Document)


class BackgroundWork:
    """Each raises `DemoError` if too much waits for this person already, or if the work itself does."""

    def __init__(self, quota: DiskQuota) -> None:
        self.quota = quota
        self._looks = FairPool(LOOKS_AT_ONCE)
        self._copies = FairPool(MAX_COPIES)
        self._downloads = FairPool(MAX_DOWNLOADS)
        self._jobs = FairPool(MAX_JOBS, MAX_JOBS_OF_ONE, rest=REST)

    def room(self, tab: Tab) -> Room:
        """What this person may store."""
        return Room(self.quota, tab.presence.person)

    async def run(self, tab: Tab, job: Callable[[], Result]) -> Result:
        """An estimate, an export and the like."""
        return await self._jobs.run(tab.presence.person, job)

    async def inspect(self, tab: Tab, file: Path, name: object = None) -> Attachment:
        """Check a stored picture or clip."""
        return await self._looked_at(tab, lambda: inspect(file, name))

    async def look_at(self, tab: Tab, file: Path, name: object = None) -> Attachment | Document:
        """Check a stored file, which may be a document."""
        return await self._looked_at(tab, lambda: look_at(file, name))

    async def _looked_at(self, tab: Tab, look: Callable[[], Looked]) -> Looked:
        def checked() -> Looked:
            room = self.room(tab)
            room.require()
            found = look()
            if isinstance(found, Attachment):
                room.keep(found.thumbnail, found.shown)
            return found

        return await self._looks.run(tab.presence.person, checked)

    async def page(self, tab: Tab, document: Document, number: int) -> Attachment:
        """A page of a document, from 1: the picture of it that this chat has already, or a new one."""
        for item in tab.chat.attachments.values():
            if item.upload == document.path and item.page == number and item.document:
                return item.copy_for_tray(AUTO)
        room = self.room(tab)
        return await self._looks.run(tab.presence.person, lambda: page_of(document, number, room))

    async def pages_text(self, tab: Tab, document: Document, numbers: Sequence[int]) -> str:
        """The text of these pages, each under its number; empty if there is none."""
        texts: list[str] = []
        for number in numbers:
            text = await self._looks.run(
                tab.presence.person,
                partial(STRANGERS_MEDIA.page_text, document.path, document.name, number),
            )
            if text:
                texts.append(f"{document.name}, p. {number}:\n{text}")
        said = "\n\n".join(texts)
        if len(said) > MAX_PAGES_TEXT:
            raise MediaError(
                "The text of these pages of {name} has {count} characters; at most {most} can be added, so choose fewer pages.",
                name=document.name,
                count=f"{len(said):,}",
                most=f"{MAX_PAGES_TEXT:,}",
            )
        return said

    async def copy(self, tab: Tab, clip: Attachment) -> str:
        """The path of a copy of the clip that every browser plays."""
        return await self._copies.run(
            tab.presence.person, lambda: clip_preview(clip.path, clip.seconds, self.room(tab))
        )

    async def download(
        self, tab: Tab, downloads: Downloads | None, url: str
    ) -> Attachment | Document:
        """Fetch what lies at an address, and check it. downloads: None if that is not allowed. Raises `DemoError`."""
        if downloads is None:
            raise MediaError(
                "{url} is a web address; download it and attach the file.", url=url[:80]
            )
        room = self.room(tab)
        stored = await self._downloads.run(
            tab.presence.person, lambda: download(downloads, url, room)
        )
        return await self.look_at(tab, stored, unquote(urlsplit(url).path))


def in_background(work: Callable[..., object], *given: object) -> None:
    """Call `work` in a thread; nothing waits for it."""
    asyncio.get_running_loop().run_in_executor(None, work, *given)
