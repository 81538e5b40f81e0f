"""Pictures and clips as a server gets them: at the very size the model will see, as base64 in a `data:` URL.

A picture travels without loss, unless it would be too large for what servers take; a clip as its sampled
frames, in JPEG of the best quality. What was encoded is kept for the turns to come.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import PIL.Image

from model import pixels, vision
from model.backend import Cancel
from model.remote_messages import Shown
from model.session_store import SessionStore
from model.video import Report
from model.visual_item import VisualItem

MOST_PNG_BYTES = (
    7_000_000  # 10 MB once it is base64, which is what hosted servers take in one piece
)
JPEG = {"quality": 95, "subsampling": 0}
KEPT_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Encoded:
    """A picture, or the frames of a clip, as base64."""

    mime: str
    pictures: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        return sum(map(len, self.pictures))


class MediaEncoder:
    """Encodes items, each once. Safe to use from several threads."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept: SessionStore[Encoded] = SessionStore(kept_bytes)

    def encode(
        self, item: VisualItem, session: str, cancel: Cancel, report: Report
    ) -> tuple[Encoded, int] | None:
        """The item, and how many pictures and frames had to be decoded for it; None if cancelled.

        Raises `MediaError`.
        """
        identity = item.identity()
        kept = self._kept.get(session, identity)
        if kept:
            return kept, 0
        frames = (PIL.Image.fromarray(frame) for frame in pixels.decoded(item, cancel, report))
        encoded = _picture(frames, item) if item.kind == "image" else _clip(frames, item)
        if cancel.is_set():
            return None
        self._kept.put(session, identity, encoded, encoded.nbytes)
        return encoded, len(encoded.pictures)

    def in_use(self, session: str) -> AbstractContextManager[None]:
        """See `SessionStore.in_use`."""
        return self._kept.in_use(session)

    def forget(self, session: str) -> None:
        self._kept.forget(session)


def content_part(shown: Shown, encoded: Encoded) -> dict[str, Any]:
    """A content part of a message. Frames of one clip are joined by commas, as vLLM reads them."""
    if shown.item.kind == "video" and shown.frame is None:
        url = f"data:video/jpeg;base64,{','.join(encoded.pictures)}"
        return {"type": "video_url", "video_url": {"url": url}}
    url = f"data:{encoded.mime};base64,{encoded.pictures[shown.frame or 0]}"
    return {"type": "image_url", "image_url": {"url": url}}


def _picture(frames: Iterator[PIL.Image.Image], item: VisualItem) -> Encoded:
    (picture,) = frames
    picture = vision.resize(picture, item.size)
    # The level of compression costs time only where it saves little: pixels of a photograph.
    content = _saved(picture, "PNG", compress_level=1)
    if len(content) <= MOST_PNG_BYTES:
        return Encoded("image/png", (_base64(content),))
    return Encoded("image/jpeg", (_base64(_saved(picture, "JPEG", **JPEG)),))


def _clip(frames: Iterator[PIL.Image.Image], item: VisualItem) -> Encoded:
    resized = (vision.resize(frame, item.size) for frame in frames)
    return Encoded("image/jpeg", tuple(_base64(_saved(f, "JPEG", **JPEG)) for f in resized))


def _saved(picture: PIL.Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
