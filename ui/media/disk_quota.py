"""How much of the disk files of strangers may take, and which of them are still needed.

Strangers upload what they never send, and break uploads off half way. A file goes when no tab needs it and it has
lain as long as a conversation stays without a page. Whatever is made of uploads counts like them.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from model.errors import MediaError
from ui.media.temp_folder import LOCK, storing
from ui.media.uploads import NOT_STORED, upload_folder

RECOUNT_S = 2.0  # between two looks at how much there is
SPARE_BYTES = 2**30  # of the disk, for everything but uploads
MAX_FILE_BYTES = 200 * 2**20


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


def remove_unfinished(before: float) -> None:
    """Remove what Gradio wrote of uploads and never named, because a form was not what it should be."""
    with suppress(OSError), os.scandir(upload_folder()) as entries:
        for entry in entries:
            with suppress(OSError):
                unnamed = entry.name.startswith(tempfile.gettempprefix())
                if unnamed and entry.is_file() and entry.stat().st_mtime < before:
                    os.unlink(entry.path)


class Room:
    """What is left for files of strangers, which may take `most_bytes` together. For any thread.

    max_file_bytes: of each of them.
    """

    def __init__(self, most_bytes: float = math.inf, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self.most_bytes = most_bytes
        self.max_file_bytes = max_file_bytes
        self._lock = threading.Lock()
        self._counted = -math.inf
        self._left, self._taken = 0.0, 0  # at the latest count, and since then

    @property
    def left(self) -> float:
        """Bytes, as far as is known without looking."""
        return self._left - self._taken

    def full(self) -> bool:
        """Whether there is none. Goes through the folder now and then."""
        if time.monotonic() > self._counted + RECOUNT_S:
            self._count()
        return self.left <= 0

    def require(self) -> None:
        """Raises `MediaError` where nothing can be stored; may go through the folder."""
        if self.full():
            raise MediaError.of(NOT_STORED)

    def taken(self, count: int) -> bool:
        """Whether so many bytes may be written, as far as is known without looking; they count then."""
        with self._lock:
            fits = count <= self.left
            self._taken += count if fits else 0
        return fits

    def take(self, count: int) -> None:
        """So many bytes are being written; may look. Raises `MediaError` if they are too many."""
        if not self.taken(count):
            self.require()
            if not self.taken(count):
                raise MediaError.of(NOT_STORED)

    @contextmanager
    def placed(self, target: Path) -> Iterator[Path]:
        """A new file, which becomes `target` when it is whole: nobody reads half of one. Blocks; raises `DemoError`."""
        self.require()
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f"{secrets.token_hex(16)}{target.suffix}")
        try:
            with storing():
                yield beside
                self.take(beside.stat().st_size)
                beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    def _count(self) -> None:
        with self._lock:
            before = self._taken  # lies in the folder by now
        folder = upload_folder()
        folder.mkdir(parents=True, exist_ok=True)
        spare = shutil.disk_usage(folder).free - SPARE_BYTES
        left = min(spare, self.most_bytes - _size(folder))
        with self._lock:
            self._left, self._taken = left, self._taken - before
            self._counted = time.monotonic()


def _size(folder: Path) -> int:
    total, folders = 0, [str(folder)]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_size
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
    return total
