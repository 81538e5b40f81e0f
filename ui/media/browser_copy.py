"""A copy of a clip that every browser plays. It is only shown: the model gets the original file."""

from __future__ import annotations

import secrets
import time
from itertools import count, takewhile
from pathlib import Path

import av
import numpy as np
from PIL import Image

from model.backend import Cancel
from model.conversation import Video
from ui.gradio_compat import upload_folder
from ui.media.room import Room
from ui.media.sandbox.media import STRANGERS_MEDIA

FPS = 12
MAX_SECONDS = 180.0  # of the clip; the rest is not in the copy
MAX_SIDE_PX = 640
PATIENCE_S = 120.0  # for making it; a copy that takes longer is cut there


def clip_preview(path: str, seconds: float, room: Room) -> str:
    """The path of an H.264 copy without sound of the clip at `path`; blocks. Raises `DemoError`."""
    target = upload_folder() / "previews" / f"{secrets.token_hex(16)}.mp4"
    with room.placed(target) as copy:
        _copy(path, seconds, copy)
    return str(target)


def _copy(path: str, seconds: float, target: Path) -> None:
    length = min(seconds, MAX_SECONDS)
    times = tuple(takewhile(lambda t: t < length, (i / FPS for i in count()))) or (0.0,)
    late = Cancel()
    deadline = time.monotonic() + PATIENCE_S
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as copy:
        stream = copy.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        size: tuple[int, int] | None = None
        for pixels in STRANGERS_MEDIA.frames(Video(path), times, late, within=MAX_SIDE_PX):
            picture = Image.fromarray(pixels)
            # H.264 halves the colours, so both sides must be even; all frames have the first one's size.
            if size is None:
                size = max(2, picture.width // 2 * 2), max(2, picture.height // 2 * 2)
                stream.width, stream.height = size
            frame = av.VideoFrame.from_ndarray(np.asarray(picture.resize(size)), format="rgb24")
            copy.mux(stream.encode(frame))
            if time.monotonic() > deadline:
                late.set()
        copy.mux(stream.encode())
