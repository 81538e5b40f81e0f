"""Videos from untrusted files: their facts, and the frames at given times.

Times are seconds from where a player starts. A list of images with a rate goes through the same functions.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import lru_cache
from typing import TypeVar

import numpy as np
from av.video.frame import VideoFrame
from PIL import Image

from model.backend import Cancel
from model.conversation import Video
from model.errors import LocalizedText, MediaError
from model.media import decoding, source
from model.media.container import DECODE_TIMEOUT_S, PROBE_TIMEOUT_S, VideoTrack, opened
from model.media.decoding import PacketIndex, Pixels, decoded, upright
from model.media.image import image_size, open_image
from model.media.sampling import SAME_MOMENT, VideoInfo

Frame = TypeVar("Frame")
# Called with the seconds of the video that are decoded, and the seconds in all.
VideoProgress = Callable[[float, float], None]

# Seconds between two reports of progress.
PROGRESS_INTERVAL_S = 0.1


def probe(video: Video) -> VideoInfo:
    """Return a video's facts from its header, its first frame and its last packets. Raises `MediaError`.

    Only the first frame tells the rotation, and it proves that the video can be decoded. The last packets give the true end:
    recordings have no duration in their header, and that of a cut-off file is wrong.
    """
    return _probe_frames(video) if video.frames else probe_and_first_frame(video)[0]


def probe_and_first_frame(video: Video) -> tuple[VideoInfo, Image.Image]:
    """The facts of a clip that is a file, and its first frame, upright. Raises `MediaError`."""
    with _opened(video, PROBE_TIMEOUT_S) as track:
        _, first = next(decoded(track), (0.0, None))
        if first is None:
            raise _without_frames(video)
        frame = Image.fromarray(upright(first, track))
        duration = max(track.end() - track.start_s, 1 / track.rate)
        stamps = _stamps(video, track, duration)
        count = len(stamps) or max(1, round(duration * track.rate))
        fps = count / duration if stamps else track.rate
        return VideoInfo(
            display_name(video), duration, frame.size, fps, count, track.codec, stamps
        ), frame


def stored_size(video: Video) -> tuple[int, int]:
    """(width, height) of the frames of a clip that is a file, by its header alone. Raises `MediaError`."""
    with _opened(video, PROBE_TIMEOUT_S) as track:
        return track.shown_size(track.stream.width, track.stream.height)


def frames(
    video: Video,
    times: tuple[float, ...],
    *,
    cancel: Cancel | None = None,
    progress: VideoProgress | None = None,
) -> Iterator[tuple[float, Pixels]]:
    """Yield the frame on screen at each of the ascending `times` in seconds, upright, with its own time.

    It is the last frame at or before the time, or else the first one, so there are as many as `times`. A frame that is
    shown at two times may be the same array. If `cancel` is set, the iterator ends early. progress: called several times a
    second. Raises `MediaError` if no frame can be decoded.
    """
    watch = _Watch(times[-1], cancel, progress)
    if video.frames:
        yield from _listed_frames(video, times, watch)
        return
    with _opened(video, DECODE_TIMEOUT_S) as track:
        sparse = _sparse_index(video, track, times)
        if sparse:
            passing = watch.over(decoding.decoded_sparsely(track, sparse, times))
        else:
            passing = watch.over(decoding.decoded_from(times[0], track))
        chosen: tuple[VideoFrame, Pixels] | None = None
        for at, frame in decoding.frames_at(passing, times):
            if watch.cancelled:
                return
            if chosen is None or chosen[0] is not frame:
                chosen = frame, upright(frame, track)
            with track.time_budget.paused():
                yield at, chosen[1]
        if chosen is None and not watch.cancelled:
            raise _without_frames(video)


def first_frame(video: Video) -> Image.Image:
    """The clip's first frame, upright, at its own size. Raises `MediaError`."""
    _, pixels = next(frames(video, (0.0,)))
    return Image.fromarray(pixels)


def sources(video: Video) -> tuple[str, ...]:
    """The paths of the video's files, for `source.fingerprint`."""
    return tuple(os.fspath(path) for path in video.frames or (video.path,) if path is not None)


