"""An attached picture or clip. Its file is checked once, and a thumbnail is drawn.

ui/html/tray.py draws it on the page.
"""

from __future__ import annotations

import mimetypes
import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from model.conversation import Image, Media, Video
from model.media.download import Downloads
from model.settings import VisionSettings
from ui.gradio_compat import upload_folder
from ui.media.room import Room
from ui.media.sandbox.media import STRANGERS_MEDIA
from ui.media.temp_folder import storing
from ui.media.uploads import shown_name
from ui.state.tray.resolution import AUTO, Resolution


@dataclass(frozen=True)
class Attachment:
    """One item of a tray or of a conversation."""

    id: str
    kind: Literal["image", "video"]
    path: str
    name: str
    size: tuple[int, int]  # width, height in pixels, upright
    thumbnail: str  # path of a small picture that every browser can show
    shown: str  # path of what the conversation shows: the file, a copy or the thumbnail
    seconds: float = 0.0  # of a clip
    resolution: Resolution = AUTO
    pages: int = 1  # of a picture's file; the first is read

    def part(self, vision: VisionSettings) -> Media:
        """The item as a part of a message, at a resolution that stays with it. Raises `SettingError`."""
        vision = self.resolution.applied(vision)
        if self.kind == "image":
            return Image(self.path, vision, name=self.name)
        return Video(self.path, vision, name=self.name)

    def copy_for_tray(self, resolution: Resolution) -> Attachment:
        """The same file as a new item of a tray."""
        return replace(self, id=_new_id(), resolution=resolution)

    @property
    def playable(self) -> bool:
        """Whether browsers can play it; otherwise they show a picture of it."""
        return self.shown != self.thumbnail


def inspect(file: Path, name: object = None) -> Attachment:
    """Check a stored file and draw its thumbnail; blocks. Raises `MediaError`."""
    shown = shown_name(name, file)
    folder = upload_folder() / "thumbnails"
    folder.mkdir(parents=True, exist_ok=True)
    seen, pictures = STRANGERS_MEDIA.first_look(str(file), shown)
    thumbnail = stands_for = _stored(pictures.thumbnail, folder)
    if seen.browsers:
        stands_for = str(file)
    elif pictures.large is not None:
        stands_for = _stored(pictures.large, folder)
    return Attachment(
        _new_id(),
        seen.kind,
        str(file),
        shown,
        seen.size,
        thumbnail,
        stands_for,
        seen.seconds,
        pages=seen.pages,
    )


def _stored(picture: bytes, folder: Path) -> str:
    target = folder / f"{secrets.token_hex(16)}.webp"  # unguessable, like the upload itself
    with storing():
        target.write_bytes(picture)
    return str(target)


def download(downloads: Downloads, url: str, room: Room) -> Path:
    """Store what lies at an address as if it had been uploaded; blocks. Raises `DemoError`."""
    room.require()
    folder = upload_folder() / secrets.token_hex(16)
    folder.mkdir(parents=True)
    try:
        stored = folder / "download"
        with storing(), room.writing() as writing:
            kind = downloads.fetch(url, stored, writing.take)
            named = Path(urlsplit(url).path)
            known = mimetypes.guess_type(named.name)[0]
            suffix = named.suffix if known else mimetypes.guess_extension(kind) or ""
            stored = stored.rename(stored.with_suffix(suffix))
            room.keep(stored)
            return stored
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _new_id() -> str:
    return secrets.token_hex(8)
