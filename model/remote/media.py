"""Pictures and clips as a server gets them: at the very size the model will see, as base64 in a `data:` URL.

A picture travels without loss, unless it would be too large for what servers take; a clip as its sampled
frames, in JPEG of the best quality.
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

MAX_PNG_BYTES = 7_000_000  # 10 MB once it is base64, which is what hosted servers take in one piece
JPEG = {"quality": 95, "subsampling": 0}


@dataclass(frozen=True)
class EncodedMedia:
    """A picture, or the frames of a clip, as base64."""

    mime: str
    pictures: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        return sum(map(len, self.pictures))


def encoded(
    item: VisualItem, cancel: Cancel, report: VideoProgress, reader: MediaReader = IN_THIS_PROCESS
) -> Generator[None, None, EncodedMedia]:
    """The item; a step for each of its frames. If cancelled, what comes out does not matter. Raises `MediaError`."""
    encode = _picture if item.kind == "image" else _frame
    mime, frames = "image/png", list[str]()
    for frame in reader.pixels(item.media, item.times, cancel, report):
        mime, content = encode(resize.resize(PIL.Image.fromarray(frame), item.size))
        frames.append(base64.b64encode(content).decode("ascii"))
        yield
    return EncodedMedia(mime, tuple(frames))


def encoded_nbytes(item: VisualItem) -> int:
    """What `encoded` gives at most, roughly, in bytes."""
    width, height = item.size
    return width * height * (4 if item.kind == "image" else 2 * len(item.times))


def content_part(shown: MediaSlot, encoded: EncodedMedia) -> dict[str, Any]:
    """A content part of a message. Frames of one clip are joined by commas, as vLLM reads them."""
    if shown.item.kind == "video" and shown.frame is None:
        url = f"data:video/jpeg;base64,{','.join(encoded.pictures)}"
        return {"type": "video_url", "video_url": {"url": url}}
    url = f"data:{encoded.mime};base64,{encoded.pictures[shown.frame or 0]}"
    return {"type": "image_url", "image_url": {"url": url}}


def _picture(picture: PIL.Image.Image) -> tuple[str, bytes]:
    """MIME type and content."""
    # The level of compression costs time only where it saves little: pixels of a photograph.
    content = _saved(picture, "PNG", compress_level=1)
    return ("image/png", content) if len(content) <= MAX_PNG_BYTES else _frame(picture)


def _frame(frame: PIL.Image.Image) -> tuple[str, bytes]:
    """MIME type and content."""
    return "image/jpeg", _saved(frame, "JPEG", **JPEG)


def _saved(picture: PIL.Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