def display_name(video: Video) -> str:
    """The name of a video in messages."""
    if video.name or not video.frames:
        return video.name or source.display_name(*sources(video))
    return LocalizedText("The clip")


class _Watch:
    """Checks `cancel` and reports progress, several times a second, while frames are decoded."""

    def __init__(self, end_s: float, cancel: Cancel | None, progress: VideoProgress | None) -> None:
        self._end_s = end_s
        self._cancel = cancel
        self._progress = progress
        self._reported = -math.inf

    @property
    def cancelled(self) -> bool:
        return self._cancel is not None and self._cancel.is_set()

    def over(self, timed: Iterator[tuple[float, Frame]]) -> Iterator[tuple[float, Frame]]:
        """Yield from `timed` until it is cancelled."""
        for at, frame in timed:
            if self.cancelled:
                return
            now = time.monotonic()
            if self._progress is not None and now - self._reported >= PROGRESS_INTERVAL_S:
                self._reported = now
                self._progress(min(at, self._end_s), self._end_s)
            yield at, frame


def _sparse_index(video: Video, track: VideoTrack, times: tuple[float, ...]) -> PacketIndex | None:
    """The index of the packets if most frames are not wanted and the packets tell their times, else None."""
    if not decoding.should_decode_sparsely(track, times):
        return None
    with _opened(video, DECODE_TIMEOUT_S) as again:
        return PacketIndex.of(again.packets())


def _stamps(video: Video, track: VideoTrack, duration_s: float) -> tuple[float, ...]:
    """The time of each frame in seconds if the rate varies, else empty."""
    if track.without_pts or not track.varies(duration_s):
        return ()
    (path,) = sources(video)
    with suppress(MediaError, OSError):
        facts = os.stat(path)
        stamps = _all_stamps(path, track.start_s, (facts.st_size, facts.st_mtime_ns))
        step = duration_s / max(1, len(stamps))
        if any(abs(at - i * step) > step / 2 for i, at in enumerate(stamps)):
            return stamps
    return ()


# This reads the whole file, and every turn of a conversation asks for it again.
@lru_cache(maxsize=8)
def _all_stamps(path: str, zero: float, version: tuple[int, int]) -> tuple[float, ...]:  # noqa: ARG001 - part of the key
    with opened(path, path, PROBE_TIMEOUT_S) as track:
        index = PacketIndex.of(track.packets())
        times = (stamp * track.time_base_s - zero for stamp in index.stamps) if index else ()
        return tuple(at for at in times if at > -SAME_MOMENT)


def _opened(video: Video, seconds: float) -> AbstractContextManager[VideoTrack]:
    (path,) = sources(video)
    return opened(path, display_name(video), seconds)


def _probe_frames(video: Video) -> VideoInfo:
    """The facts of a list of images. They must have one size, because the model sees one grid."""
    sizes = [image_size(path) for path in sources(video)]
    for path, size in zip(sources(video), sizes, strict=True):
        if size != sizes[0]:
            raise MediaError(
                "{name} is {width}x{height} pixels, the clip's first frame "
                "{first_width}x{first_height}; make all frames one size.",
                name=source.display_name(path),
                width=size[0],
                height=size[1],
                first_width=sizes[0][0],
                first_height=sizes[0][1],
            )
    fps = video.fps or 1.0
    return VideoInfo(display_name(video), len(sizes) / fps, sizes[0], fps, len(sizes), "images")


def _listed_frames(
    video: Video, times: tuple[float, ...], watch: _Watch
) -> Iterator[tuple[float, Pixels]]:
    fps, paths = video.fps or 1.0, sources(video)
    indices = [min(math.floor(at * fps + 1e-6), len(paths) - 1) for at in times]
    for at, path in watch.over((index / fps, paths[index]) for index in indices):
        yield at, np.array(open_image(path))


def _without_frames(video: Video) -> MediaError:
    return MediaError(
        "{name} has no frame that can be decoded; convert it to MP4 (H.264) and attach it again.",
        name=display_name(video),
    )
