"""Of the kinds that advisories of 2026 tell of: for Pillow before 13, FFmpeg before 8.1.2 and libheif before 1.21."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from PIL import Image

from tests.support.hostile_files.case import Case, Make, refused, works, written
from tests.support.hostile_files.pictures import _chunk, _png
from tests.support.media_files import corners, photo

# Of TIFF: names of tags, and the type of all values here.
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, CHANNELS = 256, 257, 258, 259, 262, 277
STRIP_OFFSETS, ROWS, STRIP_BYTES = 273, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, SUBSAMPLING = 322, 323, 324, 325, 530
JPEG, RGB, YCBCR, LONG = 7, 2, 6, 4


def codecs() -> Iterator[Case]:
    """PixelSmash (CVE-2026-8461) and what may come after it: decoders that nobody needs here."""
    for codec in ("magicyuv", "huffyuv", "snow"):
        said = f"is in the format {codec}, which is not read; convert it to MP4 (H.264)"
        yield refused(f"{codec}.mkv" if codec == "snow" else f"{codec}.avi", coded(codec), said)


def coded(codec: str) -> Make:
    def make(path: Path) -> None:
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=10)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            if codec == "huffyuv":
                stream.pix_fmt = "yuv422p"
            grey = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            container.mux(stream.encode(grey.reformat(format=stream.pix_fmt)))
            container.mux(stream.encode())

    return make


def encrypted() -> Iterator[Case]:
    """MP4 and MOV whose samples are encrypted, with counts that lie (CVE-2026-40962).

    FFmpeg encrypts each time in another way: one file of a hundred has what looks like a frame.
    """
    said = "is copy-protected; attach a copy without protection"
    yield refused("encrypted.mp4", _encrypted, said)
    yield refused("senc.mov", partial(_encrypted, box=b"senc", at=8), "is damaged or not a video")
    for box, at in ((b"saiz", 9), (b"saio", 8)):
        yield refused(f"{box.decode()}.mov", partial(_encrypted, box=box, at=at), said)


def _encrypted(path: Path, box: bytes = b"", at: int = 0) -> None:
    """The number of entries that stands behind the name of `box` becomes as large as it can be."""
    key = {"encryption_key": "0" * 32, "encryption_kid": "1" * 32}
    scheme = {"encryption_scheme": "cenc-aes-ctr", **key}
    with av.open(str(path), "w", format="mp4", options=scheme) as container:
        stream = container.add_stream("libx264", rate=Fraction(10))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in range(10):
            frame = np.full((48, 64, 3), level * 20, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    if box:
        content = bytearray(path.read_bytes())
        place = content.index(box) + at
        content[place : place + 4] = b"\xff" * 4
        path.write_bytes(content)


def tiff() -> Iterator[Case]:
    """Tiles and strips that are not as large as they say (CVE-2026-112395, GHSA-q45j-58j2-45rg)."""
    tiled = {TILE_WIDTH: 64, TILE_HEIGHT: 64, TILE_OFFSETS: 8, TILE_BYTES: 40}
    raw = {BITS: 8, COMPRESSION: 1, PHOTOMETRIC: RGB, CHANNELS: 3}
    jpeg = _jpeg((64, 16))
    ycbcr = {BITS: 8, COMPRESSION: JPEG, PHOTOMETRIC: YCBCR, CHANNELS: 3}
    said = "is damaged or incomplete; save it as PNG or JPEG"
    yield refused("short-tile.tif", written(_tiff(bytes(40), {**raw, **tiled})), said)
    far = {**tiled, TILE_OFFSETS: 2**31, TILE_BYTES: 2**31}
    yield refused("far-tile.tif", written(_tiff(bytes(40), {**raw, **far})), said)
    flat = {**tiled, TILE_WIDTH: 1, TILE_HEIGHT: 2**24}
    yield refused("flat-tile.tif", written(_tiff(bytes(40), {**raw, **flat})), said)
    small = {**tiled, TILE_BYTES: len(jpeg)}
    shown = partial(works, size=(64, 64), upright=False)
    yield shown("short-jpeg-tile.tif", written(_tiff(jpeg, {**ycbcr, **small})))
    strip = {STRIP_OFFSETS: 8, STRIP_BYTES: len(jpeg), ROWS: 64}
    yield shown("short-jpeg-strip.tif", short_strip)
    cut = {**strip, STRIP_BYTES: len(jpeg) // 2}
    yield refused("cut-jpeg-strip.tif", written(_tiff(jpeg, {**ycbcr, **cut})), said)
    odd = {**ycbcr, **strip, SUBSAMPLING: 0}
    yield shown("no-subsampling.tif", written(_tiff(jpeg, odd)))


def short_strip(path: Path) -> None:
    """The JPEG within ends after a quarter of the rows."""
    jpeg = _jpeg((64, 16))
    strip = {STRIP_OFFSETS: 8, STRIP_BYTES: len(jpeg), ROWS: 64}
    ycbcr = {BITS: 8, COMPRESSION: JPEG, PHOTOMETRIC: YCBCR, CHANNELS: 3}
    path.write_bytes(_tiff(jpeg, {**ycbcr, **strip}))


def _jpeg(size: tuple[int, int]) -> bytes:
    Image.new("YCbCr", size, (90, 120, 130)).save(content := io.BytesIO(), "JPEG", subsampling=0)
    return content.getvalue()


def _tiff(data: bytes, tags: dict[int, int]) -> bytes:
    """64x64 pixels; the data stand at 8. Nothing is compressed unless the tags say so."""
    entries = sorted({WIDTH: 64, HEIGHT: 64, **tags}.items())
    listed = b"".join(struct.pack("<HHLL", tag, LONG, 1, value) for tag, value in entries)
    start = struct.pack("<4sL", b"II*\0", 8 + len(data))
    return start + data + struct.pack("<H", len(entries)) + listed + bytes(4)


def exif() -> Iterator[Case]:
    """Headers within headers, and lists that lead back to themselves (CVE-2026-96643)."""
    repeated = b"Exif\0\0" * 300_000
    yield refused("exif-in-exif.png", written(_with_exif(repeated)), "is damaged or incomplete")
    itself = struct.pack("<4sLHHHLLL", b"II*\0", 8, 1, 0x8769, LONG, 1, 8, 8)
    yield works("exif-to-itself.png", written(_with_exif(itself)), (8, 8), upright=False)
    yield works("exif-to-itself.jpg", partial(_jpeg_with_exif, exif=b"Exif\0\0" + itself))


def _with_exif(exif: bytes) -> bytes:
    return _png((8, 8), 8, b"\xff\0\0", _chunk(b"eXIf", exif))


def _jpeg_with_exif(path: Path, exif: bytes) -> None:
    corners().save(path, "JPEG", quality=100, subsampling=0, exif=exif)


def jpeg() -> Iterator[Case]:
    """A second picture's header within the first, whose size is another (CVE-2026-112403)."""
    yield refused("larger-within.jpg", _larger_within, "is damaged or incomplete")


def _larger_within(path: Path) -> None:
    content = bytearray(photo(path, (320, 240)).read_bytes())
    frame = content.index(b"\xff\xc0")
    length = int.from_bytes(content[frame + 2 : frame + 4])
    again = content[frame : frame + 2 + length]
    again[5:9] = struct.pack(">HH", 2400, 3200)
    scan = content.index(b"\xff\xda")
    path.write_bytes(content[:scan] + again + content[scan:])


def cases() -> Iterator[Case]:
    for kind in (codecs, encrypted, tiff, exif, jpeg):
        yield from kind()
