"""Pictures and clips of every kind, made on the spot, for anybody's tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition
from PIL import Image

from model.settings import VisionSettings

Size = tuple[int, int]  # width, height
# Resolutions that keep tests fast: at most 64 visual tokens per picture or clip.
SMALL = VisionSettings(max_tokens=64, video_max_frames=4, video_max_tokens_per_frame=16)
ORIENTATION = 0x0112  # the EXIF tag
CORNERS = ("red", "lime", "blue", "white")  # top left, top right, bottom left, bottom right
ENCODERS = {
    "h264": "libx264",
    "hevc": "libx265",
    "vp9": "libvpx-vp9",
    "av1": "libsvtav1",
    "mpeg4": "mpeg4",
    "wmv2": "wmv2",
}
FAST: dict[str, dict[str, str]] = {
    "h264": {"preset": "veryfast"},
    "hevc": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "vp9": {"deadline": "realtime", "cpu-used": "8"},
    "av1": {"preset": "12"},
}


def solid(path: Path, colour: str = "red", size: Size = (56, 56), **options: Any) -> Path:
    """A picture of one colour, in the format of the path's suffix."""
    Image.new("RGB", size, colour).save(path, **options)
    return path


def photo(path: Path, size: Size = (320, 240), seed: int = 0, **options: Any) -> Path:
    """A picture with detail at every scale, so that resizing and cropping change it."""
    draw = np.random.default_rng(seed)
    coarse = Image.fromarray(draw.integers(0, 256, (6, 8, 3), np.uint8)).resize(size)
    fine = Image.fromarray(draw.integers(0, 256, (size[1], size[0], 3), np.uint8))
    Image.blend(coarse, fine, 0.2).save(path, **options)
    return path


def corners(size: Size = (64, 32)) -> Image.Image:
    """A picture whose quarters are `CORNERS`, so that every way of turning it shows."""
    width, height = size
    image = Image.new("RGB", size)
    for i, colour in enumerate(CORNERS):
        left, top = (i % 2) * width // 2, (i // 2) * height // 2
        image.paste(colour, (left, top, left + width // 2, top + height // 2))
    return image


def exif_rotated(path: Path, orientation: int, size: Size = (64, 32)) -> Path:
    """`corners(size)` stored as a camera held the `orientation` way stores it; upright by EXIF."""
    stored_by = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = corners(size)
    if orientation in stored_by:
        image = image.transpose(stored_by[orientation])
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    lossless: dict[str, Any] = {"quality": 100, "subsampling": 0} if path.suffix == ".jpg" else {}
    image.save(path, exif=exif, **lossless)
    return path


def numbered_frame(number: int, size: Size = (64, 48)) -> npt.NDArray[np.uint8]:
    """A frame that says its number (below 256) in a way that survives lossy coding; (h, w, 3).

    Eight bars from left to right are its bits, dark or bright.
    """
    bits = [(number >> bit) & 1 for bit in range(8)]
    row = np.repeat(np.array(bits, np.uint8) * 180 + 40, size[0] // 8)
    row = np.pad(row, (0, size[0] - len(row)), mode="edge")
    return np.broadcast_to(row[None, :, None], (size[1], size[0], 3)).copy()


def number_of(frame: npt.NDArray[np.uint8]) -> int:
    """The number that a `numbered_frame` says."""
    step = frame.shape[1] // 8
    levels = frame.mean(axis=(0, 2))
    return sum(int(levels[bit * step + step // 2] > 130) << bit for bit in range(8))


def broken_clip(path: Path) -> Path:
    """40 numbered frames; some of the first dozen cannot be decoded."""
    content = bytearray(clip(path, 40, codec="mpeg4", keyframe_every=5).read_bytes())
    start = content.index(b"mdat") + 500
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)
    return path


def clip(
    path: Path,
    frames: int | Sequence[npt.NDArray[np.uint8]] = 10,
    *,
    fps: float = 10,
    codec: str = "h264",
    size: Size = (64, 48),
    times: Sequence[float] | None = None,
    degrees: float = 0,
    mirrored: bool = False,
    sound: bool = False,
    keyframe_every: int = 12,
    header_first: bool = False,
    pixel_aspect: Fraction | None = None,
    colours: int | None = None,
) -> Path:
    """A clip of numbered frames (or of the given ones) in the container of the path's suffix.

    `times`: when each frame is shown, in seconds, for a variable rate. `degrees`: how far a player
    turns it, counterclockwise; `mirrored`: and then flips it left to right. `header_first`: an MP4
    as the web wants it, which can be read as far as it got. `pixel_aspect`: how many times as wide as
    high a player shows each pixel. `colours`: the matrix that frames are coded with, as FFmpeg numbers
    them, without saying so in the file.
    """
    if isinstance(frames, int):
        frames = [numbered_frame(i, size) for i in range(frames)]
    pictures = list(frames)
    height, width = pictures[0].shape[:2]
    options = {"movflags": "faststart"} if header_first else {}
    with av.open(str(path), "w", options=options) as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream(ENCODERS[codec], rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = keyframe_every
        stream.codec_context.thread_count = 1
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if codec in FAST:
            stream.options = {**FAST[codec]}
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if degrees or mirrored:
            stream.set_display_rotation(degrees, hflip=mirrored)
        silence = container.add_stream("aac", rate=48000) if sound else None
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if colours is not None:
                frame = frame.reformat(format="yuv420p", dst_colorspace=colours)
                frame.colorspace = 2  # does not say
            if times is not None:
                frame.time_base, frame.pts = Fraction(1, 1000), round(times[i] * 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if isinstance(silence, av.AudioStream):
            _mux_silence(container, silence, len(pictures) / fps)
    if codec == "av1" and hasattr(os, "sched_setscheduler"):
        # Run by root, SVT-AV1 takes real-time priority for the process and all that it starts.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return path


def sound_only(path: Path, seconds: float = 0.5, *, cover: bool = False) -> Path:
    """A sound file in the container of the path's suffix, perhaps with the picture of its record."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        if cover:
            _mux_cover(container)
        _mux_silence(container, stream, seconds)
    return path


def _mux_cover(container: av.container.OutputContainer) -> None:
    stream = container.add_stream("mjpeg", rate=1)
    stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
    stream.disposition = Disposition.attached_pic
    frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
    frame.pts = 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode())


def _mux_silence(
    container: av.container.OutputContainer, stream: av.AudioStream, seconds: float
) -> None:
    for start in range(0, int(seconds * 48000), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts = 48000, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def truncated(path: Path, share: float = 0.5) -> Path:
    """The same file, cut off after a share of its bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def stored(folder: Path) -> int:
    """Bytes of all files below `folder`. A page may be deleting some of them."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total
