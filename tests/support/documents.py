"""PDF documents, written by hand, and TIFFs of several pages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from PIL import Image

A4 = "0 0 595 842"
PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
# Of the table that `table` draws.
ROWS = (("Item", "Price"), ("Apples", "3.20"), ("Pears", "4.10"), ("Sum", "7.30"))


def lines_of(lines: Sequence[str], size: int = 24) -> bytes:
    """The content of a page: these lines from the top of an A4 page on."""
    shown = " ".join(f"({line}) Tj 0 -{2 * size} Td" for line in lines)
    return f"BT /F1 {size} Tf 72 740 Td {shown} ET".encode("latin-1")


def table(rows: Sequence[Sequence[str]] = ROWS) -> bytes:
    """The content of a page with a ruled table."""
    parts = []
    for row, cells in enumerate(rows):
        y = 700 - 40 * row
        parts += [f"{72 + 200 * column} {y} 200 40 re S" for column in range(len(cells))]
        parts += [
            f"BT /F1 20 Tf {84 + 200 * column} {y + 12} Td ({cell}) Tj ET"
            for column, cell in enumerate(cells)
        ]
    return " ".join(parts).encode("latin-1")


def pdf(
    path: Path,
    pages: Sequence[bytes | Sequence[str]],
    *,
    box: str = A4,
    more: str = "",
    field: str = "",
    objects: Mapping[str, tuple[str, bytes]] = MappingProxyType({}),
    password: str = "",
) -> Path:
    """A PDF document with these pages. box: the MediaBox; more: further entries of each page; field: where a form has one, filled with black; objects: streams that
    pages and forms can draw, by name; password: to open it.
    """
    contents = [page if isinstance(page, bytes) else lines_of(page) for page in pages]
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(contents)))
    written = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    }
    first = 4 + 2 * len(contents)
    named = " ".join(f"/{name} {number} 0 R" for number, name in enumerate(objects, first))
    resources = f"<< /Font << /F1 3 0 R >> /XObject << {named} >> >>"
    key, encryption = _encryption(password) if password else (b"", b"")
    for i, content in enumerate(contents):
        number = 5 + 2 * i
        written[number - 1] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents {number} 0 R /Resources {resources} {more} >>"
        ).encode()
        if key:
            salted = key + number.to_bytes(3, "little") + bytes(2)
            content = _rc4(hashlib.md5(salted).digest()[:10], content)
        written[number] = b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content)
    for number, (entries, content) in enumerate(objects.values(), first):
        head = f"<< {entries} /Resources {resources} /Length {len(content)} >>"
        written[number] = head.encode() + b" stream\n%s\nendstream" % content
    if field:
        _add_field(written, field)
    path.write_bytes(_file(written, encryption))
    return path


def _add_field(objects: dict[int, bytes], rectangle: str) -> None:
    """A text field on the first page, with its appearance in the file as programs that fill forms write it."""
    field = max(objects) + 1
    objects[1] = objects[1].replace(b" >>", b" /AcroForm << /Fields [%d 0 R] >> >>" % field)
    objects[4] = objects[4].replace(b"/Type /Page ", b"/Type /Page /Annots [%d 0 R] " % field)
    objects[field] = (
        f"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Ada) /F 4 /Rect [{rectangle}] "
        f"/AP << /N {field + 1} 0 R >> >>"
    ).encode()
    black = b"0 0 1000 1000 re f"
    objects[field + 1] = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 1000 1000] /Length %d >> stream\n%s\nendstream"
        % (len(black), black)
    )


def _file(objects: dict[int, bytes], encryption: bytes = b"") -> bytes:
    content, places = bytearray(b"%PDF-1.4\n"), []
    for number in sorted(objects):
        places.append(len(content))
        content += b"%d 0 obj %s endobj\n" % (number, objects[number])
    table_at = len(content)
    content += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    content += b"".join(b"%010d 00000 n \n" % place for place in places)
    content += b"trailer << /Size %d /Root 1 0 R %s >>\n" % (len(objects) + 1, encryption)
    return bytes(content + b"startxref\n%d\n%%%%EOF\n" % table_at)


def _encryption(password: str) -> tuple[bytes, bytes]:
    """The key of 40 bits and the entries of the trailer that ask for the password: the standard handler, revision 2."""
    padded = (password.encode() + PADDING)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    rights, name = (-4).to_bytes(4, "little", signed=True), b"0123456789abcdef"
    key = hashlib.md5(padded + owner + rights + name).digest()[:5]
    user = _rc4(key, PADDING)
    entries = b"/ID [<%s> <%s>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>"
    return key, entries % tuple(part.hex().encode() for part in (name, name, owner, user))


def _rc4(key: bytes, content: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    coded, j = bytearray(), 0
    for n, byte in enumerate(content, 1):
        i = n % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        coded.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(coded)


def tiff(
    path: Path, colours: Sequence[str], size: tuple[int, int] = (64, 48), subfile_type: int = 0
) -> Path:
    """A TIFF with a page of each colour. subfile_type: of all pages; 1 is that of a smaller copy."""
    first, *rest = (Image.new("RGB", size, colour) for colour in colours)
    first.save(path, save_all=True, append_images=rest, tiffinfo={254: subfile_type})
    return path


def animation(path: Path, colours: Sequence[str], size: tuple[int, int] = (64, 48)) -> Path:
    """A GIF, WebP or PNG with a frame of each colour, of 100 ms."""
    frames = [Image.new("RGB", size, colour) for colour in colours]
    options: dict[str, Any] = {"lossless": True} if path.suffix == ".webp" else {}
    assert all(a != b for a, b in pairwise(colours)), "equal frames are merged"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, **options)
    return path
