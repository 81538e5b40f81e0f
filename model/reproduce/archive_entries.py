"""The entries of a zip file that somebody sends: read by name, within limits, wherever people's programs have put them.

Whoever unpacks an exported file and packs it again adds folders, comments and files of their system, and spells
names in their own way. Names lead nowhere on the disk.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from model.errors import DemoError
from model.json_size import Nodes

INDEX = "messages.json"
# Systems add an entry of their own to each.
MAX_ENTRIES = 4096
# In bytes: the list of entries, the comment, a JSON file, a media file, all media.
MAX_DIRECTORY = 2**20
MAX_COMMENT = 2**16
MAX_JSON = 4 * 2**20
MAX_FILE = 512 * 2**20
MAX_BYTES = 2**30
MAX_RATIO = 200  # media are compressed already
# All media are at most so many times as large as the zip file, and so much more: an uncompressed picture shrinks a lot.
MAX_GROWTH = 4
MAX_MORE_BYTES = 8 * 2**20
MAX_NODES = 150_000  # of a JSON file
PIECE = 2**16
CHUNK = 2**20
# What these give for one piece has no bound but the size of the piece.
SMALL_CHUNK = 4096
UNBOUNDED = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, *UNBOUNDED)
_RECORD = b"PK\5\6"
_RECORD_BYTES, _LOCATOR_BYTES = 22, 20
# Of macOS and Windows, beside what was packed.
_SYSTEMS_OWN = re.compile(r"(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)", re.I)
_NUMBERED = re.compile(r"media/\d+(?=-)")


@dataclass(frozen=True)
class Allowance:
    """What whoever unpacks a zip file has room for. `take` hears of bytes before they are written; it may raise `DemoError`."""

    file_bytes: int = MAX_FILE
    take: Callable[[int], object] = lambda _: None


def too_large() -> DemoError:
    return DemoError("This conversation is too large to be restored.")


def check_directory(source: Path) -> None:
    """Refuse a list of entries that would fill the memory when `zipfile` reads it, as it does at once.

    The record is looked for where `zipfile` looks. Raises `BadZipFile` and `DemoError`.
    """
    with source.open("rb") as file:
        record, locator = _end_record(file)
    entries, directory = (
        int.from_bytes(record[10:12], "little"),
        int.from_bytes(record[12:16], "little"),
    )
    if len(record) < _RECORD_BYTES or locator[:4] == b"PK\6\7":
        raise zipfile.BadZipFile
    if entries > MAX_ENTRIES or directory > MAX_DIRECTORY:
        raise too_large()


def _end_record(file: BinaryIO) -> tuple[bytes, bytes]:
    """The record at the end of the list of entries, and what would make it one of 64 bits."""
    size = file.seek(0, 2)
    file.seek(max(0, size - MAX_COMMENT - _RECORD_BYTES - _LOCATOR_BYTES))
    tail = file.read()
    at = len(tail) - _RECORD_BYTES
    if at < 0 or tail[at : at + 4] != _RECORD or tail[-2:] != b"\0\0":
        at = tail.rfind(_RECORD, max(0, len(tail) - MAX_COMMENT - _RECORD_BYTES))
    if at < 0:
        return b"", b""
    return tail[at : at + _RECORD_BYTES], tail[max(0, at - _LOCATOR_BYTES) : at]


class Entries:
    """Raises `BadZipFile`, `KeyError` and `DemoError` for what is not there, not readable, or too large."""

    def __init__(self, file: zipfile.ZipFile, size: int, allowance: Allowance) -> None:
        """size: of the zip file, in bytes."""
        self._file = file
        self._allowance = allowance
        self._left = min(MAX_BYTES, MAX_GROWTH * size + MAX_MORE_BYTES)
        self._found: dict[str, zipfile.ZipInfo] = {}
        names = {_name(info): info for info in file.infolist()}
        if len(names) != len(file.infolist()):
            raise zipfile.BadZipFile
        names = {name: info for name, info in names.items() if not _SYSTEMS_OWN.search(name)}
        folder = _folder(list(names))
        for name, info in names.items():
            if name.startswith(folder):
                key = _key(name.removeprefix(folder))
                if key in self._found:
                    raise zipfile.BadZipFile
                self._found[key] = info

    def json(self, name: str) -> Any:
        content, nodes = bytearray(), Nodes()
        for chunk in self._chunks(self._info(name), MAX_JSON):
            content += chunk
            for start in range(0, len(chunk), PIECE):
                if nodes.read(chunk[start : start + PIECE]) > MAX_NODES:
                    raise too_large()
        try:
            return json.loads(content)
        except RecursionError as error:
            raise ValueError("too deep") from error

    def extract(self, name: str, target: Path) -> None:
        """Write one entry to `target`, a new file."""
        info = self._info(name)
        ratio = MAX_RATIO * info.compress_size + SMALL_CHUNK
        most = min(MAX_FILE, self._allowance.file_bytes, self._left, ratio)
        if info.file_size > most:
            raise too_large()
        with target.open("xb") as written:
            for chunk in self._chunks(info, most):
                self._left -= len(chunk)
                self._allowance.take(len(chunk))
                written.write(chunk)

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = self._found[_key(name)]
        if info.is_dir() or info.compress_type not in METHODS:
            raise zipfile.BadZipFile
        return info

    def _chunks(self, info: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
        """The content; what the header says of its size is not believed."""
        small = info.compress_type in UNBOUNDED
        with self._file.open(info) as content:
            read = 0
            while chunk := content.read(SMALL_CHUNK if small else CHUNK):
                read += len(chunk)
                if read > most:
                    raise too_large()
                yield chunk


def _name(info: zipfile.ZipInfo) -> str:
    """As it is written in a zip file: with slashes."""
    return info.filename.replace("\\", "/").removeprefix("./")


def _folder(names: list[str]) -> str:
    """Where the conversation lies: at the top, or in the one folder that has one. Raises `BadZipFile`."""
    if INDEX in names:
        return ""
    folders = [name.removesuffix(INDEX) for name in names if PurePosixPath(name).name == INDEX]
    if len(folders) != 1:
        raise zipfile.BadZipFile
    return folders[0]


def _key(name: str) -> str:
    """Media are known by their number: systems change the letters of a name, but not that."""
    found = _NUMBERED.match(name)
    return found[0] if found else name
