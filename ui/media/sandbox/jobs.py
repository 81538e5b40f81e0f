"""The jobs of the sandbox. Each yields messages, some with a content."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from model.conversation import Image, Media, Video
from model.media import container, image, video
from model.media.stock_files import stock_pixels
from ui.media.sandbox.channel import Content
from ui.media.sandbox.probe import is_clip, look

Found = tuple[dict[str, Any], Content | None]
Tell = Callable[[dict[str, Any]], None]  # sends a message about progress


def largeness(source: Media | str, name: str = "", *_: object) -> float:
    """The size in the file's header, as a share of the largest that is read. Raises `MediaError`."""
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
    yield {"picture": "thumbnail"}, pictures.thumbnail
    if pictures.large is not None:
        yield {"picture": "large"}, pictures.large


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
    "image_size": image_size,
    "video_info": video_info,
    "pixels": pixels,
    "as_stock": as_stock,
}
