"""Measures reading a 1080p video up to the vision tower's pixels: ours, stock transformers, and bare decoding.

Each way runs in a process of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
from PIL import Image

from tools.benchmarks import alone
from tools.benchmarks.report import Cell, Figures, Report

SIZE, RATE, KEYFRAME_EVERY = (1920, 1080), 30, 250
TOKENS_PER_FRAME = 128
FPS = 1.0  # sampled
MAX_FRAMES = 768


def run(options: argparse.Namespace) -> Report:
    """Measure the ways in turn, on one video of `options.seconds`."""
    with TemporaryDirectory() as name:
        path = clip(Path(name) / "clip.mp4", options.seconds)
        runs = [
            {way: alone.measured(__name__, way, str(path)) for way in WAYS}
            for _ in range(options.repeats)
        ]
    seconds = {way: Figures(tuple(run[way].seconds for run in runs), "s") for way in WAYS}
    memory = {way: Figures(tuple(run[way].mb for run in runs), "MB") for way in WAYS}
    ratios: dict[str, Cell] = {way: seconds["ours"].per(seconds[way]) for way in WAYS}
    head = ("", "time", "ours / this", "memory")
    rows: list[list[Cell]] = [
        [LABELS[way], seconds[way], "" if way == "ours" else ratios[way], memory[way]]
        for way in WAYS
    ]
    about = (
        f"{options.seconds} s of {SIZE[0]}x{SIZE[1]} H.264 at {RATE} frames/s, sampled at {FPS:g} frame/s; memory is "
        "the peak less that before reading, imports done"
    )
    return Report(about, head, rows)


def clip(path: Path, seconds: int) -> Path:
    """Write a video in which a camera pans over an image with detail at every scale, with x264's defaults."""
    draw = np.random.default_rng(0)
    coarse = Image.fromarray(draw.integers(0, 256, (68, 120, 3), np.uint8)).resize((2400, 1500))
    fine = Image.fromarray(draw.integers(0, 256, (1500, 2400, 3), np.uint8))
    picture = np.asarray(Image.blend(coarse, fine, 0.1))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        assert isinstance(stream, av.VideoStream)
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        stream.codec_context.gop_size = KEYFRAME_EVERY
        stream.options = {"preset": "veryfast", "crf": "28"}
        for number in range(seconds * RATE):
            x, y = int(240 + 230 * np.sin(number / 50)), int(210 + 200 * np.cos(number / 70))
            cut = np.ascontiguousarray(picture[y : y + SIZE[1], x : x + SIZE[0]])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(cut, format="rgb24")))
        container.mux(stream.encode())
    return path


def every_frame(path: Path) -> Callable[[], object]:
    """Decode every frame with PyAV's threads, and do nothing with it."""

    def work() -> int:
        with av.open(str(path)) as container:
            container.streams.video[0].thread_type = "AUTO"
            return sum(1 for _ in container.decode(video=0))

    return work


def stock(path: Path) -> Callable[[], object]:
    """Make all pixels at once."""
    from model.settings import VisionSettings
    from tests.support.stock import stock_clip

    processor, vision = _processor(), VisionSettings(video_max_tokens_per_frame=TOKENS_PER_FRAME)
    return lambda: stock_clip(processor, str(path), vision, FPS)


def ours(path: Path) -> Callable[[], object]:
    """Make the same pixels slice by slice, as the vision tower takes them."""
    from model.backend import Cancel
    from model.conversation import Conversation, Video
    from model.engine.vision_encoder import (
        VisionEncoder,
        pixels_nbytes,
        prepare_pixels,
        split_into_slices,
    )
    from model.families import Geometry
    from model.prompt import visual_item
    from model.serving.prepared_media import PreparedMedia
    from model.settings import VisionSettings

    vision = VisionSettings(
        video_fps=FPS, video_max_frames=MAX_FRAMES, video_max_tokens_per_frame=TOKENS_PER_FRAME
    )
    encoder = VisionEncoder(None, _processor())

    def work() -> int:
        asked = Conversation().with_user_turn(Video(path, vision))
        (item,) = visual_item.plan(asked, Geometry())
        media = PreparedMedia(prepare_pixels, pixels_nbytes, budget=0)
        with media.ready("", {"clip": item}, Cancel(), lambda _done, _total: None) as ready:
            assert ready
            parts = split_into_slices(ready.values["clip"], item)
            return sum(len(encoder.patchify(part)["pixel_values_videos"]) for part in parts)

    return work


def _processor() -> Any:
    from transformers import AutoProcessor

    from model.checkpoint.choose import BUNDLED

    return AutoProcessor.from_pretrained(BUNDLED)


WAYS = {"every_frame": every_frame, "stock": stock, "ours": ours}
LABELS = {
    "every_frame": "decoding every frame, with PyAV",
    "stock": "stock transformers, with PyAV",
    "ours": "ours",
}


def _main() -> None:
    way, path = sys.argv[1:]
    alone.tell(WAYS[way](Path(path)))


if __name__ == "__main__":
    _main()
