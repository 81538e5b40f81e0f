"""Reads the entries of an untrusted zip file by name, within limits of size, number and compression.

A file that was unpacked and packed again may have a folder around its entries, files of the system between them, and
names in another spelling. No name in it becomes a path.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from model.errors import DemoError
from model.json_size import Nodes

INDEX = "messages.json"
# More than any export has: macOS adds an entry to each.
MAX_ENTRIES = 4096
# Bytes of the list of entries, the comment, a JSON file, a media file, and all media.
MAX_DIRECTORY = 2**20
MAX_COMMENT = 2**16
MAX_JSON = 4 * 2**20
MAX_FILE = 512 * 2**20
MAX_BYTES = 2**30
# Compression of one media file. Most are compressed already, so a high ratio is an attack.
MAX_RATIO = 200
# All media have at most MAX_GROWTH times the bytes of the zip file and MAX_MORE_BYTES, for uncompressed images.
MAX_GROWTH = 4
MAX_MORE_BYTES = 8 * 2**20
# Values in a JSON file.
MAX_NODES = 150_000
# Bytes of JSON that are counted at once, and bytes that are read at once.
PIECE = 2**16
CHUNK = 2**20
# `zipfile` does not bound what these methods decompress from one read, so reads are small.
SMALL_CHUNK = 4096
UNBOUNDED = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, *UNBOUNDED)
_RECORD = b"PK\5\6"
_RECORD_BYTES, _LOCATOR_BYTES = 22, 20
# Files that macOS and Windows add.
_SYSTEMS_OWN = re.compile(r"(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)", re.I)
_NUMBERED = re.compile(r"media/\d+(?=-)")


@dataclass(frozen=True)
class Allowance:
    """The space for unpacked files.

    file_bytes: of one file; take: called with a number of bytes before they are written, may raise `DemoError`.
    """

    file_bytes: int = MAX_FILE
    take: Callable[[int], object] = lambda _: None


def too_large() -> DemoError:
    return DemoError("This conversation is too large to be restored.")


def check_directory(source: Path) -> None:
    """Check the size of the list of entries, which `zipfile` reads into memory at once.

    The end record is searched where `zipfile` searches it. Raises `BadZipFile` and `DemoError`.
    """
    with source.open("rb") as file:
        record, locator = _end_record(file)
    entries = int.from_bytes(record[10:12], "little")
    directory = int.from_bytes(record[12:16], "little")
    if len(record) < _RECORD_BYTES or locator[:4] == b"PK\6\7":
        raise zipfile.BadZipFile
    if entries > MAX_ENTRIES or directory > MAX_DIRECTORY:
        raise too_large()


def _end_record(file: BinaryIO) -> tuple[bytes, bytes]:
    """The record after the list of entries, and the bytes before it, which are a locator in a 64-bit zip file."""
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
    """The entries of a zip file, by the name that `archive` gave them.

    Raises `BadZipFile` for a malformed file, `KeyError` for a missing entry and `DemoError` for one that is too large.
    """

    def __init__(
        self, file: zipfile.ZipFile, size: int, allowance: Allowance, beside: Mapping[str, Path]
    ) -> None:
        """size: bytes of the zip file; beside: files that take the place of entries, by name."""
        self._file = file
        self._allowance = allowance
        self._beside = beside
        more = sum(path.stat().st_size for path in set(beside.values()))
        self._left = min(MAX_BYTES, MAX_GROWTH * size + MAX_MORE_BYTES + more)
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
        if name in self._beside:
            self._copy(self._beside[name], target)
            return
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

    def _copy(self, source: Path, target: Path) -> None:
        size = source.stat().st_size
        if size > min(MAX_FILE, self._allowance.file_bytes, self._left):
            raise too_large()
        self._left -= size
        self._allowance.take(size)
        shutil.copyfile(source, target)

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = self._found[_key(name)]
        if info.is_dir() or info.compress_type not in METHODS:
            raise zipfile.BadZipFile
        return info

    def _chunks(self, info: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
        """Yield the content, and count its bytes, because the header may be wrong about them."""
        small = info.compress_type in UNBOUNDED
        with self._file.open(info) as content:
            read = 0
            while chunk := content.read(SMALL_CHUNK if small else CHUNK):
                read += len(chunk)
                if read > most:
                    raise too_large()
                yield chunk


def _name(info: zipfile.ZipInfo) -> str:
    """The name with slashes, as zip files should have it."""
    return info.filename.replace("\\", "/").removeprefix("./")


def _folder(names: list[str]) -> str:
    """The folder with `INDEX`: empty for the top, or else the only one that has it. Raises `BadZipFile`."""
    if INDEX in names:
        return ""
    folders = [name.removesuffix(INDEX) for name in names if PurePosixPath(name).name == INDEX]
    if len(folders) != 1:
        raise zipfile.BadZipFile
    return folders[0]


def _key(name: str) -> str:
    """The key of an entry: a media file's number, because systems may respell the rest of its name."""
    found = _NUMBERED.match(name)
    return found[0] if found else name
