"""The stock functions see the same pixels as the program, for every kind of file.

What Verify runs (`model/reproduce/stock.py`) and the yardstick of tests and benchmarks (`tests/support/stock.py`) are one definition of stock.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model.conversation import Conversation, Text, Video
from model.conversation import Image as Picture
from model.engine.vision_encoder import resize
from model.local import LocalBackend
from model.media import video
from model.media.image import open_image
from model.media.sampling import sample_times
from model.reproduce import stock, verify
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files
from tests.support.real_media import real_media
from tests.support.stock import stock_inputs

SIZE = (112, 84)


def assert_seen_alike(clip: Video) -> None:
    times = sample_times(video.probe(clip), clip.vision)
    frames = np.stack([pixels for _, pixels in video.frames(clip, times)])
    ours = resize(torch.from_numpy(frames).permute(0, 3, 1, 2), SIZE)
    assert torch.equal(stock.clip(str(clip.path), *SIZE, times), ours)


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.mkv", "a.mov", "a.ts", "a.avi"])
def test_a_clip_in_any_container(tmp_path: Path, name: str) -> None:
    codec = "vp9" if name.endswith("webm") else "mpeg4" if name.endswith("avi") else "h264"
    clip = media_files.clip(tmp_path / name, 40, codec=codec)
    assert_seen_alike(Video(clip, VisionSettings(video_fps=7.0)))


def test_a_clip_that_does_not_say_when_its_frames_are_shown(tmp_path: Path) -> None:
    clip = media_files.clip(tmp_path / "a.avi", 40, codec="h264")
    assert_seen_alike(Video(clip, VisionSettings(video_fps=7.0)))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_clip_that_is_turned(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    clip = media_files.clip(tmp_path / "a.mp4", 6, degrees=degrees, mirrored=mirrored)
    assert_seen_alike(Video(clip))


def test_a_clip_with_broken_packets(tmp_path: Path) -> None:
    assert_seen_alike(
        Video(media_files.broken_clip(tmp_path / "a.mp4"), VisionSettings(video_fps=5))
    )


def test_a_part_of_a_real_clip() -> None:
    part = VisionSettings(video_start_s=1.3, video_end_s=4.0, video_fps=3.0)
    assert_seen_alike(Video(real_media("videos/world.mp4"), part))


def test_a_long_clip_sampled_sparsely(tmp_path: Path) -> None:
    clip = media_files.clip(tmp_path / "a.mp4", 300)
    assert_seen_alike(Video(clip, VisionSettings(video_max_frames=4)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff"])
def test_a_picture_with_any_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = media_files.exif_rotated(tmp_path / f"a.{suffix}", orientation)
    pixels = torch.from_numpy(np.asarray(open_image(path)).copy()).permute(2, 0, 1)
    assert torch.equal(stock.picture(str(path), *SIZE), resize(pixels, SIZE))


@pytest.mark.parametrize(
    "name, white, kind",
    [
        ("a.png", 65535, np.uint16),
        ("a.tiff", 65535, np.int32),
        ("a.tiff", 255, np.int32),
        ("a.tiff", 1e6, np.int32),
        ("a.tiff", 1, np.float32),
        ("a.tiff", 255, np.float32),
    ],
)
def test_a_picture_with_more_levels(
    tmp_path: Path, name: str, white: float, kind: type[np.generic]
) -> None:
    levels = np.linspace(0, white, 64 * 48).reshape(48, 64).astype(kind)
    path = tmp_path / name
    Image.fromarray(levels).save(path)
    pixels = torch.from_numpy(np.asarray(open_image(path)).copy()).permute(2, 0, 1)
    assert torch.equal(stock.picture(str(path), *SIZE), resize(pixels, SIZE))


@pytest.mark.parametrize("alike", [True, False])
def test_verify_and_the_yardstick_give_the_model_the_same(
    backend: LocalBackend, tmp_path: Path, alike: bool
) -> None:
    """Items with the same settings are in one call of the processor, others in one each."""
    visions = [VisionSettings(max_tokens=most) for most in ([40, 40] if alike else [40, 20])]
    pictures = [
        Picture(media_files.photo(tmp_path / f"{number}.png", (300, 200), seed=number), vision)
        for number, vision in enumerate(visions)
    ]
    clip = Video(media_files.clip(tmp_path / "a.mp4", 40), media_files.SMALL)
    talk = Conversation().with_user_turn(*pictures, clip, Text("Compare them."))
    settings = GenerationSettings()
    yardstick = stock_inputs(backend, talk, settings)
    verified = verify.stock_inputs(backend.processor, backend.generation_record(talk, settings))
    assert {"pixel_values", "pixel_values_videos"} <= set(yardstick) == set(verified)
    for name, tensor in yardstick.items():
        assert torch.equal(tensor, torch.as_tensor(verified[name])), name
