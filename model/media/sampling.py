"""Chooses the frames of a video that the model sees, as times. Pure numbers."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from model.errors import MediaError
from model.settings import VisionSettings

# Seconds: containers round times, some to whole milliseconds.
SAME_MOMENT = 0.001
# Frames of a video with a variable rate, if it has so many: as stock takes.
MIN_VARIED_FRAMES = 4


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header, first frame and last packets tell."""

    name: str  # for messages
    duration_s: float
    size: tuple[int, int]  # width, height of the upright frames, their pixels square
    fps: float  # on average
    frames: int
    codec: str  # FFmpeg's name, or "images"
    # When each frame is shown, in s, where the rate varies; empty where it is constant.
    stamps: tuple[float, ...] = field(default=(), repr=False)


def sample_times(
    video: VideoInfo, vision: VisionSettings, *, max_seconds: float | None = None
) -> tuple[float, ...]:
    """The times in seconds of the frames that the model sees, ascending, an even number. Raises `MediaError`.

    `video_fps` moments a second from the start of the trimmed part on, or `video_max_frames` spread
    evenly where these would be more. Where the part has fewer frames, each frame once. Frames of a
    variable rate that no such moment shows take the place of those that two moments would show. A
    list of pictures is used whole unless `video_fps` was changed. An odd last moment is repeated, as
    the stock processor repeats it: a pair costs the same either way. `max_seconds` bounds the
    trimmed part.
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
    """Where the trimmed part starts and ends, in s. Raises `MediaError`."""
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
    """`h:mm:ss`, without the hours when there are none."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
