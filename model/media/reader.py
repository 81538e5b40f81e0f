"""The protocol through which a backend opens the files of a conversation: in this process, or in a sandbox."""

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
    """Opens the files of conversations. Safe to use from several threads."""

    def __hash__(self) -> int:
        """Caches of facts use the reader as a key."""
        ...

    def image_size(self, image: Image) -> tuple[int, int]:
        """(width, height) of the upright image, in pixels. Raises `MediaError`."""
        ...

    def video_info(self, item: Video) -> VideoInfo:
        """See `video.probe`. Raises `MediaError`."""
        ...

    def pixels(
        self, part: Media, times: tuple[float, ...], cancel: Cancel, report: VideoProgress
    ) -> Iterator[Pixels]:
        """Pixels, upright, RGB, at their original size: one array for an image, one for each of `times` for a video.

        Arrays are (height, width, 3) uint8; equal frames in a row may be the same array. The iterator ends early if
        it is cancelled; check `cancel`. `report` is told the progress of a video. Raises `MediaError`.
        """
        ...

    def as_stock(self, file: str, times: tuple[float, ...]) -> Iterator[Pixels]:
        """Pixels as stock code decodes them; see `stock_files.stock_pixels`. Raises `DemoError`."""
        ...


class _InThisProcess:
    """Opens files in this process, for programs that open their own files."""

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
