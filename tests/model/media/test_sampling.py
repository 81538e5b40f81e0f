"""Which moments of a clip the model sees, beside those that the stock processor takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from transformers import Qwen2VLVideoProcessor
from transformers.video_utils import VideoMetadata

from model.conversation import Video
from model.media.sampling import sample_times
from model.media.video import frames, probe
from model.settings import VisionSettings
from tests.support.media_files import clip, number_of, solid

# When each frame of a clip is shown, in s, and how long the clip is.
VARIED: dict[str, tuple[Sequence[float], float]] = {
    "slides": ([0, 10, 20, 30, 40, 50], 50.1),
    "one of them late": ([0, 1, 2, 3, 30], 30.1),
    "one of them early": ([0, 27, 28, 29, 30], 30.1),
    "a still screen with two lively seconds": (
        [0, *(20 + i / 4 for i in range(9)), 59],
        59.1,
    ),
    "two frames": ([0, 8], 8.1),
    "three frames": ([0, 0.2, 4], 4.1),
    "lively first": ([*(i / 10 for i in range(20)), 10], 10.1),
    "lively last": ([0, *(8 + i / 10 for i in range(20))], 10),
    "dropped frames": ([i / 10 for i in range(60) if i % 7 not in (2, 3, 4)], 6),
    "a phone whose rate halves in the dark": (
        [*(i / 20 for i in range(40)), *(2 + i / 5 for i in range(15))],
        5,
    ),
    "a burst in a minute": (
        [*(i * 5 for i in range(6)), *(30 + i / 10 for i in range(40)), 60],
        60.1,
    ),
    "cuts a minute apart": ([0, 60, 61, 120, 121], 121.1),
    "a second": ([0, 0.1, 0.2, 0.9], 1.0),
}


def shown(path: Path, vision: VisionSettings) -> list[int]:
    """The numbers of the frames that the model sees."""
    video = Video(path, vision)
    times = sample_times(probe(video), vision)
    return [number_of(frame) for _, frame in frames(video, times)]


def stock(count: int, seconds: float, fps: float) -> list[int]:
    metadata = VideoMetadata(total_num_frames=count, fps=count / seconds, duration=seconds)
    taken = Qwen2VLVideoProcessor().sample_frames(metadata, fps=fps)
    return [int(index) for index in taken]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("name", VARIED)
def test_a_clip_of_a_variable_rate_shows_no_fewer_frames_than_stock_takes(
    tmp_path: Path, name: str, suffix: str
) -> None:
    stamps, seconds = VARIED[name]
    codec = "vp9" if suffix == ".webm" else "h264"
    path = clip(tmp_path / f"a{suffix}", len(stamps), times=stamps, codec=codec)
    seen = shown(path, VisionSettings(video_max_frames=768))
    assert seen == sorted(seen)
    assert len(set(seen)) >= len(set(stock(len(stamps), seconds, 2.0)))
    if len(stamps) <= 2 * seconds:
        assert sorted(set(seen)) == list(range(len(stamps))), "each frame once"


@pytest.mark.parametrize("name", VARIED)
def test_the_last_frame_of_a_variable_rate_is_seen(tmp_path: Path, name: str) -> None:
    stamps, _ = VARIED[name]
    path = clip(tmp_path / "a.mp4", len(stamps), times=stamps)
    assert shown(path, VisionSettings(video_max_frames=8))[-1] == len(stamps) - 1


def test_a_part_of_a_variable_rate_begins_with_what_is_on_screen(tmp_path: Path) -> None:
    stamps, _ = VARIED["slides"]
    path = clip(tmp_path / "a.mp4", len(stamps), times=stamps)
    assert shown(path, VisionSettings(video_start_s=15, video_end_s=35)) == [1, 2, 3, 3]


@pytest.mark.parametrize(
    "seconds, count", [(5.005, 10), (10.01, 20), (1.001, 2), (3.0, 6), (2.75, 6)]
)
def test_a_rest_of_a_few_milliseconds_makes_no_repeated_pair(
    tmp_path: Path, seconds: float, count: int
) -> None:
    fps = 30000 / 1001
    video = Video(clip(tmp_path / "a.mp4", round(seconds * fps), fps=fps))
    times = sample_times(probe(video), VisionSettings())
    assert len(times) == len(set(times)) == count


@pytest.mark.parametrize("count, fps", [(4, 4.0), (7, 30.0), (3, 0.5), (12, 1.0)])
def test_a_list_of_pictures_is_used_whole_unless_a_rate_is_asked_for(
    tmp_path: Path, count: int, fps: float
) -> None:
    pictures = tuple(solid(tmp_path / f"{i}.png") for i in range(count))
    facts = probe(Video(frames=pictures, fps=fps))
    times = sample_times(facts, VisionSettings())
    assert len(set(times)) == count
    slower = sample_times(facts, VisionSettings(video_fps=fps / 4))
    assert len(set(slower)) == -(-count // 4)
