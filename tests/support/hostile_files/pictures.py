"""Pictures: unusual, damaged, or made to cost much."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from tests.support.hostile_files.case import WIDE, Case, refused, saved, works, written
from tests.support.media_files import corners, exif_rotated, photo, truncated


def formats() -> Iterator[Case]:
    for suffix in ("png", "webp", "gif", "bmp", "tif", "avif"):
        yield works(f"form.{suffix}", lambda path: corners().save(path))
    lossless = {"quality": 100, "subsampling": 0}
    yield works("form.jpg", saved(corners(), "JPEG", **lossless))
    yield works("progressive.jpg", saved(corners(), "JPEG", progressive=True, **lossless))
    phone = saved(corners(), "MPO", save_all=True, append_images=[corners((8, 8))], **lossless)
    yield works("phone.jpg", phone)
    yield works("moving.jpg", _with_tail)


def _with_tail(path: Path) -> None:
    """A phone's motion photo: a clip behind the picture, with what looks like many scans."""
    corners().save(path, "JPEG", quality=100, subsampling=0, progressive=True)
    path.write_bytes(path.read_bytes() + b"ftypmp42" + b"\xff\xda" * 1000)


def turned() -> Iterator[Case]:
    for orientation in range(1, 9):
        turned = partial(exif_rotated, orientation=orientation)
        yield works(f"held-{orientation}.jpg", turned)
    for suffix in ("png", "webp", "avif", "tif"):
        yield works(f"held.{suffix}", partial(exif_rotated, orientation=6))
    yield works("nonsense.png", partial(exif_rotated, orientation=77))


def colours() -> Iterator[Case]:
    opaque = corners().convert("RGBA")
    faded = opaque.copy()
    faded.putalpha(Image.linear_gradient("L").resize(WIDE))
    grey = Image.linear_gradient("L").resize(WIDE)
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    yield works("alpha.png", saved(opaque, "PNG"))
    yield works("faded.webp", saved(faded, "WEBP", lossless=True), upright=False)
    yield works("grey-alpha.png", saved(faded.convert("LA"), "PNG"), upright=False)
    yield works("palette.png", saved(corners().quantize(8), "PNG"))
    yield works("palette-alpha.png", saved(faded.quantize(8), "PNG"), upright=False)
    yield works("grey.jpg", saved(grey, "JPEG"), upright=False)
    yield works("bilevel.tif", saved(grey.convert("1"), "TIFF"), upright=False)
    yield works("sixteen.png", saved(deep, "PNG"), upright=False)
    yield works("sixteen.tif", saved(deep, "TIFF"), upright=False)
    yield works("float.tif", saved(grey.convert("F"), "TIFF"), upright=False)
    yield works("print.jpg", saved(corners().convert("CMYK"), "JPEG", quality=100))
    yield works("print.tif", saved(corners().convert("CMYK"), "TIFF"))
    yield works("lab.tif", saved(Image.new("LAB", WIDE), "TIFF"), upright=False)
    yield works("sixteen-colours.png", written(_png(WIDE, 16, b"\xff\xff\0\0\0\0")), upright=False)


def animations() -> Iterator[Case]:
    rest = [Image.new("RGB", WIDE, "blue")] * 3
    for suffix, form in (("gif", "GIF"), ("webp", "WEBP"), ("png", "PNG"), ("avif", "AVIF")):
        lossless = {"lossless": True} if form == "WEBP" else {}
        moving = saved(corners(), form, save_all=True, append_images=rest, **lossless)
        yield works(f"moving.{suffix}", moving)


def profiles() -> Iterator[Case]:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for suffix, form in (("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")):
        options = {"quality": 100, "icc_profile": srgb}
        yield works(f"with-profile.{suffix}", saved(corners(), form, **options))
    yield works("broken-profile.png", saved(corners(), "PNG", icc_profile=b"no profile" * 99))


