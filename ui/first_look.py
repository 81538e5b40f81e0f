"""The first look at an attached file: a picture or a clip, how large, and small pictures to show for it.

It runs in a process of its own (`quarantine`), which must start fast: no Gradio in here.
"""

from __future__ import annotations

import mimetypes
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image as PillowImage

from model import container, media, video
from model.conversation import Video
from model.errors import MediaError
from ui.scratch import storing

THUMBNAIL_PX = 256
LARGE_PX = 2048  # of a picture in a format that browsers do not show
BROWSER_PICTURES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"})
BROWSER_CLIPS = frozenset({"video/mp4", "video/webm", "video/quicktime"})
BROWSER_CODECS = frozenset({"h264", "vp8", "vp9", "av1"})
# `mimetypes` knows only what the machine's own table knows.
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
    *((".heic", ".heif") if media.READS_HEIF else ()),
)
# What the page asks a browser for. A phone makes a JPEG of a HEIC picture where this has none.
SUFFIXES = (*PICTURE_SUFFIXES, *CLIPS_BY_SUFFIX)


@dataclass(frozen=True)
class FirstLook:
    """What `Attachment` says of a file."""

    kind: Literal["image", "video"]
    size: tuple[int, int]
    thumbnail: str
    shown: str
    seconds: float = 0.0
    pages: int = 1


def look(file: str, name: str, folder: str) -> FirstLook:
    """Small pictures go to `folder`. Raises `MediaError`."""
    if is_clip(file, name):
        return _clip(Path(file), name, folder)
    return _picture(Path(file), name, folder)


def largeness(file: str, name: str) -> float:
    """How large a file says it is, from 0 to 1 for the largest that is read. Raises `MediaError`."""
    if is_clip(file, name):
        width, height = video.stored_size(Video(file, name=name))
        return width * height / container.MOST_PIXELS
    width, height = media.image_size(file, name=name)
    return width * height / media.MOST_PIXELS


def is_clip(file: str, name: str) -> bool:
    """By the content where that tells: suffixes are easily wrong. Raises `MediaError` for neither kind."""
    if kind := media.kind(file, name=name):
        return kind == "clip"
    family = (_mime(Path(file)) or "image/").split("/")[0]
    if family not in ("image", "video"):
        raise MediaError(
            "{name} is neither a picture nor a video; attach a PNG or JPEG, or an MP4 (H.264).",
            name=name,
        )
    return family == "video"


def _picture(file: Path, name: str, folder: str) -> FirstLook:
    picture = media.open_image(file, name=name)
    size = picture.size
    shown = str(file)
    if not _shown_by_browsers(file, name):
        picture.thumbnail((LARGE_PX, LARGE_PX))
        shown = _save(picture, folder)
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    pages = media.pages(file, name=name)
    return FirstLook("image", size, _save(picture, folder), shown, pages=pages)


def _shown_by_browsers(file: Path, name: str) -> bool:
    content = media.mime_type(file, name=name)
    if not {content, _mime(file)} <= BROWSER_PICTURES:
        return False
    # Chromium shows a WebP as it is stored, whatever its EXIF says.
    return content != "image/webp" or not media.is_turned(file, name=name)


def _clip(file: Path, name: str, folder: str) -> FirstLook:
    facts, frame = video.probe_and_first_frame(Video(file, name=name))
    frame.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    thumbnail = _save(frame, folder)
    playable = facts.codec in BROWSER_CODECS and _mime(file) in BROWSER_CLIPS
    shown = str(file) if playable else thumbnail
    return FirstLook("video", facts.size, thumbnail, shown, facts.duration_s)


def _save(picture: PillowImage.Image, folder: str) -> str:
    target = Path(folder) / f"{secrets.token_hex(16)}.webp"  # unguessable, like the upload itself
    with storing():
        picture.convert("RGB").save(target, quality=80)
    return str(target)


def _mime(file: Path) -> str | None:
    return CLIPS_BY_SUFFIX.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0]
