"""Chooses the frames of a video that the model sees, as times. Pure numbers."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from model.errors import MediaError
from model.settings import VisionSettings

# Seconds. Containers round times, some to whole milliseconds, so times this close are equal.
SAME_MOMENT = 0.001
# The minimum of frames of a video with a variable rate, if it has as many. The stock processor has the same minimum.
MIN_VARIED_FRAMES = 4


@dataclass(frozen=True)
class VideoInfo:
    """The facts of a video from its header, first frame and last packets.

    name: for messages; size: (width, height) of upright frames with square pixels; fps: the average; codec: FFmpeg's name,
    or "images"; stamps: the time of each frame in seconds if the rate varies, else empty.
    """

    name: str
    duration_s: float
    size: tuple[int, int]
    fps: float
    frames: int
    codec: str
    stamps: tuple[float, ...] = field(default=(), repr=False)


def sample_times(
    video: VideoInfo, vision: VisionSettings, *, max_seconds: float | None = None
) -> tuple[float, ...]:
    """Return the times in seconds of the frames that the model sees: ascending, an even number.

    A clip of 10 s at `video_fps` 2 gives 0.0, 0.5, ... 9.5. In particular:

    - More than `video_max_frames` times are thinned out evenly.
    - A part with fewer frames than times gives each frame once.
    - With a variable rate, no frame is taken twice while another one is not shown at all.
    - A list of images is used whole, unless `video_fps` was changed.
    - An odd last time is repeated, as in the stock processor, because two frames share their tokens.

    max_seconds: longer parts are refused. Raises `MediaError`.
    """
    start, end = _part(video, vision, max_seconds)
    if video.stamps:
        times = _of_a_variable_rate(video.stamps, start, end, vision)
    else:
        times = _of_a_constant_rate(video, start, end, vision)
    return times if len(times) % 2 == 0 else (*times, times[-1])


def _part(
    video: VideoInfo, vision: VisionSettings, max_seconds: float | None
) -> tuple[float, float]:
    """Return the start and end of the trimmed part, in seconds. Raises `MediaError`."""
    start = vision.video_start_s or 0.0
    end = min(video.duration_s, vision.video_end_s or math.inf)
    if start >= end:
        raise MediaError(
            "{name} ends after {length:.1f} s, before the part that starts at {start:g} s; "
            "lower 'Start at'.",
            name=video.name,
            length=video.duration_s,
            start=start,
        )
    if max_seconds is not None and end - start > max_seconds:
        raise MediaError(
            "{name} is {length} long, and at most {most} can be read; "
            "choose a part with 'Start at' and 'End at', or trim it and attach it again.",
            name=video.name,
            length=_clock(end - start),
            most=_clock(max_seconds),
        )
    return start, end


def _of_a_constant_rate(
    video: VideoInfo, start: float, end: float, vision: VisionSettings
) -> tuple[float, ...]:
    whole = video.codec == "images" and vision.video_fps == VisionSettings().video_fps
    own = video.frames / video.duration_s
    rate = own if whole else min(vision.video_fps, own)
    count = _count((end - start) * rate)
    if count > vision.video_max_frames:
        count, rate = vision.video_max_frames, vision.video_max_frames / (end - start)
    elif count % 2 and count > 1 and end - start - (count - 1) / rate < 0.5 / rate:
        count -= 1  # 5.005 s at 2 a second are ten frames, not eleven and a repeated one
    return tuple(start + i / rate for i in range(count))


def _of_a_variable_rate(
    stamps: Sequence[float], start: float, end: float, vision: VisionSettings
) -> tuple[float, ...]:
    first = bisect_right(stamps, start + SAME_MOMENT)
    own = [start, *(stamp for stamp in stamps[first:] if stamp < end - SAME_MOMENT)]
    count = max(_count((end - start) * vision.video_fps), MIN_VARIED_FRAMES)
    count = min(count, vision.video_max_frames)
    if len(own) <= count:
        return tuple(own)
    spread = [start + (own[-1] - start) * i / (count - 1) for i in range(count)]
    shown: dict[int, float] = {}  # the frames that these moments show, each with its first moment
    for moment in spread:
        shown.setdefault(bisect_right(own, moment + SAME_MOMENT) - 1, moment)
    others = [place for place in range(len(own)) if place not in shown]
    free = count - len(shown)
    chosen = (others[i * len(others) // free] for i in range(free))
    return tuple(sorted((*shown.values(), *(own[place] for place in chosen))))


def _count(moments: float) -> int:
    return max(1, math.ceil(moments - 1e-6))


def _clock(seconds: float) -> str:
    """`h:mm:ss`, or `m:ss` below one hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
