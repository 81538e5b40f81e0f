"""Zip files that are dropped as exported conversations: of the kinds that advisories of unpackers tell of.

Each is made of a good one, whose entries are given by name. What is right to say of it stands beside it; nothing, where
it is read as if it were good.
"""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Entries = Mapping[str, bytes]
MB = 2**20
CHANGED = "is not a conversation that was exported here"
TOO_LARGE = "is too large to be restored"


@dataclass(frozen=True)
class Pack:
    """`make` gives the bytes of a zip file, of the entries of a good one."""

    name: str
    make: Callable[[Entries], bytes]
    said: str = CHANGED


def packs() -> list[Pack]:
    return [
        Pack("packed again", zipped, ""),
        Pack("behind a program", lambda good: b"MZ" + bytes(5000) + zipped(good), ""),
        Pack("beside a link to the system", lambda good: zipped(good, links=("x",)), ""),
        Pack("beside a way out", lambda good: zipped({**good, "../../out.txt": b"x"}), ""),
        Pack("beside a zip file in it", lambda good: zipped({**good, "a.zip": zipped(good)}), ""),
        Pack("beside itself ten times", _nested, ""),
        Pack("bomb of zeros", lambda good: zipped(_with_media(good, bytes(60 * MB))), TOO_LARGE),
        Pack("bomb of bzip2", lambda good: _bomb(good, zipfile.ZIP_BZIP2), TOO_LARGE),
        Pack("bomb of lzma", lambda good: _bomb(good, zipfile.ZIP_LZMA), TOO_LARGE),
        Pack("bomb of JSON", lambda good: zipped({**good, "messages.json": b" " * 40 * MB}), TOO_LARGE),
        Pack("bomb of brackets", lambda good: zipped({**good, "messages.json": b"[" * 10**6}), TOO_LARGE),
        Pack("depth without end", lambda good: zipped({**good, "messages.json": b"[" * 90_000 + b"]" * 90_000})),
        Pack("a number of many digits", lambda good: _settings(good, b"9" * 10_000)),
        Pack("a number beyond all", lambda good: _settings(good, b"1e999")),
        Pack("entries that lie in each other", _overlapping),
        Pack("more entries than there are", lambda good: zipped(good).replace(*_count(good, 9)), ""),
        Pack("ten thousand entries", lambda good: zipped({**good, **{f"x/{n}": b"" for n in range(10_000)}}), TOO_LARGE),
        Pack("a list of entries beyond the file", _list_elsewhere),
        Pack("a size that is smaller than it is", _smaller),
        Pack("a checksum that is wrong", lambda good: _patched(good, 16, b"\0\0\0\0")),
        Pack("said to be encrypted", lambda good: _patched(good, 8, b"\1\0")),
        Pack("an unknown method", lambda good: _patched(good, 10, b"\x63\0")),
        Pack("names that differ in letters only", _folded, ""),
        Pack("a name twice", _twice),
        Pack("no end", lambda good: zipped(good)[:-30]),
        Pack("no bytes", lambda _: b""),
        Pack("only a comment", lambda _: b"PK\5\6" + bytes(16) + b"\xff\xff" + b"x" * 65_535),
        Pack("a page", lambda _: b"<!doctype html><script>alert(1)</script>"),
    ]  # fmt: skip


def zipped(
    entries: Entries, method: int = zipfile.ZIP_DEFLATED, links: tuple[str, ...] = ()
) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as file:
        for name, content in entries.items():
            file.writestr(name, content)
        for link in links:
            info = zipfile.ZipInfo(link)
            info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            file.writestr(info, "/etc/passwd")
    return target.getvalue()


def media(good: Entries) -> str:
    return next(name for name in good if name.startswith("media/"))


def _with_media(good: Entries, content: bytes) -> Entries:
    return {**good, media(good): content}


def _bomb(good: Entries, method: int) -> bytes:
    return zipped(_with_media(good, bytes(20 * MB)), method)


def _nested(good: Entries) -> bytes:
    inner = zipped(good)
    for _ in range(10):
        inner = zipped({"a.zip": inner, "b.zip": inner})
    return zipped({**good, "a.zip": inner})


def _settings(good: Entries, number: bytes) -> bytes:
    settings = json.loads(good["settings.json"])
    settings["media"][0]["width"] = "WIDTH"
    content = json.dumps(settings).encode().replace(b'"WIDTH"', number)
    return zipped({**good, "settings.json": content})


def _entry(packed: bytes, name: str) -> int:
    """Where the entry of a name begins in the list of them."""
    at = packed.find(b"PK\1\2")
    while packed[at + 46 :][: len(name)] != name.encode():
        at = packed.index(b"PK\1\2", at + 1)
    return at


def _patched(good: Entries, offset: int, value: bytes) -> bytes:
    """Another value in what the list says of the picture."""
    packed = bytearray(zipped(good))
    at = _entry(bytes(packed), media(good)) + offset
    packed[at : at + len(value)] = value
    return bytes(packed)


def _smaller(good: Entries) -> bytes:
    return _patched(good, 24, struct.pack("<L", 10))


def _overlapping(good: Entries) -> bytes:
    """The picture's content is that of the settings: one that many entries share makes much of little."""
    packed = bytearray(zipped(good))
    picture, settings = _entry(bytes(packed), media(good)), _entry(bytes(packed), "settings.json")
    packed[picture + 42 : picture + 46] = packed[settings + 42 : settings + 46]
    return bytes(packed)


def _list_elsewhere(good: Entries) -> bytes:
    packed = bytearray(zipped(good))
    end = packed.rindex(b"PK\5\6")
    packed[end + 16 : end + 20] = struct.pack("<L", 2**31)
    return bytes(packed)


def _count(good: Entries, count: int) -> tuple[bytes, bytes]:
    """The number of entries, which nobody need believe, and another one."""
    right = struct.pack("<HH", len(good), len(good))
    return b"PK\5\6\0\0\0\0" + right, b"PK\5\6\0\0\0\0" + struct.pack("<HH", count, count)


def _folded(good: Entries) -> bytes:
    return zipped({**good, media(good).upper(): b"x", "MESSAGES.JSON": b"x"})


def _twice(good: Entries) -> bytes:
    double = "messages.jsom"
    return zipped({**good, double: b"[]"}).replace(double.encode(), b"messages.json")
