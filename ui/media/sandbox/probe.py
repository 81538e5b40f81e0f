"""The first look at an attached file: a picture or a clip, how large, and small pictures to show for it.

It runs in the sandbox, which must start fast: no Gradio in here.
"""

from __future__ import annotations

import io
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image as PillowImage

from model.conversation import Video
from model.errors import MediaError
from model.media import document, image, signatures, video

THUMBNAIL_PX = 256
LARGE_PX = 2048  # longest side of the copy of a picture that browsers cannot show
BROWSER_PICTURES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"})
BROWSER_CLIPS = frozenset({"video/mp4", "video/webm", "video/quicktime"})
BROWSER_CODECS = frozenset({"h264", "vp8", "vp9", "av1"})
# Types that may be missing in the system's table, which `mimetypes` reads.
CLIPS_BY_SUFFIX = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
    ".ts": "video/mp2t",  # also Qt's translations
    ".mts": "video/mp2t",
    ".m2ts": "video/mp2t",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".3gp": "video/3gpp",
    ".flv": "video/x-flv",
    ".wmv": "video/x-ms-wmv",
    ".asf": "video/x-ms-asf",
}
PICTURE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"),
    *((".heic", ".heif") if image.READS_HEIF else ()),
)
DOCUMENT_SUFFIX = ".pdf"
# The `accept` of the file dialog. Without HEIC in it, a phone converts a HEIC picture to JPEG.
SUFFIXES = (*PICTURE_SUFFIXES, *CLIPS_BY_SUFFIX, DOCUMENT_SUFFIX)


@dataclass(frozen=True)
class FirstLook:
    """The facts about a file that an `Attachment` has. A document has no size, its pages do."""

    kind: Literal["image", "video", "document"]
    size: tuple[int, int] = (1, 1)
    seconds: float = 0.0
    pages: int = 1  # or frames of an animation
    browsers: bool = True  # whether browsers can show the file itself
    paged: bool = False  # whether each page becomes a picture


@dataclass(frozen=True)
class Pictures:
    """WebP files; a document has none. large: the copy that browsers show if they cannot show the picture itself."""

    thumbnail: bytes = b""
    large: bytes | None = None


def look(file: str, name: str) -> tuple[FirstLook, Pictures]:
    """Raises `MediaError`."""
    if signatures.kind(file, name=name) == "document":
        seen = FirstLook("document", pages=document.count(file, name=name), paged=True)
        return seen, Pictures()
    return _clip(Path(file), name) if is_clip(file, name) else _picture(Path(file), name)


def page(file: str, name: str, number: int) -> tuple[PillowImage.Image, bytes]:
    """A page of a document, and its thumbnail. number: from 1. Raises `MediaError`."""
    whole = document.picture(file, number, name=name)
    small = whole.copy()
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    return whole, _webp(small)


def is_clip(file: str, name: str) -> bool:
    """Whether the file is a clip, by its content before its suffix. Raises `MediaError` if it is no picture either."""
    if kind := signatures.kind(file, name=name):
        return kind == "video"
    family = (_mime(Path(file)) or "image/").split("/")[0]
    if family not in ("image", "video"):
        raise MediaError(
            "{name} is neither a picture nor a video; attach a PNG or JPEG, an MP4 (H.264), or a PDF.",
            name=name,
        )
    return family == "video"


def _picture(file: Path, name: str) -> tuple[FirstLook, Pictures]:
    picture = image.open_image(file, name=name)
    size, large = picture.size, None
    browsers = _shown_by_browsers(file, name)
    if not browsers:
        picture.thumbnail((LARGE_PX, LARGE_PX))
        large = _webp(picture)
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    pages = image.pages(file, name=name)
    paged = pages > 1 and image.holds_pages(file, name=name)
    seen = FirstLook("image", size, 0.0, pages, browsers, paged)
    return seen, Pictures(_webp(picture), large)


def _shown_by_browsers(file: Path, name: str) -> bool:
    content = image.mime_type(file, name=name)
    if not {content, _mime(file)} <= BROWSER_PICTURES:
        return False
    # Chromium ignores the EXIF orientation of a WebP.
    return content != "image/webp" or not image.is_turned(file, name=name)


def _clip(file: Path, name: str) -> tuple[FirstLook, Pictures]:
    facts, frame = video.probe_and_first_frame(Video(file, name=name))
    frame.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    playable = facts.codec in BROWSER_CODECS and _mime(file) in BROWSER_CLIPS
    seen = FirstLook("video", facts.size, facts.duration_s, browsers=playable)
    return seen, Pictures(_webp(frame))


def _webp(picture: PillowImage.Image) -> bytes:
    file = io.BytesIO()
    picture.convert("RGB").save(file, "WEBP", quality=80)
    return file.getvalue()


def _mime(file: Path) -> str | None:
    return CLIPS_BY_SUFFIX.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0]
