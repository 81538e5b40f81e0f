"""A long clip is read in bounded memory, whatever its length, and its end is seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from tests.conftest import Times
from tests.support.media_files import clip, numbered_frame

FPS = 2
# In a process of its own, so that nothing else counts.
READ = """
import json, psutil, sys, time
from model.conversation import Video
from model.settings import VisionSettings
from model.media.sampling import sample_times
from model.media.video import frames, probe
from tests.support.media_files import number_of

rss = lambda: psutil.Process().memory_info().rss
video, began = Video(sys.argv[1]), time.perf_counter()
moments = sample_times(probe(video), VisionSettings(video_max_frames=768))
numbers, before, most = [], rss(), 0
for _, frame in frames(video, moments):
    numbers.append(number_of(frame))
    most = max(most, rss() - before)
print(json.dumps([numbers, moments, most, time.perf_counter() - began]))
"""


def minutes_of_video(path: Path, minutes: int) -> Path:
    """Two numbered frames a second, each number for two seconds, with a line that moves."""

    def frame(i: int) -> npt.NDArray[np.uint8]:
        picture = Image.fromarray(numbered_frame(i // (2 * FPS) % 256, (320, 240)))
        ImageDraw.Draw(picture).line((0, i % 240, 320, i % 240), (90, 90, 90))
        return np.asarray(picture)

    return clip(path, [frame(i) for i in range(minutes * 60 * FPS)], fps=FPS, keyframe_every=50)


def test_a_long_clip_is_seen_to_its_end_in_bounded_memory(
    tmp_path: Path, times: Times, capsys: pytest.CaptureFixture[str]
) -> None:
    minutes = times(1, nightly=25)
    path = minutes_of_video(tmp_path / "a.mp4", minutes)
    ran = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, check=True)
    numbers, moments, more_bytes, seconds = json.loads(ran.stdout)
    with capsys.disabled():
        print(f"\n{minutes} min of video: {len(moments)} frames, {more_bytes / 2**20:.0f} MB, {seconds:.1f} s")  # fmt: skip
    assert len(moments) == min(768, minutes * 120)
    assert moments[-1] > minutes * 60 - 3
    assert numbers == [int(at * FPS + 1e-3) // (2 * FPS) % 256 for at in moments]
    assert more_bytes < 100 * 2**20, "768 frames take 177 MB"
