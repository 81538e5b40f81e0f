"""Decodes images and videos with Pillow and PyAV alone, for Verify and for the scripts of Reproduce. No torch.

`model/reproduce/script.py` prints these functions as they are written here. Verify runs them in the sandbox that opens
strangers' files.
"""

from __future__ import annotations

import logging
import os
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageOps

from model.errors import DemoError
from model.media.decoding import Pixels

log = logging.getLogger(__name__)

# The exceptions of decoders for broken files.
UNREADABLE = (
    *(OSError, ValueError, SyntaxError, EOFError, struct.error),
    *(av.FFmpegError, Image.DecompressionBombError),
)


def flat(path: str) -> Image.Image:
    """Open an image upright, on white, as RGB with 8 bits per channel."""
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith(("I", "F")):  # 16 bits, or 32 that do not say which level is white
        levels = np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0)
        usual = {"I": (255, 65535), "F": (1, 255, 65535)}.get(image.mode, (65535,))
        white = next((white for white in usual if levels.max() <= white), levels.max())
        levels = np.rint(np.clip(levels / white, 0, 1) * 255)
        image = Image.fromarray(levels.astype(np.uint8))
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert("RGB")


def upright(frame: av.VideoFrame) -> np.ndarray:
    """Rotate and mirror a frame as players do. (height, width, 3) uint8"""
    pixels = frame.to_ndarray(format="rgb24")
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix:
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5] / 2**16
        pixels = pixels[::-1] if a * d < b * c else pixels
    return np.rot90(pixels, frame.rotation // 90).copy()


def shown(path: str) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield the time in seconds at which a frame appears, and the frame. Broken packets are skipped."""
    with av.open(path) as container:
        start = max(0, container.start_time or 0) / av.time_base
        # AVI has decoding times only. Frames come out in display order, so these are assigned in that order.
        avi, stamps = container.format.name == "avi", deque[float]()
        for packet in container.demux(video=0):
            if avi and packet.size and packet.dts is not None:
                stamps.append(float(packet.dts * packet.time_base))
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                yield (stamps.popleft() if stamps else frame.time) - start, frame


def on_screen(path: str, times: Sequence[float]) -> Iterator[np.ndarray]:
    """Yield the frames on screen at these times in seconds, upright. (height, width, 3) uint8"""
    latest, wanted = None, deque(times)
    for at, frame in shown(path):
        while latest and wanted and at > wanted[0] + 1e-3:
            wanted.popleft()
            yield upright(latest)
        if not wanted:
            return
        latest = frame
    if latest is None:
        raise ValueError("no frame")
    for _ in wanted:
        yield upright(latest)


def stock_pixels(file: str, times: tuple[float, ...]) -> Iterator[Pixels]:
    """Yield the pixels of an image, or of a video's frames at `times`. (height, width, 3) uint8

    times: in seconds, empty for an image. Raises `DemoError` for a file that is gone or that stock code cannot decode.
    """
    try:
        if times:
            yield from on_screen(file, times)
        else:
            yield np.array(flat(file))
    except UNREADABLE as error:  # anything else is a bug
        log.warning("Stock code cannot read %s", file, exc_info=True)
        name = Path(file).name
        if isinstance(error, OSError) and error.errno:
            raise DemoError(
                "This answer cannot be verified, because {name} cannot be opened any more ({reason}); "
                "attach it and ask again.",
                name=name,
                reason=os.strerror(error.errno),
            ) from error
        raise DemoError(
            "This answer cannot be verified, because stock code cannot decode {name} ({reason}); "
            "save it as PNG or MP4 and ask again.",
            name=name,
            reason=type(error).__name__,
        ) from error
