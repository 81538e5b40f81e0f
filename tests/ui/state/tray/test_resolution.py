"""One item's own resolution: what it makes of the page's settings, and what a browser may ask for."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

from model.backend import Cancel, collected
from model.conversation import Conversation, Image, Text, Video
from model.errors import SettingError
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files
from ui.state.tray.resolution import AUTO, Resolution, resolution_of

PAGE = VisionSettings(max_tokens=400, video_max_tokens_per_frame=64)


def test_left_alone_it_follows_the_page() -> None:
    assert AUTO.applied(PAGE) == PAGE


@pytest.mark.parametrize(("level", "tokens", "per_frame"), [("low", 100, 16), ("medium", 200, 32), ("high", 800, 128)])  # fmt: skip
def test_levels_are_parts_of_what_the_page_allows(level: str, tokens: int, per_frame: int) -> None:
    vision = Resolution(level).applied(PAGE)
    assert (vision.max_tokens, vision.video_max_tokens_per_frame) == (tokens, per_frame)


def test_a_level_below_the_smallest_size_lowers_that_too() -> None:
    vision = Resolution("low").applied(VisionSettings(min_tokens=300, max_tokens=400))
    assert (vision.min_tokens, vision.max_tokens) == (100, 100)


def test_a_number_of_tokens_is_met_from_both_sides() -> None:
    vision = Resolution("tokens", tokens=150).applied(PAGE)
    assert (vision.min_tokens, vision.max_tokens) == (150, 150)


def test_an_exact_size_is_taken_as_it_is() -> None:
    vision = Resolution("exact", width=280, height=140).applied(PAGE)
    assert (vision.resized_width, vision.resized_height) == (280, 140)


def test_a_level_makes_the_pages_exact_size_smaller_in_both_directions() -> None:
    vision = Resolution("low").applied(VisionSettings(resized_width=280, resized_height=140))
    assert (vision.resized_width, vision.resized_height) == (140, 70)


def test_a_share_makes_an_exact_size_smaller_in_both_directions() -> None:
    vision = Resolution("exact", width=280, height=140, share=0.25).applied(PAGE)
    assert (vision.resized_width, vision.resized_height) == (140, 70)


def test_a_clip_has_its_own_frames_and_its_own_part() -> None:
    vision = Resolution(fps=1.0, frames=8, start=2.0, end=5.0).applied(PAGE)
    assert (vision.video_fps, vision.video_max_frames) == (1.0, 8)
    assert (vision.video_start_s, vision.video_end_s) == (2.0, 5.0)
    assert vision.max_tokens == PAGE.max_tokens


@pytest.mark.parametrize(
    "posted",
    [
        {"level": "huge"}, {"level": ["low"]}, {"level": "tokens", "tokens": "40"}, {"tokens": 1e9},
        {"width": float("nan")}, {"frames": 2.5}, {"start": float("inf")}, {"fps": True},
    ],
)  # fmt: skip
def test_what_no_browser_of_ours_posts_is_refused(posted: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        resolution_of(posted)


@pytest.mark.parametrize("wished", [Resolution("tokens", tokens=0), Resolution(fps=-1.0), Resolution(start=5.0, end=2.0)])  # fmt: skip
def test_what_is_out_of_range_is_refused_or_brought_into_it(wished: Resolution) -> None:
    try:
        vision = wished.applied(PAGE)
    except SettingError:
        return
    assert vision == PAGE


def test_what_a_browser_posts_comes_back() -> None:
    posted = {
        "op": "set_resolution",
        "id": "x",
        "level": "tokens",
        "tokens": 64,
        "fps": 0.5,
        "end": None,
    }
    assert resolution_of(posted) == Resolution("tokens", tokens=64, fps=0.5)


def a_resolution(rng: random.Random) -> Resolution:
    level = rng.choice(("auto", "low", "medium", "high", "tokens", "exact"))
    share = rng.choice((1.0, rng.uniform(0.02, 1)))
    tokens, width, height = rng.randint(4, 120), rng.randint(28, 300), rng.randint(28, 300)
    return Resolution(level, tokens, width, height, share=share)


@pytest.mark.slow
def test_the_tokens_that_are_shown_are_the_tokens_that_are_used(
    qwen2_vl: LocalBackend, tmp_path: Path
) -> None:
    rng = random.Random(5)
    one = GenerationSettings(max_new_tokens=1)
    for number in range(200):
        size = rng.randint(20, 500), rng.randint(20, 500)
        file = tmp_path / f"{number}.png"
        PillowImage.new("RGB", size, (number, 90, 40)).save(file)
        page = VisionSettings(min_tokens=4, max_tokens=rng.randint(4, 120))
        talk = Conversation().with_user_turn(
            Image(file, a_resolution(rng).applied(page)), Text("?")
        )
        estimate = qwen2_vl.estimate(talk, one)
        # The model refuses features that are not as many as the prompt's visual tokens.
        _, usage = collected(qwen2_vl.stream(talk, one, Cancel()))
        assert estimate.prompt_tokens == usage.prefilled_tokens + 1
        assert estimate.items[0].tokens == usage.visual_tokens


def test_the_frames_that_are_shown_are_the_frames_that_are_used(
    qwen2_vl: LocalBackend, tmp_path: Path
) -> None:
    file, rng = media_files.clip(tmp_path / "a.mp4", 40), random.Random(6)
    one = GenerationSettings(max_new_tokens=1)
    page = VisionSettings(video_max_frames=12, video_max_tokens_per_frame=24)
    for _ in range(12):
        wished = Resolution(rng.choice(("auto", "low", "high")), fps=rng.choice((None, 1.0, 5.0)),
                            frames=rng.choice((None, 4)), start=rng.choice((None, 0.5)))  # fmt: skip
        talk = Conversation().with_user_turn(Video(file, wished.applied(page)), Text("?"))
        estimate = qwen2_vl.estimate(talk, one)
        _, usage = collected(qwen2_vl.stream(talk, one, Cancel()))
        assert estimate.prompt_tokens == usage.prefilled_tokens + 1
        assert estimate.items[0].frames == usage.decoded_frames
