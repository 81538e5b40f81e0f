"""What one person may store, and files that appear whole or not at all."""

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
    """What one person may store; without one, what everybody shares. For any thread."""

    def __init__(self, quota: DiskQuota, person: str = "") -> None:
        self.quota, self.person = quota, person

    @property
    def max_file_bytes(self) -> int:
        return self.quota.max_file_bytes

    @property
    def free_bytes(self) -> float:
        """Bytes, as far as is known without looking."""
        return self.quota.free_bytes(self.person)

    def full(self) -> bool:
        """Whether there is none; may go through the folder."""
        return self.quota.full(self.person)

    def require(self) -> None:
        """Raises `MediaError` where nothing can be stored; may go through the folder."""
        if self.full():
            raise self.refusal()

    def refusal(self) -> MediaError:
        return MediaError.of(_SHARE_USED if self.free_bytes < self.quota.free_bytes() else NOT_STORED)

    def keep(self, *paths: str | Path) -> None:
        """These files are this person's."""
        self.quota.keep(self.person, *paths)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Meanwhile what is taken counts as this person's; what it has become is to be kept before the end."""
        writing = Writing(self)
        try:
            yield writing
        finally:
            self.quota.written(self.person, writing.bytes)

    @contextmanager
    def placed(self, target: Path) -> Iterator[Path]:
        """A new file, which becomes `target` when it is whole: nobody reads half of one. Blocks; raises `DemoError`."""
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
    """The bytes of one piece of work that are on their way to the disk."""

    def __init__(self, room: Room) -> None:
        self.bytes = 0
        self._room = room

    def taken(self, count: int) -> bool:
        """Whether so many bytes may be written, as far as is known without looking; they count then."""
        fits = self._room.quota.taken(self._room.person, count)
        self.bytes += count if fits else 0
        return fits

    def take(self, count: int) -> None:
        """So many bytes are being written; may look. Raises `MediaError` if they are too many."""
        if not self.taken(count):
            self._room.require()
            if not self.taken(count):
                raise self._room.refusal()