def extreme_sizes() -> Iterator[Case]:
    for size in ((1, 1), (27, 300), (1, 200), (200, 1), (3, 2)):
        strip = Image.new("RGB", size, "red")
        yield works(f"{size[0]}x{size[1]}.png", saved(strip, "PNG"), size, upright=False)
    for size in ((1, 20000), (20000, 1), (1, 201)):
        name, strip = f"{size[0]}x{size[1]}.png", Image.new("RGB", size, "red")
        said = f"{name} is {size[0]}x{size[1]} pixels; one side can be at most 200 times"
        yield refused(name, saved(strip, "PNG"), said, "pricing")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(size: tuple[int, int], depth: int = 8, pixel: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG that declares its size; without a `pixel` there is hardly anything in it."""
    rows = (b"\0" + pixel * size[0]) * size[1] if pixel else bytes(1000)
    header = struct.pack(">IIBBBBB", *size, depth, 2, 0, 0, 0)
    parts = _chunk(b"IHDR", header), extra, _chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + _chunk(b"IEND", b"")


def encoded(form: str, size: tuple[int, int] = (8, 8), **options: Any) -> bytes:
    Image.new("RGB", size, "red").save(content := io.BytesIO(), form, **options)
    return content.getvalue()


def declared_sizes() -> Iterator[Case]:
    """Small files that would take gigabytes."""
    said = "has more than 100 million pixels; make it smaller"
    yield refused("bomb.png", written(_png((30000, 30000))), said)
    gif = bytearray(encoded("GIF"))
    gif[6:10] = struct.pack("<HH", 30000, 30000)
    yield refused("bomb.gif", written(bytes(gif)), said)
    jpeg = bytearray(encoded("JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 30000, 30000)
    yield refused("bomb.jpg", written(bytes(jpeg)), said)
    bmp = bytearray(encoded("BMP"))
    bmp[18:26] = struct.pack("<ii", 30000, 30000)
    yield refused("bomb.bmp", written(bytes(bmp)), said)
    webp = bytearray(encoded("WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", (16383 << 14) | 16383)
    yield refused("bomb.webp", written(bytes(webp)), "bomb.webp ")


def damaged() -> Iterator[Case]:
    for suffix in ("jpg", "png", "webp", "gif", "avif", "tif"):
        yield refused(f"cut.{suffix}", lambda path: truncated(photo(path), 0.6), "attach it again")
    for suffix in ("jpg", "png", "webp", "gif"):
        yield refused(
            f"beginning.{suffix}", lambda path: truncated(photo(path), 0.005), "attach it"
        )
    yield refused("blot.png", partial(_blotted, at=0.5), "is damaged or incomplete")
    yield refused("blot-in-front.jpg", partial(_blotted, at=0.0), "is not a picture that can be")
    for suffix in ("jpg", "webp"):  # what can be seen of these is seen
        blotted = partial(_blotted, at=0.5)
        yield works(f"blot.{suffix}", blotted, (320, 240), upright=False)
    yield refused("empty.png", written(b""), "is an empty file")


def _blotted(path: Path, at: float) -> None:
    content = bytearray(photo(path).read_bytes())
    start = int(len(content) * at)
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)


def bombs() -> Iterator[Case]:
    """Little in them, much to do."""
    text = b"note\0\0" + zlib.compress(bytes(2**25))
    yield refused("text.png", written(_png((8, 8), extra=_chunk(b"zTXt", text))), "is damaged")
    profile = b"icc\0\0" + zlib.compress(bytes(2**26))
    yield refused("profile.png", written(_png((8, 8), extra=_chunk(b"iCCP", profile))), "damaged")
    many = _png((8, 8), 8, b"\xff\0\0", _chunk(b"tEXt", b"k\0v") * 50_000)
    yield works("many-chunks.png", written(many), (8, 8), upright=False)
    yield works("tags.png", written(tag_bomb()), (8, 8), upright=False)
    yield refused("scans.jpg", written(scan_bomb(3000)), "would take too long")


def tag_bomb(tags: int = 5000, size: int = 2_000_000) -> bytes:
    """A PNG whose EXIF tags all hold the same two megabytes; Pillow before 13 read them all."""
    listed = (struct.pack("<HHLL", 1000 + i, 1, size - 100, 8) for i in range(tags))
    exif = b"II*\0" + struct.pack("<LH", 8, tags) + b"".join(listed) + bytes(4)
    return _png((8, 8), 8, b"\xff\0\0", _chunk(b"eXIf", exif + bytes(size - len(exif))))


def scan_bomb(scans: int, size: tuple[int, int] = (5000, 5000)) -> bytes:
    """A JPEG whose last scan is there so often."""
    content = encoded("JPEG", size, progressive=True)
    last = content[content.rindex(b"\xff\xc4") : -2]
    return content[:-2] + last * scans + b"\xff\xd9"
