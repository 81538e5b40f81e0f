"""The jobs of the sandbox. Each yields messages, some with a content."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from model.conversation import Image, Media, Video
from model.media import container, document, image, signatures, video
from model.media.stock_files import stock_pixels
from ui.media.sandbox.channel import Content
from ui.media.sandbox.probe import is_clip, look, page

Found = tuple[dict[str, Any], Content | None]
Tell = Callable[[dict[str, Any]], None]  # sends a message about progress

DOCUMENT_SHARE = 0.5  # PDFium reads all of a damaged document to find its pages


def largeness(source: Media | str, name: str = "", *_: object) -> float:
    """The size in the file's header, as a share of the largest that is read. Raises `MediaError`."""
    if isinstance(source, str) and signatures.kind(source, name=name) == "document":
        return DOCUMENT_SHARE
    if isinstance(source, str):
        source = Video(source, name=name) if is_clip(source, name) else Image(source, name=name)
    if isinstance(source, Video) and source.frames:
        source = Image(source.frames[0], name=source.name)
    if isinstance(source, Video):
        width, height = video.stored_size(source)
        return width * height / container.MAX_FRAME_PIXELS
    width, height = image.image_size(source.path, name=source.name)
    return width * height / image.MAX_IMAGE_PIXELS


def first_look(_: Tell, file: str, name: str) -> Iterator[Found]:
    seen, pictures = look(file, name)
    yield {"look": asdict(seen)}, None
    if pictures.thumbnail:
        yield {"picture": "thumbnail"}, pictures.thumbnail
    if pictures.large is not None:
        yield {"picture": "large"}, pictures.large


def document_page(_: Tell, file: str, name: str, number: int) -> Iterator[Found]:
    """Yield the page as a PNG file, and its thumbnail."""
    picture, thumbnail = page(file, name, number)
    content = io.BytesIO()
    picture.save(content, "PNG", compress_level=1)
    yield {"size": picture.size}, content.getvalue()
    yield {"picture": "thumbnail"}, thumbnail


def document_text(_: Tell, file: str, name: str, number: int) -> Iterator[Found]:
    said = document.text(file, number, name=name).encode()
    yield {"text": True}, said or None


def image_size(_: Tell, picture: Image) -> Iterator[Found]:
    yield {"size": image.image_size(picture.path, name=picture.name)}, None


def video_info(_: Tell, clip: Video) -> Iterator[Found]:
    facts = asdict(video.probe(clip))
    stamps = np.array(facts.pop("stamps"), np.float64)
    yield {"clip": facts}, stamps if len(stamps) else None


def pixels(tell: Tell, part: Media, times: tuple[float, ...], within: int) -> Iterator[Found]:
    """Yield a picture or a clip's frames. within: the longest side in pixels; 0: the original size."""
    if isinstance(part, Image):
        picture = _small(image.open_image(part.path, name=part.name), within)
        yield {"frame": [picture.height, picture.width]}, picture
        return
    latest = None
    progress = lambda done, total: tell({"progress": [done, total]})  # noqa: E731
    for _, frame in video.frames(part, times, progress=progress):
        if frame is latest:
            yield {"again": True}, None
            continue
        latest = frame
        small = np.asarray(_small(PillowImage.fromarray(frame), within)) if within else frame
        yield _frame(small)


def as_stock(_: Tell, part: Media, times: tuple[float, ...]) -> Iterator[Found]:
    file = part.path if isinstance(part, Image) else video.sources(part)[0]
    for frame in stock_pixels(os.fspath(file), times):
        yield _frame(frame)


def _small(picture: PillowImage.Image, within: int) -> PillowImage.Image:
    if within:
        picture.thumbnail((within, within))
    return picture


def _frame(shown: npt.NDArray[np.uint8]) -> Found:
    return {"frame": shown.shape[:2]}, shown


JOBS: Mapping[str, Callable[..., Iterator[Found]]] = {
    "first_look": first_look,
    "document_page": document_page,
    "document_text": document_text,
    "image_size": image_size,
    "video_info": video_info,
    "pixels": pixels,
    "as_stock": as_stock,
}
