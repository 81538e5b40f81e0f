"""Reads images from untrusted files: their size, type, and pixels as a person sees them.

Sources of bytes are in `source`. Knows nothing of models.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from model.errors import MediaError
from model.media import signatures
from model.media.source import Source, display_name, opened

try:
    import pillow_heif
except ImportError:
    READS_HEIF = False
else:
    pillow_heif.register_heif_opener()
    READS_HEIF = True

Strip = tuple[int, int, int, int]  # left, top, right, bottom

# JPEG with the phones' MPO, and HEIF where its decoder is installed.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", *(("HEIF",) if READS_HEIF else ()))
# 400 MB decoded. The largest consumer cameras have 61 to 102 million pixels.
MAX_IMAGE_PIXELS = 100_000_000
# Scans of a progressive JPEG. Encoders write about ten; each one decodes the whole image again.
MAX_SCANS = 100
# Rows converted at a time where a conversion takes several times the image's own memory.
STRIP_ROWS = 256

DNG_VERSION = 0xC612  # a TIFF tag
DEEP_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I", "F"})
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # a TIFF tag and one of its values
SUBFILE_TYPE, NO_PAGE = 254, 0b101  # a TIFF tag, and its bits for a smaller copy and for a mask
EXIF_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by EXIF orientation
SWAPPED_SIDES = (5, 6, 7, 8)


def open_image(source: Source, *, name: str = "", page: int = 1) -> Image.Image:
    """Return the image, decoded, RGB and upright; of a file with several pages or frames, one. Raises `MediaError`.

    page: from 1. Transparent pixels are laid over white, and 16-bit levels are scaled to 8. Colours are taken as sRGB, as the stock
    processors take them. name: what messages call the file.
    """
    with _opened(source, name, page) as image:
        turn = EXIF_TRANSPOSE.get(_orientation(image))
        inverted = _white_is_zero(image)
        image.load()
    # Outside of the `with` block, because a bug of ours must not be reported as a damaged file.
    flat = _rgb(image)
    flat = ImageOps.invert(flat) if inverted else flat
    return flat if turn is None else flat.transpose(turn)


def image_size(source: Source, *, name: str = "") -> tuple[int, int]:
    """(width, height) of the upright image, read from its header. Raises `MediaError`."""
    with _opened(source, name) as image:
        width, height = image.size
        return (height, width) if _orientation(image) in SWAPPED_SIDES else (width, height)


def is_turned(source: Source, *, name: str = "") -> bool:
    """Whether EXIF says that the stored pixels must be turned or mirrored. Raises `MediaError`."""
    with _opened(source, name) as image:
        return _orientation(image) in EXIF_TRANSPOSE


def pages(source: Source, *, name: str = "") -> int:
    """Return the number of pages or frames in the file. Raises `MediaError`."""
    with _opened(source, name) as image:
        # The MPO of phones contains more images, which are no pages.
        return 1 if image.format in ("MPO", "HEIF") else int(getattr(image, "n_frames", 1))


def holds_pages(source: Source, *, name: str = "") -> bool:
    """Whether a file is a TIFF of several pages. Frames of an animation are none. Raises `MediaError`."""
    with _opened(source, name) as image:
        if not isinstance(image, TiffImageFile) or image.n_frames < 2:
            return False
        for frame in range(image.n_frames):
            image.seek(frame)
            if image.tag_v2.get(SUBFILE_TYPE, 0) & NO_PAGE:
                return False
        return True


def mime_type(source: Source, *, name: str = "") -> str:
    """The MIME type of the content, whatever the file's name. Raises `MediaError`."""
    with _opened(source, name) as image:
        # The MPO of phones is a JPEG with more images after it.
        return Image.MIME["JPEG" if image.format == "MPO" else image.format or ""]


@contextmanager
def _opened(source: Source, name: str, page: int = 1) -> Iterator[Image.Image]:
    """Open the image, read its header and check its size. Pillow's errors become `MediaError`."""
    shown = display_name(source, name)
    with opened(source, name) as file:
        head = file.read(512)
        file.seek(0)
        if not head:
            raise MediaError("{name} is an empty file (0 bytes); attach another.", name=shown)
        try:
            with Image.open(file, formats=FORMATS) as image:
                if _is_raw(image, display_name(source, name)):
                    raise signatures.refused(signatures.RAW, shown)
                _check_pixels(image, shown)
                if page > 1:
                    image.seek(page - 1)
                    _check_pixels(image, shown)
                if image.info.get("progressive"):
                    _check_scans(file, shown)
                yield image
        except (MediaError, MemoryError):
            raise
        except UnidentifiedImageError as error:
            raise signatures.refusal(head, shown) from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_large(shown) from error
        except Exception as error:
            # Pillow's decoders raise nearly anything for a broken file: struct.error, KeyError, zlib.error, SyntaxError.
            if signatures.described(head) == signatures.HEIC:
                raise signatures.refused(signatures.HEIC, shown) from error
            raise MediaError(
                "{name} is damaged or incomplete; save it as PNG or JPEG and attach it again.",
                name=shown,
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
    """Refuse a progressive JPEG with many scans: a few kilobytes can contain thousands, which take minutes."""
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
    """The number of scans of a JPEG, up to the end of its first image."""
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


def _is_raw(image: Image.Image, shown: str) -> bool:
    """Whether a TIFF is a camera's raw photo, of which only a preview could be read."""
    if not isinstance(image, TiffImageFile):
        return False
    suffix = os.path.splitext(shown)[1].lower()
    return suffix in signatures.RAW_SUFFIXES or DNG_VERSION in image.tag_v2


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation that is still to be applied, from the part of the file before the pixels."""
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
    """Whether levels of more than 8 bits are stored inverted. Pillow inverts those of 8 bits itself."""
    if not isinstance(image, TiffImageFile) or image.mode not in DEEP_MODES:
        return False
    return image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO


def _white_level(image: Image.Image) -> float:
    """The level of white in 32-bit images, which do not name it: the smallest usual one that all levels fit into."""
    peak = max(float(_levels(image, strip).max(initial=0)) for strip in _strips(image))
    usual = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    return next((white for white in usual if peak <= white), peak)


def _eight_bit(image: Image.Image, white: float) -> Image.Image:
    """An RGB image from levels of one channel, where 0 is black and `white` is white."""
    grey = Image.new("L", image.size)
    for strip in _strips(image):
        levels = np.rint(np.clip(_levels(image, strip) / white, 0, 1) * 255).astype(np.uint8)
        grey.paste(Image.fromarray(levels), strip)
    return grey.convert("RGB")


def _levels(image: Image.Image, strip: Strip) -> npt.NDArray[np.float64]:
    levels = np.asarray(image.crop(strip), np.float64)
    return np.nan_to_num(levels, posinf=0, neginf=0)


def _strips(image: Image.Image) -> Iterator[Strip]:
    """Yield boxes of a few rows each, from top to bottom."""
    for top in range(0, image.height, STRIP_ROWS):
        yield 0, top, image.width, min(top + STRIP_ROWS, image.height)
