"""What one person may store, and files that appear only when they are complete."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import LocalizedText, MediaError
from ui.media.disk_quota import DiskQuota
from ui.media.temp_folder import storing
from ui.media.uploads import NOT_STORED

_SHARE_USED = LocalizedText(
    "Your address has as much on the server's disk as it may; start a new chat, or try again later with a smaller file."
)


class Room:
    """What one person may store; without a person, what all may. Thread-safe."""

    def __init__(self, quota: DiskQuota, person: str = "") -> None:
        self.quota, self.person = quota, person

    @property
    def max_file_bytes(self) -> int:
        return self.quota.max_file_bytes

    @property
    def free_bytes(self) -> float:
        """Bytes that may be stored, by the latest count."""
        return self.quota.free_bytes(self.person)

    def full(self) -> bool:
        """Whether nothing may be stored. May count the folder, which blocks."""
        return self.quota.full(self.person)

    def require(self) -> None:
        """Raises `MediaError` if nothing may be stored. May count the folder, which blocks."""
        if self.full():
            raise self.refusal()

    def refusal(self) -> MediaError:
        return MediaError.of(
            _SHARE_USED if self.free_bytes < self.quota.free_bytes() else NOT_STORED
        )

    def keep(self, *paths: str | Path) -> None:
        """Record that these files are this person's."""
        self.quota.keep(self.person, *paths)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Reserve bytes within the block. Call `keep` for the files before it ends."""
        writing = Writing(self)
        try:
            yield writing
        finally:
            self.quota.written(self.person, writing.bytes)

    @contextmanager
    def placed(self, target: Path) -> Iterator[Path]:
        """Yield a path to write to, and rename it to `target` afterwards, so that nobody reads half a file.

        Blocks. Raises `DemoError`.
        """
        self.require()
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f"{secrets.token_hex(16)}{target.suffix}")
        try:
            with storing(), self.writing() as writing:
                yield beside
                writing.take(beside.stat().st_size)
                beside.replace(target)
                self.keep(target)
        finally:
            beside.unlink(missing_ok=True)


class Writing:
    """The bytes that one job has reserved."""

    def __init__(self, room: Room) -> None:
        self.bytes = 0
        self._room = room

    def taken(self, count: int) -> bool:
        """Reserve so many bytes. Returns False if there is no room, by the latest count."""
        fits = self._room.quota.taken(self._room.person, count)
        self.bytes += count if fits else 0
        return fits

    def take(self, count: int) -> None:
        """Reserve so many bytes. Raises `MediaError` if there is no room. May count the folder, which blocks."""
        if not self.taken(count):
            self._room.require()
            if not self.taken(count):
                raise self._room.refusal()
