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
from model.media import signatures
from model.media.document import page_name
from model.media.download import Downloads
from model.settings import VisionSettings
from ui.gradio_compat import upload_folder
from ui.media.room import Room
from ui.media.sandbox.media import STRANGERS_MEDIA
from ui.media.temp_folder import storing
from ui.media.uploads import shown_name
from ui.state.tray.resolution import AUTO, Resolution


@dataclass(frozen=True)
class Document:
    """A file whose pages become pictures. kind: "frames" for an animation, of which the first frame does at first."""

    id: str
    kind: Literal["pdf", "pages", "frames"]
    path: str
    name: str
    pages: int


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
    # Where the picture comes from, and which page of it, from 1.
    document: Document | None = None
    page: int = 1

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
    def upload(self) -> str:
        """The path of the file that a person has attached."""
        return self.document.path if self.document else self.path

    @property
    def files(self) -> set[str]:
        """The paths of all files that it needs."""
        return {self.path, self.thumbnail, self.shown, self.upload}

    @property
    def playable(self) -> bool:
        """Whether browsers can play it; otherwise they show a picture of it."""
        return self.shown != self.thumbnail


def inspect(file: Path, name: object = None) -> Attachment:
    """Check a stored picture or clip and draw its thumbnail; blocks. Raises `MediaError`."""
    found = look_at(file, name)
    if isinstance(found, Document):
        raise signatures.refused(signatures.PDF, found.name)
    return found


def look_at(file: Path, name: object = None) -> Attachment | Document:
    """The same of any file; of a PDF document, how many pages it has. Blocks. Raises `MediaError`."""
    shown = shown_name(name, file)
    seen, pictures = STRANGERS_MEDIA.first_look(str(file), shown)
    if seen.kind == "document":
        return Document(_new_id(), "pdf", str(file), shown, seen.pages)
    document = None
    if seen.pages > 1:
        kind: Literal["pages", "frames"] = "pages" if seen.paged else "frames"
        document = Document(_new_id(), kind, str(file), shown, seen.pages)
    thumbnail = stands_for = _stored(pictures.thumbnail)
    if seen.browsers:
        stands_for = str(file)
    elif pictures.large is not None:
        stands_for = _stored(pictures.large)
    return Attachment(
        _new_id(),
        seen.kind,
        str(file),
        shown,
        seen.size,
        thumbnail,
        stands_for,
        seen.seconds,
        document=document,
    )


def page_of(document: Document, number: int, room: Room) -> Attachment:
    """A page of a document as a picture in a file of its own; blocks. number: from 1. Raises `MediaError`."""
    drawn = STRANGERS_MEDIA.page(document.path, document.name, number)
    name = page_name(document.name, number)
    file = upload_folder() / "pages" / f"{secrets.token_hex(16)}.png"
    with room.placed(file) as whole:
        whole.write_bytes(drawn.png)
    thumbnail = _stored(drawn.thumbnail)
    room.keep(thumbnail)
    return Attachment(
        _new_id(),
        "image",
        str(file),
        name,
        drawn.size,
        thumbnail,
        str(file),
        document=document,
        page=number,
    )


def _stored(picture: bytes) -> str:
    folder = upload_folder() / "thumbnails"
    folder.mkdir(parents=True, exist_ok=True)
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
