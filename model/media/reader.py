"""Who opens the files of a conversation: this process, or whoever was put in its place, such as a sandbox.

Everything that a backend learns of a picture or a clip it learns through here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from model.backend import Cancel
from model.conversation import Image, Media, Video
from model.media import video
from model.media.decoding import Pixels
from model.media.image import image_size, open_image
from model.media.sampling import VideoInfo
from model.media.stock_files import stock_pixels
from model.media.video import VideoProgress


class MediaReader(Protocol):
    """Safe to use from several threads."""

    def __hash__(self) -> int:
        """What it has found is remembered as its own."""
        ...

    def image_size(self, image: Image) -> tuple[int, int]:
        """(width, height) of the upright picture. Raises `MediaError`."""
        ...

    def video_info(self, item: Video) -> VideoInfo:
        """See `video.probe`. Raises `MediaError`."""
        ...

    def pixels(
        self, part: Media, times: tuple[float, ...], cancel: Cancel, report: VideoProgress
    ) -> Iterator[Pixels]:
        """Upright, RGB, at their own size: of a picture one array, of a clip one for each of `times`.

        (height, width, 3) uint8. Equal frames in a row may be the same array. The iterator just ends when it is
        cancelled; the caller looks at `cancel`. `report` is told how far a clip is. Raises `MediaError`.
        """
        ...

    def as_stock(self, file: str, times: tuple[float, ...]) -> Iterator[Pixels]:
        """What stock code decodes of a file; see `stock_files.stock_pixels`. Raises `DemoError`."""
        ...


class _InThisProcess:
    """For programs that open their own files."""

    def image_size(self, image: Image) -> tuple[int, int]:
        return image_size(image.path, name=image.name)

    def video_info(self, item: Video) -> VideoInfo:
        return video.probe(item)

    def pixels(
        self, part: Media, times: tuple[float, ...], cancel: Cancel, report: VideoProgress
    ) -> Iterator[Pixels]:
        if isinstance(part, Image):
            yield np.array(open_image(part.path, name=part.name))
            return
        for _, frame in video.frames(part, times, cancel=cancel, progress=report):
            yield frame

    def as_stock(self, file: str, times: tuple[float, ...]) -> Iterator[Pixels]:
        return stock_pixels(file, times)


IN_THIS_PROCESS: MediaReader = _InThisProcess()
