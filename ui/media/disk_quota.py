"""How much of the disk uploads may take, and which of them are still needed.

People upload files that they never send, and break uploads off. A file is removed when no tab needs it and it is older
than a conversation without a page can be. Files that are made from uploads count as well.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Container, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

from ui.gradio_compat import upload_folder
from ui.http.share import share
from ui.media.temp_folder import LOCK

RECOUNT_S = 2.0  # between two counts of the folder
SPARE_BYTES = 2**30  # of the disk that stay free
MAX_FILE_BYTES = 200 * 2**20
MIN_FILE_BYTES = 4096  # that a file takes on the disk, however small it is


def sweep(needed: Container[str], kept_s: float) -> None:
    """Remove files that are older than `kept_s` and not in `needed` (resolved paths), and then empty folders."""
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
    """Remove the temporary files that Gradio leaves of malformed uploads."""
    with suppress(OSError), os.scandir(upload_folder()) as entries:
        for entry in entries:
            with suppress(OSError):
                unnamed = entry.name.startswith(tempfile.gettempprefix())
                if unnamed and entry.is_file() and entry.stat().st_mtime < before:
                    os.unlink(entry.path)


class DiskQuota:
    """Counts what uploads take. All together may take `most_bytes`, and one person a share of it. Thread-safe.

    person: an address, see `person_of`; "" stands for no person in particular, and has no share of its own.
    max_file_bytes: of each file.
    """

    def __init__(self, most_bytes: float = math.inf, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self.most_bytes = most_bytes
        self.max_file_bytes = max_file_bytes
        self._lock, self._counting = threading.Lock(), threading.Lock()
        self._counted = -math.inf
        # At the latest count: what all may take, and what was left of it; and what was taken since then.
        self._whole, self._left, self._taken = 0.0, 0.0, 0
        self._files: dict[str, tuple[str, int]] = {}  # by path: whose it is, and its bytes
        self._stored = Counter[str]()  # bytes of those, by person
        self._writing = Counter[str]()  # bytes that are being written, by person

    def free_bytes(self, person: str = "") -> float:
        """Bytes that this person may store, by the latest count."""
        with self._lock:
            return self._left_for(person)

    def full(self, person: str = "") -> bool:
        """Whether `free_bytes` is 0. May count the folder, which blocks."""
        if time.monotonic() > self._counted + RECOUNT_S:
            self._count()
        return self.free_bytes(person) <= 0

    def taken(self, person: str, count: int) -> bool:
        """Reserve so many bytes. Returns False if there is no room, by the latest count."""
        with self._lock:
            fits = count <= self._left_for(person)
            self._taken += count if fits else 0
            self._writing[person] += count if fits else 0
        return fits

    def written(self, person: str, count: int) -> None:
        """So many reserved bytes have become files, or were given up."""
        with self._lock:
            self._writing[person] -= count
            if not self._writing[person]:
                del self._writing[person]

    def keep(self, person: str, *paths: str | Path) -> None:
        """Record that these files were stored for this person."""
        for path in (str(Path(path).resolve()) for path in paths):
            with suppress(OSError):  # gone meanwhile
                size = _bytes(os.stat(path))
                with self._lock:
                    if path not in self._files:
                        self._files[path] = person, size
                        self._stored[person] += size

    def _left_for(self, person: str) -> float:
        left = self._left - self._taken
        if not person:
            return left
        own = self._stored[person] + self._writing[person]
        others = any(who not in ("", person) for who in chain(self._stored, self._writing))
        return min(left, share(self._whole, others) - own)

    def _count(self) -> None:
        """Count the folder. One thread counts at a time; the others use the latest count, if there is one."""
        if not self._counting.acquire(blocking=self._counted == -math.inf):
            return
        try:
            with self._lock:
                before = self._taken  # in the folder by now
                files = self._files.copy()
            folder = upload_folder()
            folder.mkdir(parents=True, exist_ok=True)
            spare = shutil.disk_usage(folder).free - SPARE_BYTES
            sizes = dict(_sizes(folder))
            total = sum(sizes.values())
            found = {path: (files[path][0], sizes[path]) for path in files.keys() & sizes.keys()}
            stored = Counter[str]()
            for person, size in found.values():
                stored[person] += size
            with self._lock:
                self._left = min(spare, self.most_bytes - total)
                self._whole, self._taken = self._left + total, self._taken - before
                for path in self._files.keys() - files.keys():  # kept meanwhile
                    person, size = found[path] = self._files[path]
                    stored[person] += size
                self._files, self._stored = found, stored
                self._counted = time.monotonic()
        finally:
            self._counting.release()


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    """Of all files, and of the folders themselves."""
    folders = [str(folder)]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    yield entry.path, _bytes(entry.stat(follow_symlinks=False))
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)


def _bytes(known: os.stat_result) -> int:
    return max(known.st_size, MIN_FILE_BYTES)
