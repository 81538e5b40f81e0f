from __future__ import annotations

import logging
import random
from typing import Any

import numpy as np
import pytest
from PIL import Image
from transformers.models.qwen2_vl.image_processing_qwen2_vl import (
    Qwen2VLImageProcessor,
    smart_resize,
)
from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import (
    smart_resize as qwen3_smart_resize,
)

from model.errors import MediaError, SettingError
from model.families import QWEN3_VL, Geometry
from model.prompt.resize import (
    Grid,
    Size,
    exact_size,
    frame_target_size,
    grid,
    image_target_size,
    resize,
    visual_tokens,
)
from model.settings import VisionSettings
from tests.support.stock import images_kwargs, videos_kwargs

QWEN2_VL = Geometry()


def stock_picture(size: Size, vision: VisionSettings) -> Grid:
    """The grid that the stock image processor computes for a picture of `size`."""
    image = Image.new("RGB", size)
    if exact := exact_size(vision, QWEN2_VL):
        image = resize(image, exact)
    out = Qwen2VLImageProcessor()(image, return_tensors="pt", **images_kwargs(vision, QWEN2_VL))
    return as_grid(out["image_grid_thw"])


def stock_clip(size: Size, frames: int, vision: VisionSettings) -> Grid:
    width, height = exact_size(vision, QWEN2_VL) or size
    clip = np.zeros((frames, height, width, 3), np.uint8)
    out = Qwen2VLVideoProcessor()([clip], return_tensors="pt", **videos_kwargs(vision, QWEN2_VL))
    return as_grid(out["video_grid_thw"])


def as_grid(tensor: Any) -> Grid:
    time, height, width = tensor[0].tolist()
    return time, height, width


def random_size(draw: random.Random, longest: int, shortest: int = 1) -> Size:
    """Even over the orders of magnitude, so that slivers and specks are as likely as photos."""
    while True:
        width, height = (
            round(2 ** draw.uniform(np.log2(shortest), np.log2(longest))) for _ in range(2)
        )
        if max(width, height) <= 200 * min(width, height):
            return width, height


def random_bounds(draw: random.Random, most: int) -> tuple[int, int]:
    low, high = sorted(round(2 ** draw.uniform(2, np.log2(most))) for _ in range(2))
    return low, high


@pytest.mark.slow
def test_sizes_are_the_stock_arithmetic_for_any_picture_and_any_bounds() -> None:
    draw = random.Random(1)
    for _ in range(5000):
        low, high = random_bounds(draw, 768)
        width, height = random_size(draw, 30_000)
        pixels = {"min_pixels": low * 784, "max_pixels": high * 784}
        stock_height, stock_width = smart_resize(height, width, 28, **pixels)
        picture = VisionSettings(min_tokens=low, max_tokens=high)
        frames = VisionSettings(video_min_tokens_per_frame=low, video_max_tokens_per_frame=high)
        stock = stock_width, stock_height
        assert image_target_size((width, height), picture, QWEN2_VL) == stock, (
            width,
            height,
            low,
            high,
        )
        assert frame_target_size((width, height), 16, frames, QWEN2_VL) == stock, (
            width,
            height,
            low,
            high,
        )


@pytest.mark.parametrize("seed", range(10))
def test_a_picture_gets_the_size_that_the_stock_processor_gives_it(seed: int) -> None:
    draw = random.Random(seed)
    low, high = random_bounds(draw, 150)
    vision = VisionSettings(min_tokens=low, max_tokens=high)
    size = random_size(draw, 600)
    assert grid(image_target_size(size, vision, QWEN2_VL), 1, QWEN2_VL) == stock_picture(
        size, vision
    )


