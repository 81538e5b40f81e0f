"""How much of the disk uploads may take, and which files are still needed.

Strangers upload what they never send, and break uploads off half way: Gradio leaves both behind. Here a file
goes when no tab needs it and it has lain as long as a conversation stays without a page.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import time
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.scratch import LOCK
from ui.uploads import upload_folder

RECOUNT_S = 2.0  # between two looks at how much there is
SPARE_BYTES = 2**30  # of the disk, for everything but uploads
INSUFFICIENT_STORAGE = 507


def sweep(needed: Container[str], kept_s: float) -> None:
    """Remove files that are older and that nobody needs, by their resolved paths, and folders that are empty then."""
    before = time.time() - kept_s
    inside_first = sorted(upload_folder().rglob("*"), reverse=True)
    for path in inside_first:
        with suppress(OSError):  # gone meanwhile, or not empty
            if path.lstat().st_mtime > before or path.name == LOCK:
                continue
            if path.is_dir():
                path.rmdir()
            elif str(path) not in needed:
                path.unlink()


class Room:
    """What is left for files of strangers, which may take `most_bytes` together."""

    def __init__(self, most_bytes: float = math.inf) -> None:
        self.most_bytes = most_bytes
        self._full, self._counted = False, -math.inf

    def full(self) -> bool:
        """Whether they take all that they may, or the disk has no more. Goes through the folder now and then."""
        if time.monotonic() > self._counted + RECOUNT_S:
            folder = upload_folder()
            folder.mkdir(parents=True, exist_ok=True)
            spare = shutil.disk_usage(folder).free < SPARE_BYTES
            self._full = spare or _size(folder) >= self.most_bytes
            self._counted = time.monotonic()
        return self._full


class UploadLimit:
    """ASGI middleware: refuses uploads while there is no room for more."""

    def __init__(self, app: ASGIApp, room: Room) -> None:
        self.app, self.room = app, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        posted = scope["type"] == "http" and scope["method"] == "POST"
        uploads = posted and scope["path"].rstrip("/").endswith("/upload")
        if uploads and await asyncio.to_thread(self.room.full):
            refusal = PlainTextResponse("No room for uploads.", INSUFFICIENT_STORAGE)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_size
    return total
