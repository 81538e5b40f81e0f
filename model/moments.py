"""Which moments of a clip the model sees. Pure numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from model.errors import MediaError
from model.settings import VisionSettings


@dataclass(frozen=True)
class Clip:
    """What is known of a clip before it is read."""

    name: str  # for messages
    duration_s: float
    size: tuple[int, int]  # width, height of the upright frames
    fps: float  # on average
    frames: int  # exact for constant rates
    codec: str  # FFmpeg's name, or "pictures"


def choose(
    clip: Clip, vision: VisionSettings, *, max_seconds: float | None = None
) -> tuple[float, ...]:
    """The moments that the model sees, ascending and even in number. Raises `MediaError`.

    `video_fps` moments a second from the start of the trimmed part on. Where these would be more
    than the clip has frames, each frame once; where more than `video_max_frames`, so many spread
    evenly. An odd last one is repeated, as the stock processor repeats it: a pair costs the same
    either way. `max_seconds` bounds the trimmed part.
    """
    start = vision.video_start_s or 0.0
    end = min(clip.duration_s, vision.video_end_s or math.inf)
    if start >= end:
        raise MediaError(
            "{name} ends after {length:.1f} s, before the part that starts at {start:g} s; "
            "lower 'Start at'.",
            name=clip.name,
            length=clip.duration_s,
            start=start,
        )
    if max_seconds is not None and end - start > max_seconds:
        raise MediaError(
            "{name} is {length} long, and at most {most} can be read; "
            "choose a part with 'Start at' and 'End at', or trim it and attach it again.",
            name=clip.name,
            length=_clock(end - start),
            most=_clock(max_seconds),
        )
    rate = min(vision.video_fps, clip.frames / clip.duration_s)
    count = max(1, math.ceil((end - start) * rate - 1e-6))
    if count > vision.video_max_frames:
        count, rate = vision.video_max_frames, vision.video_max_frames / (end - start)
    times = tuple(start + i / rate for i in range(count))
    return times if count % 2 == 0 else (*times, times[-1])


def _clock(seconds: float) -> str:
    """`h:mm:ss`, without the hours when there are none."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