@pytest.mark.parametrize("seed", range(10))
def test_a_frame_gets_the_size_that_the_stock_processor_gives_it(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    draw = random.Random(seed)
    low, high = random_bounds(draw, 60)
    vision = VisionSettings(video_min_tokens_per_frame=low, video_max_tokens_per_frame=high)
    # Below 5 px the stock processor cannot tell an array's channels from its rows.
    size, frames = random_size(draw, 300, shortest=5), draw.randint(1, 7)
    ours = grid(frame_target_size(size, frames, vision, QWEN2_VL), frames, QWEN2_VL)
    with caplog.at_level(logging.WARNING):
        assert ours == stock_clip(size, frames, vision)
    assert not caplog.records  # no setting is left to a default that is about to change


def test_a_long_clip_keeps_its_frame_size() -> None:
    vision = VisionSettings(video_min_tokens_per_frame=4, video_max_tokens_per_frame=9)
    processor = Qwen2VLVideoProcessor(max_video_tokens=100)  # 4 tokens a frame when it caps them
    clip = np.zeros((40, 84, 84, 3), np.uint8)
    stock = processor([clip], return_tensors="pt", **videos_kwargs(vision, QWEN2_VL))
    ours = grid(frame_target_size((84, 84), 40, vision, QWEN2_VL), 40, QWEN2_VL)
    assert ours == as_grid(stock["video_grid_thw"]) == (20, 6, 6)


@pytest.mark.parametrize("seed", range(4))
def test_an_exact_size_survives_the_stock_processors(seed: int) -> None:
    draw = random.Random(seed)
    width, height = draw.randint(28, 300), draw.randint(28, 300)
    vision = VisionSettings(resized_width=width, resized_height=height)
    size = random_size(draw, 300)
    assert grid(image_target_size(size, vision, QWEN2_VL), 1, QWEN2_VL) == stock_picture(
        size, vision
    )
    assert grid(frame_target_size(size, 3, vision, QWEN2_VL), 3, QWEN2_VL) == stock_clip(
        size, 3, vision
    )


def test_an_exact_size_wins_over_the_token_bounds_and_is_rounded_to_whole_tokens() -> None:
    vision = VisionSettings(max_tokens=4, resized_width=100, resized_height=60)
    assert image_target_size((1000, 1000), vision, QWEN2_VL) == (112, 56)
    assert frame_target_size((1000, 1000), 2, vision, QWEN2_VL) == (112, 56)


def test_the_smallest_exact_size_is_one_token() -> None:
    vision = VisionSettings(resized_width=28, resized_height=28)
    size = image_target_size((1000, 1000), vision, QWEN2_VL)
    assert visual_tokens(grid(size, 1, QWEN2_VL), QWEN2_VL) == 1


@pytest.mark.parametrize("width, height", [(28_000, 28_000), (28 * 201, 28), (28, 28 * 300)])
def test_an_exact_size_that_no_model_takes_is_refused_by_name(width: int, height: int) -> None:
    vision = VisionSettings(resized_width=width, resized_height=height)
    with pytest.raises(SettingError, match="resized_width"):
        image_target_size((100, 100), vision, QWEN2_VL)


@pytest.mark.parametrize("size", [(20_000, 1), (1, 20_000), (2001, 10)])
def test_a_sliver_is_refused_with_the_remedy(size: Size) -> None:
    with pytest.raises(MediaError, match=f"{size[0]}x{size[1]}.*crop"):
        image_target_size(size, VisionSettings(), QWEN2_VL)
    with pytest.raises(MediaError, match="crop"):
        frame_target_size(size, 2, VisionSettings(), QWEN2_VL)


def test_the_longest_sliver_that_stock_takes_is_taken() -> None:
    vision = VisionSettings()
    assert grid(image_target_size((2000, 10), vision, QWEN2_VL), 1, QWEN2_VL) == stock_picture(
        (2000, 10), vision
    )


def test_a_photo_costs_one_token_per_28_pixels_square() -> None:
    size = image_target_size((1120, 840), VisionSettings(), QWEN2_VL)
    assert size == (1120, 840)
    assert visual_tokens(grid(size, 1, QWEN2_VL), QWEN2_VL) == 40 * 30


@pytest.mark.parametrize("frames, pairs", [(1, 1), (2, 1), (3, 2), (16, 8)])
def test_two_frames_share_their_tokens(frames: int, pairs: int) -> None:
    assert visual_tokens(grid((280, 140), frames, QWEN2_VL), QWEN2_VL) == pairs * 50


def test_a_picture_costs_qwen3_vl_one_token_per_32_pixels_square() -> None:
    qwen3 = QWEN3_VL.geometry
    size = image_target_size((1024, 700), VisionSettings(), qwen3)
    assert (qwen3.token_px, size) == (32, (1024, 704))
    assert visual_tokens(grid(size, 1, qwen3), qwen3) == 32 * 22


def test_qwen3_vls_own_processor_leaves_every_size_alone() -> None:
    """That of a server, with the bounds of the official preprocessor_config.json."""
    draw = random.Random(3)
    stock = Qwen2VLImageProcessor(
        patch_size=16, size={"shortest_edge": 65_536, "longest_edge": 16_777_216}
    )
    originals = [(1000, 700), *(random_size(draw, 3000) for _ in range(60))]
    wishes = [VisionSettings(max_tokens=most) for most in (4, 64, 100, 1280)]
    for original in originals:
        if max(original) > 200 * min(original):
            continue
        for vision in wishes:
            width, height = image_target_size(original, vision, QWEN3_VL.geometry)
            out = stock(Image.new("RGB", (width, height)), return_tensors="pt")
            assert as_grid(out["image_grid_thw"]) == (1, height // 16, width // 16)
    exact = VisionSettings(resized_width=64, resized_height=96)
    assert image_target_size((500, 500), exact, QWEN3_VL.geometry) == (224, 320)


@pytest.mark.parametrize("frames", [2, 4, 64, 320, 768])
def test_qwen3_vls_own_processor_leaves_every_clip_alone(frames: int) -> None:
    vision = VisionSettings(video_max_tokens_per_frame=768)
    for original in ((1920, 1080), (100, 3000), (64, 64), (1280, 1280)):
        width, height = frame_target_size(original, frames, vision, QWEN3_VL.geometry)
        bounds = {"min_pixels": 4096, "max_pixels": 25_165_824}
        stock = qwen3_smart_resize(frames, height, width, factor=32, **bounds)
        assert stock == (height, width)


def test_resizing_is_bicubic_and_leaves_the_right_size_alone() -> None:
    image = Image.effect_noise((60, 40), 50)
    assert resize(image, (60, 40)) is image
    assert resize(image, (28, 56)) == image.resize((28, 56), Image.Resampling.BICUBIC)
