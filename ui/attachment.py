"""A picture or a clip that was attached: checked once, with a small picture to show for it.

Reads headers and one frame; how it is drawn on the page is the composer's business.
"""

from __future__ import annotations

import mimetypes
import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from PIL import Image as PillowImage

from model import media, video
from model.conversation import Image, Media, Video
from model.download import Downloads
from model.errors import MediaError
from model.settings import VisionSettings
from ui.resolution import AUTO, Resolution
from ui.uploads import shown_name, upload_folder

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
}


@dataclass(frozen=True)
class Attachment:
    """One item of a tray or of a conversation."""

    id: str
    kind: Literal["image", "video"]
    path: str
    name: str
    size: tuple[int, int]  # width, height in pixels, upright
    thumbnail: str  # path of a small picture that every browser can show
    shown: str  # path of what stands for it in the conversation
    seconds: float = 0.0  # of a clip
    resolution: Resolution = AUTO

    def part(self, vision: VisionSettings) -> Media:
        """The item as a part of a message, at a resolution that stays with it. Raises `SettingError`."""
        vision = self.resolution.applied(vision)
        if self.kind == "image":
            return Image(self.path, vision, name=self.name)
        return Video(self.path, vision, name=self.name)

    def again(self, resolution: Resolution) -> Attachment:
        """The same file as another item."""
        return replace(self, id=_new_id(), resolution=resolution)

    @property
    def playable(self) -> bool:
        """Whether it can be watched, and not only a picture of it be seen."""
        return self.shown != self.thumbnail


def inspect(file: Path, name: object = None) -> Attachment:
    """Check a stored file and draw its thumbnail; blocks. Raises `MediaError`."""
    shown = shown_name(name, file)
    family = (_mime(file) or "image/").split("/")[0]
    if family not in ("image", "video"):
        raise MediaError("{name} is neither a picture nor a video.", name=shown)
    return _clip(file, shown) if family == "video" else _picture(file, shown)


def download(downloads: Downloads, url: str) -> Path:
    """Store what lies at an address as if it had been uploaded; blocks. Raises `MediaError`."""
    folder = upload_folder() / secrets.token_hex(16)
    folder.mkdir(parents=True)
    try:
        stored, named = folder / "download", Path(urlsplit(url).path)
        kind = downloads.fetch(url, stored)
        suffix = named.suffix if _mime(named) else mimetypes.guess_extension(kind)
        return stored.rename(stored.with_suffix(suffix or ""))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _picture(file: Path, name: str) -> Attachment:
    picture = media.open_image(file, name=name)
    size = picture.size
    shown = str(file)
    mime = _mime(file)
    # Chromium shows a WebP as it is stored, whatever its EXIF says.
    if mime not in BROWSER_PICTURES or (mime == "image/webp" and media.is_turned(file, name=name)):
        picture.thumbnail((LARGE_PX, LARGE_PX))
        shown = _save(picture)
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    return Attachment(_new_id(), "image", str(file), name, size, _save(picture), shown)


def _clip(file: Path, name: str) -> Attachment:
    clip = Video(file, name=name)
    facts = video.probe(clip)
    frame = video.first_frame(clip)
    frame.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    thumbnail = _save(frame)
    playable = facts.codec in BROWSER_CODECS and _mime(file) in BROWSER_CLIPS
    shown = str(file) if playable else thumbnail
    return Attachment(
        _new_id(), "video", str(file), name, facts.size, thumbnail, shown, facts.duration_s
    )


def _save(picture: PillowImage.Image) -> str:
    folder = upload_folder() / "thumbnails"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{secrets.token_hex(16)}.webp"  # unguessable, like the upload itself
    picture.convert("RGB").save(target, quality=80)
    return str(target)


def _mime(file: Path) -> str | None:
    return CLIPS_BY_SUFFIX.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0]


def _new_id() -> str:
    return secrets.token_hex(8)
