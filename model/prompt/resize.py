"""The resizing of the Qwen-VL processors: the size of an image or frame as the model sees it, and its visual tokens.

All sizes are (width, height) in pixels. Knows nothing of files or models.
"""

from __future__ import annotations

import math

from PIL import Image

from model.errors import LocalizedText, MediaError, SettingError, SettingName
from model.families import Geometry
from model.settings import MAX_IMAGE_TOKENS, VisionSettings

# From `smart_resize` of transformers, which refuses longer images.
MAX_ASPECT_RATIO = 200

# Width and height in pixels.
Size = tuple[int, int]
# Temporal, vertical and horizontal patches.
Grid = tuple[int, int, int]


def image_target_size(
    original: Size,
    vision: VisionSettings,
    geometry: Geometry,
    *,
    name: str = LocalizedText("The picture"),
) -> Size:
    """Return the size at which the model sees an image, as the stock image processor computes it.

    Raises `MediaError`, which names the image by `name`, for an image beyond `MAX_ASPECT_RATIO`, and `SettingError` for
    an exact size that is not possible.
    """
    size = exact_size(vision, geometry) or smart_resize(
        original, vision.min_tokens, vision.max_tokens, geometry, name
    )
    if visual_tokens(grid(size, 1, geometry), geometry) < geometry.min_tokens:
        return smart_resize(size, geometry.min_tokens, MAX_IMAGE_TOKENS, geometry, name)
    return size


def frame_target_size(
    original: Size,
    frames: int,
    vision: VisionSettings,
    geometry: Geometry,
    *,
    name: str = LocalizedText("The clip"),
) -> Size:
    """Return the size at which the model sees each frame of a video, as the stock video processor computes it.

    frames: the number of sampled frames; Qwen3-VL's bounds per frame shrink with it. Raises as `image_target_size`.
    """
    low, high = vision.video_min_tokens_per_frame, vision.video_max_tokens_per_frame
    if geometry.max_video_tokens:
        steps = grid((0, 0), frames, geometry)[0]
        high = min(high, max(1, geometry.max_video_tokens // steps))
        low = min(low, high)
    return exact_size(vision, geometry) or smart_resize(original, low, high, geometry, name)


def exact_size(vision: VisionSettings, geometry: Geometry) -> Size | None:
    """Return the exact size of the settings, each side rounded to whole tokens, or None without one.

    The stock processors have no such setting, so the caller resizes before. Raises `SettingError`.
    """
    if vision.resized_width is None or vision.resized_height is None:
        return None
    px = geometry.token_px
    width = max(1, round(vision.resized_width / px)) * px
    height = max(1, round(vision.resized_height / px)) * px
    if visual_tokens(grid((width, height), 1, geometry), geometry) > MAX_IMAGE_TOKENS:
        raise SettingError(
            "{exact_width} and {exact_height} ask for {width}x{height} pixels; "
            "at most {most:,} tokens of {px}x{px} are possible.",
            exact_width=SettingName("resized_width"),
            exact_height=SettingName("resized_height"),
            width=width,
            height=height,
            most=MAX_IMAGE_TOKENS,
            px=px,
        )
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise SettingError(
            "{exact_width} and {exact_height} ask for {width}x{height} pixels; "
            "one side can be at most {ratio} times the other.",
            exact_width=SettingName("resized_width"),
            exact_height=SettingName("resized_height"),
            width=width,
            height=height,
            ratio=MAX_ASPECT_RATIO,
        )
    return width, height


def grid(size: Size, frames: int, geometry: Geometry) -> Grid:
    """Return the (t, h, w) patches of a resized image (`frames=1`) or video."""
    width, height = size
    pairs = -(-frames // geometry.temporal_patch_size)  # an odd last frame is repeated
    return pairs, height // geometry.patch_size, width // geometry.patch_size


def visual_tokens(grid: Grid, geometry: Geometry) -> int:
    """Return the number of prompt tokens of a grid: one per `merge_size`² patches."""
    return math.prod(grid) // geometry.merge_size**2


def resize(image: Image.Image, size: Size) -> Image.Image:
    """Resize bicubically, as the processors do. For previews and servers."""
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def smart_resize(
    original: Size, min_tokens: int, max_tokens: int, geometry: Geometry, name: str
) -> Size:
    """`smart_resize` of transformers' models/qwen2_vl/image_processing_qwen2_vl.py, with bounds in tokens.

    It keeps the aspect ratio as far as whole tokens allow, and can miss the bounds by a few tokens where a side is one
    token long, or where a small image is rounded up. Raises `MediaError` beyond `MAX_ASPECT_RATIO`.
    """
    width, height = original
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise MediaError(
            "{name} is {width}x{height} pixels; one side can be at most {ratio} times "
            "the other, so crop it and attach it again.",
            name=name,
            width=width,
            height=height,
            ratio=MAX_ASPECT_RATIO,
        )
    px = geometry.token_px
    fewest, most = min_tokens * px**2, max_tokens * px**2
    rounded = round(width / px) * px, round(height / px) * px
    if math.prod(rounded) > most:
        shrink = math.sqrt((height * width) / most)
        width, height = (max(px, math.floor(s / shrink / px) * px) for s in original)
        return width, height
    if math.prod(rounded) < fewest:
        grow = math.sqrt(fewest / (height * width))
        width, height = (math.ceil(s * grow / px) * px for s in original)
        return width, height
    return rounded
