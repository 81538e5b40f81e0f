"""Reading a 1080p clip up to the pixels of the vision tower: ours, stock transformers, bare decoding.

Each way runs in a process of its own, because memory that was used once looks used for ever.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
from PIL import Image

from tools.benchmarks.machine import ROOT, Report, peak_bytes

SIZE, RATE, KEYFRAME_EVERY = (1920, 1080), 30, 250
TOKENS_PER_FRAME = 128
FEW = 64  # frames: the setting's default, which a long clip is sampled down to


def run(options: argparse.Namespace) -> Report:
    """Measure each way `options.repeats` times on a clip of `options.seconds`."""
    ways = [way for way in WAYS if way != "stock" or not options.no_stock]
    with TemporaryDirectory() as name:
        path = clip(Path(name) / "clip.mp4", options.seconds)
        runs = {way: [_measured(way, path) for _ in range(options.repeats)] for way in ways}
    seconds = {way: median(second for second, _ in runs[way]) for way in ways}
    memory = {way: median(mb for _, mb in runs[way]) for way in ways}
    rows = [("", "time", "of the floor", "of stock", "memory above the imports")]
    for way in ways:
        floor = f"{seconds[way] / seconds['floor']:.2f}"
        stock = f"{seconds[way] / seconds['stock']:.2f}" if "stock" in ways else ""
        rows.append((LABELS[way], f"{seconds[way]:.2f} s", floor, stock, f"{memory[way]:.0f} MB"))
    notes = [
        f"{options.seconds} s of 1920x1080 H.264 at {RATE} frames/s, read at 1 frame/s; medians of {options.repeats}"
    ]
    return Report("video", rows, notes, {"seconds": seconds, "mb": memory})


def clip(path: Path, seconds: int) -> Path:
    """A camera that wanders over a picture with detail at every scale, as x264 compresses it by default."""
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


def floor(path: Path) -> Callable[[], object]:
    """PyAV decodes every frame, with threads, and nothing is done with them."""

    def work() -> int:
        with av.open(str(path)) as container:
            container.streams.video[0].thread_type = "AUTO"
            return sum(1 for _ in container.decode(video=0))

    return work


def stock(path: Path) -> Callable[[], object]:
    """What `apply_chat_template` does with a clip: `load_video`, then the video processor."""
    from transformers.video_utils import load_video

    processor, size = (
        _processor().video_processor,
        {"shortest_edge": 3136, "longest_edge": TOKENS_PER_FRAME * 784},
    )

    def work() -> object:
        frames, metadata = load_video(str(path), fps=1, backend="pyav")
        return processor([frames], video_metadata=[metadata], size=size, do_sample_frames=False,
                         cap_pixels_per_frame=False, return_tensors="pt")  # fmt: skip

    return work


def ours(path: Path) -> Callable[[], object]:
    """The same pixels, slice by slice, as the vision tower takes them."""
    return _ours(path, 768)


def few(path: Path) -> Callable[[], object]:
    """As many frames as the page's default takes from a long clip."""
    return _ours(path, FEW)


def _ours(path: Path, most: int) -> Callable[[], object]:
    from model import video, visual_item
    from model.conversation import Conversation, Video
    from model.encoder import VisionEncoder, slices
    from model.families import Geometry
    from model.settings import VisionSettings

    vision = VisionSettings(
        video_fps=1.0, video_max_frames=most, video_max_tokens_per_frame=TOKENS_PER_FRAME
    )
    encoder = VisionEncoder(None, _processor())

    def work() -> int:
        asked = Conversation().with_user_turn(Video(path, vision))
        (item,) = visual_item.plan(asked, Geometry())
        assert isinstance(item.media, Video)
        parts = slices(video.frames(item.media, item.times), item)
        return sum(len(encoder.patchified(part)["pixel_values_videos"]) for part in parts)

    return work


def _processor() -> Any:
    from transformers import AutoProcessor

    from model.choose import BUNDLED

    return AutoProcessor.from_pretrained(BUNDLED)


WAYS = {"floor": floor, "stock": stock, "ours": ours, "few": few}
LABELS = {
    "floor": "bare decoding of every frame",
    "stock": "stock transformers",
    "ours": "ours",
    "few": f"ours, {FEW} frames of it",
}


def _measured(way: str, path: Path) -> tuple[float, float]:
    """Seconds, and peak MB above what the imports took."""
    command = [sys.executable, "-m", "tools.benchmarks.reading_video", way, str(path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, megabytes = json.loads(told.stdout.splitlines()[-1])
    return seconds, megabytes


def _main() -> None:
    way, path = sys.argv[1:]
    work = WAYS[way](Path(path))
    before, began = peak_bytes(), time.perf_counter()
    work()
    print(json.dumps([time.perf_counter() - began, (peak_bytes() - before) / 2**20]))


if __name__ == "__main__":
    _main()
