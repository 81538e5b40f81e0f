"""Pictures from untrusted files: their size, identity, and pixels as a person sees them.

A source is a path, the content itself, or a `data:` URL that holds it. A web address is none: only
`fetch`, which nothing but the Python API calls, goes out to the network. Knows nothing of models.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from model.errors import MediaError, Sentence

try:
    import pillow_heif
except ImportError:
    READS_HEIF = False
else:
    pillow_heif.register_heif_opener()
    READS_HEIF = True

Source = str | os.PathLike[str] | bytes
Strip = tuple[int, int, int, int]  # left, top, right, bottom

# JPEG with the phones' MPO, and HEIF where its decoder is installed.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", *(("HEIF",) if READS_HEIF else ()))
MAX_IMAGE_PIXELS = (
    100_000_000  # 400 MB once decoded; the largest cameras people own take 61 to 102 million
)
WEB = ("http://", "https://")
MAX_SCANS = (
    100  # of a progressive JPEG; encoders make about ten, and each goes over the whole picture
)
STRIP_ROWS = 256  # converted at a time, where that takes several times the picture's own memory

HEIC = Sentence("a HEIC picture")
ARCHIVE = b"PK\x03\x04"
# How the first file in an archive is called that an office program has written.
OFFICE = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"mimetypeapplication/")
RAW = Sentence("a raw photo")
# What a file is, by how it begins: (offset, bytes, name). First those that are read as pictures.
PICTURES = (
    (0, b"\x89PNG"),
    (0, b"\xff\xd8\xff"),
    (8, b"WEBP"),
    (0, b"GIF8"),
    (0, b"BM"),
    (0, b"II*\0"),
    (0, b"MM\0*"),
    (4, b"ftypavi"),
)
# What people attach by mistake.
STRANGERS = (
    (4, b"ftypavi", Sentence("an AVIF picture")),
    (4, b"ftyp", Sentence("a video")),
    (0, b"\x1aE\xdf\xa3", Sentence("a video")),
    (8, b"AVI ", Sentence("a video")),
    (0, b"FLV\x01", Sentence("a video")),
    (0, b"0&\xb2u\x8ef\xcf\x11", Sentence("a video")),  # ASF, which WMV is kept in
    (0, b"FUJIFILMCCD-RAW", RAW),
    (8, b"CR\x02\0", RAW),
    (0, b"IIRO", RAW),
    (0, b"IIRS", RAW),
    (0, b"MMOR", RAW),
    (0, b"IIU\0", RAW),
    (0, b"FOVb", RAW),
    (0, b"\0MRM", RAW),
    (0, b"%PDF", Sentence("a PDF document")),
)
# Brands of the HEIF family, among which files name their own and those that they can be read as.
HEIF = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf MiHE MiHB MiPr "
    b"avci avcs jpeg jpgs j2ki j2is vvic vvis evbi evbs".split()
)
RAW_SUFFIXES = frozenset(
    [
        ".3fr",
        ".arw",
        ".cr2",
        ".cr3",
        ".dcr",
        ".dng",
        ".erf",
        ".fff",
        ".iiq",
        ".k25",
        ".kdc",
        ".mef",
        ".mos",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".pef",
        ".raf",
        ".raw",
        ".rw2",
        ".rwl",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
    ]
)
DNG_VERSION = 0xC612  # a TIFF tag
DEEP_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I", "F"})
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # a TIFF tag and one of its values
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by EXIF orientation
SIDEWAYS = (5, 6, 7, 8)


def open_image(source: Source, *, name: str = "") -> Image.Image:
    """The first frame of the picture, RGB, upright, decoded. Raises `MediaError`.

    Transparency is laid over white and 16-bit levels are scaled to 8. Colours are taken as sRGB,
    as the stock processors take them. `name` is what messages call the picture.
    """
    with _opened(source, name) as image:
        turn = UPRIGHT.get(_orientation(image))
        inverted = _white_is_zero(image)
        image.load()
    flat = _rgb(image)  # a bug of ours is no damaged file
    flat = ImageOps.invert(flat) if inverted else flat
    return flat if turn is None else flat.transpose(turn)


def image_size(source: Source, *, name: str = "") -> tuple[int, int]:
    """(width, height) of the upright picture, from its header alone. Raises `MediaError`."""
    with _opened(source, name) as image:
        width, height = image.size
        return (height, width) if _orientation(image) in SIDEWAYS else (width, height)


def is_turned(source: Source, *, name: str = "") -> bool:
    """Whether the picture is stored otherwise than it is to be seen. Raises `MediaError`."""
    with _opened(source, name) as image:
        return _orientation(image) in UPRIGHT


def pages(source: Source, *, name: str = "") -> int:
    """How many pages or frames the file has; only the first is read. Raises `MediaError`."""
    with _opened(source, name) as image:
        # The phones' MPO holds other pictures behind it, none of them a page.
        return 1 if image.format in ("MPO", "HEIF") else int(getattr(image, "n_frames", 1))


def mime_type(source: Source, *, name: str = "") -> str:
    """By the content, whatever the file is called. Raises `MediaError`."""
    with _opened(source, name) as image:
        # The phones' MPO is a JPEG with more pictures behind it.
        return Image.MIME["JPEG" if image.format == "MPO" else image.format or ""]


def kind(path: str | os.PathLike[str], *, name: str = "") -> Literal["picture", "clip", ""]:
    """What a file is by how it begins, whatever it is called; empty where that does not tell.

    What is named by `STRANGERS`, and an archive, counts as a picture: opening it says what it is. Raises `MediaError`.
    """
    with _stream(path, name) as file:
        head = file.read(512)
    if any(head[at : at + len(magic)] == magic for at, magic in PICTURES):
        return "picture"
    if head.startswith(ARCHIVE):
        return "picture"
    what = _kind(head)
    return "" if what is None else "clip" if what == "a video" else "picture"


def fingerprint(source: Source, *, name: str = "") -> str:
    """SHA-256 of the file's bytes in hexadecimal; works for clips too. Raises `MediaError`."""
    with _stream(source, name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def display_name(source: Source, name: str = "") -> str:
    """What to call a source in a message: `name`, else the file's name without its folder."""
    if name or isinstance(source, bytes):
        return name or Sentence("The picture")
    path = os.fspath(source)
    if path.startswith("data:"):
        return Sentence("The picture")
    return os.path.basename(path) or path


@contextmanager
def _opened(source: Source, name: str) -> Iterator[Image.Image]:
    """The picture, header read and not too large to decode; Pillow's errors are put in words."""
    shown = display_name(source, name)
    with _stream(source, name) as file:
        head = file.read(512)
        file.seek(0)
        if not head:
            raise MediaError("{name} is an empty file; attach another.", name=shown)
        try:
            with Image.open(file, formats=FORMATS) as image:
                if _is_raw(image, display_name(source, name)):
                    raise _refused(RAW, shown)
                _check_pixels(image, shown)
                if image.info.get("progressive"):
                    _check_scans(file, shown)
                yield image
        except (MediaError, MemoryError):
            raise
        except UnidentifiedImageError as error:
            raise _stranger(head, shown) from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_large(shown) from error
        except Exception as error:
            # A broken file makes Pillow's decoders raise nearly anything (struct.error, KeyError,
            # zlib.error, SyntaxError, ...); nothing but Pillow runs inside.
            if _kind(head) == HEIC:
                raise _refused(HEIC, shown) from error
            raise MediaError(
                "{name} is damaged or incomplete; save it as PNG or JPEG and attach it again.",
                name=shown,
            ) from error


@contextmanager
def _stream(source: Source, name: str) -> Iterator[io.BytesIO | io.BufferedReader]:
    """The content of a source, seekable. Raises `MediaError` if there is none."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    path = os.fspath(source)
    if path.startswith("data:"):
        yield io.BytesIO(_content_of_data_url(path, display_name(source, name)))
        return
    if path.startswith(WEB):
        raise MediaError("{url} is a web address; download it and attach the file.", url=path[:80])
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
            raise FileNotFoundError(path)
        file = open(path, "rb")  # noqa: SIM115 - errors of the caller's block are not ours to name
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        shown = display_name(source, name)
        raise MediaError("{name} cannot be read any more; attach it again.", name=shown) from error
    with file:
        yield file


def _content_of_data_url(url: str, shown: str) -> bytes:
    header, comma, body = url.partition(",")
    try:
        if not comma or not header.endswith(";base64"):
            raise ValueError("not base64")
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MediaError(
            "{name} is not a complete base64 data: URL; attach the file instead.", name=shown
        ) from error


def _check_pixels(image: Image.Image, shown: str) -> None:
    if image.width * image.height > MAX_IMAGE_PIXELS:
        raise MediaError(
            "{name} has {width:,} x {height:,} pixels; at most {millions} million can be read, "
            "so make it smaller and attach it again.",
            name=shown,
            width=image.width,
            height=image.height,
            millions=MAX_IMAGE_PIXELS // 1_000_000,
        )


def _check_scans(file: io.BytesIO | io.BufferedReader, shown: str) -> None:
    """A few kilobytes can hold thousands of scans, which take minutes."""
    place = file.tell()
    file.seek(0)
    scans = _scans(file.read())
    file.seek(place)
    if scans > MAX_SCANS:
        raise MediaError(
            "{name} would take too long to read; save it as PNG or JPEG and attach it again.",
            name=shown,
        )


def _scans(content: bytes) -> int:
    """How many scans a JPEG has, up to the end of its first picture."""
    at = 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] != b"\xda":
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return content.count(b"\xff\xda", at, content.find(b"\xff\xd9", at))


def _too_large(shown: str) -> MediaError:
    return MediaError(
        "{name} has more than {millions} million pixels; make it smaller and attach it again.",
        name=shown,
        millions=MAX_IMAGE_PIXELS // 1_000_000,
    )


def _stranger(head: bytes, shown: str) -> MediaError:
    """What to say of a file that is no picture of the allowed formats."""
    if head.startswith(ARCHIVE):
        return _archive(head, shown)
    if what := _kind(head):
        return _refused(what, shown)
    return MediaError(
        "{name} is not a picture that can be read; save it as PNG or JPEG and attach it again.",
        name=shown,
    )


def _archive(head: bytes, shown: str) -> MediaError:
    if head.startswith(OFFICE, 30):  # after the header of the first file in it
        return MediaError(
            "{name} is an office document; save the page that matters as PNG or JPEG and attach that.",
            name=shown,
        )
    return MediaError(
        "{name} is a ZIP archive; unpack it and attach the pictures or videos in it.", name=shown
    )


def _refused(what: Sentence, shown: str) -> MediaError:
    return MediaError(
        "{name} is {what}, which cannot be read as a picture; "
        "save it as PNG or JPEG and attach it again.",
        name=shown,
        what=what,
    )


def _is_raw(image: Image.Image, shown: str) -> bool:
    """Whether a TIFF is a camera's raw photo, of which only a preview could be read."""
    if not isinstance(image, TiffImageFile):
        return False
    suffix = os.path.splitext(shown)[1].lower()
    return suffix in RAW_SUFFIXES or DNG_VERSION in image.tag_v2


def _kind(head: bytes) -> Sentence | None:
    if head.startswith(b"ftypcrx", 4):
        return RAW
    if head.startswith(b"ftyp", 4) and not head.startswith(b"avi", 8) and _brands(head) & HEIF:
        return HEIC
    for offset, magic, what in STRANGERS:
        if head[offset : offset + len(magic)] == magic:
            return what
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<svg") or (b"<svg" in text and text.startswith((b"<?xml", b"<!"))):
        return Sentence("an SVG drawing")
    if text.startswith((b"<!doctype html", b"<html")):
        return Sentence("a web page")
    return None


def _brands(head: bytes) -> frozenset[bytes]:
    """The brands of a file of the ISO base media format: its own, and those it can be read as."""
    size = min(int.from_bytes(head[:4]), len(head))
    return frozenset({head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))})


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation still to be applied, from what stands before the pixels."""
    if image.format == "TIFF":
        return 1  # Pillow turns these itself, size included
    # Not image.getexif(): for a PNG that decodes the whole picture to look behind it.
    orientation = Image.Image.getexif(image).get(0x0112, 1)
    return orientation if isinstance(orientation, int) else 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return _eight_bit(image, 65535)
    if image.mode in ("I", "F"):
        return _eight_bit(image, _white_level(image))
    if image.has_transparency_data:
        white = Image.new("RGB", image.size, "white")
        for strip in _strips(image):
            part = image.crop(strip).convert("RGBA")
            white.paste(part, strip, part)
        return white
    return image.convert("RGB")


def _white_is_zero(image: Image.Image) -> bool:
    """Whether levels of more than 8 bits are stored as a negative; Pillow turns round the others."""
    if not isinstance(image, TiffImageFile) or image.mode not in DEEP_MODES:
        return False
    return image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO


def _white_level(image: Image.Image) -> float:
    """32-bit levels do not say which one is white: the smallest usual one that holds them all."""
    peak = max(float(_levels(image, strip).max(initial=0)) for strip in _strips(image))
    usual = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    return next((white for white in usual if peak <= white), peak)


def _eight_bit(image: Image.Image, white: float) -> Image.Image:
    """A picture of one channel, where 0 is black."""
    grey = Image.new("L", image.size)
    for strip in _strips(image):
        levels = np.rint(np.clip(_levels(image, strip) / white, 0, 1) * 255).astype(np.uint8)
        grey.paste(Image.fromarray(levels), strip)
    return grey.convert("RGB")


def _levels(image: Image.Image, strip: Strip) -> npt.NDArray[np.float64]:
    levels = np.asarray(image.crop(strip), np.float64)
    return np.nan_to_num(levels, posinf=0, neginf=0)


def _strips(image: Image.Image) -> Iterator[Strip]:
    """Boxes of a few rows each, from top to bottom."""
    for top in range(0, image.height, STRIP_ROWS):
        yield 0, top, image.width, min(top + STRIP_ROWS, image.height)
