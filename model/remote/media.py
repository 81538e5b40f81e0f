"""Encodes images and videos for a server: at the size that the model sees, as base64 in a `data:` URL.

An image is a PNG, or a JPEG if the PNG is too large for hosted servers. A video is its sampled frames, as JPEG.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import PIL.Image

from model.backend import Cancel
from model.media.reader import IN_THIS_PROCESS, MediaReader
from model.media.video import VideoProgress
from model.prompt import resize
from model.prompt.visual_item import VisualItem
from model.remote.messages import MediaSlot

# Hosted servers accept 10 MB of base64 in one piece.
MAX_PNG_BYTES = 7_000_000
JPEG = {"quality": 95, "subsampling": 0}


@dataclass(frozen=True)
class EncodedMedia:
    """An image (one entry in `pictures`) or the frames of a video in order, as base64."""

    mime: str
    pictures: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        return sum(map(len, self.pictures))


def encoded(
    item: VisualItem, cancel: Cancel, report: VideoProgress, reader: MediaReader = IN_THIS_PROCESS
) -> Generator[None, None, EncodedMedia]:
    """Encode an item: yields after each frame and returns the result, which is not used if cancelled.

    Raises `MediaError`.
    """
    encode = _picture if item.kind == "image" else _frame
    mime, frames = "image/png", list[str]()
    for frame in reader.pixels(item.media, item.times, cancel, report):
        mime, content = encode(resize.resize(PIL.Image.fromarray(frame), item.size))
        frames.append(base64.b64encode(content).decode("ascii"))
        yield
    return EncodedMedia(mime, tuple(frames))


def encoded_nbytes(item: VisualItem) -> int:
    """A rough upper bound of the bytes that `encoded` returns."""
    width, height = item.size
    return width * height * (4 if item.kind == "image" else 2 * len(item.times))


def content_part(shown: MediaSlot, encoded: EncodedMedia) -> dict[str, Any]:
    """The content part of a message. The frames of one video are joined by commas, as vLLM expects."""
    if shown.item.kind == "video" and shown.frame is None:
        url = f"data:video/jpeg;base64,{','.join(encoded.pictures)}"
        return {"type": "video_url", "video_url": {"url": url}}
    url = f"data:{encoded.mime};base64,{encoded.pictures[shown.frame or 0]}"
    return {"type": "image_url", "image_url": {"url": url}}


def _picture(picture: PIL.Image.Image) -> tuple[str, bytes]:
    """MIME type and content."""
    # A higher level takes more time and makes photographs hardly smaller.
    content = _saved(picture, "PNG", compress_level=1)
    return ("image/png", content) if len(content) <= MAX_PNG_BYTES else _frame(picture)


def _frame(frame: PIL.Image.Image) -> tuple[str, bytes]:
    """MIME type and content."""
    return "image/jpeg", _saved(frame, "JPEG", **JPEG)


def _saved(picture: PIL.Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
