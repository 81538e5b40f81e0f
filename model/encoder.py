"""Pictures and clips through the stock processor and the vision tower, slice by slice.

Frames are resized one by one as they are decoded and become float pixels only for the slice that is being
encoded, so memory follows the sampled frames at their final size, never the clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tvf

from model import pixels
from model.backend import Cancel
from model.decoding import Pixels
from model.visual_item import VisualItem

Report = Callable[[float, float], None]

SLICE_TOKENS = 1024  # visual tokens that go through the vision tower at once, for clips


@dataclass(frozen=True)
class Encoded:
    """features: (visual tokens, hidden); decoded: pictures and frames that were really decoded."""

    features: torch.Tensor
    decoded: int


class _CancelledError(Exception):
    pass


class VisionEncoder:
    """One checkpoint's processor and vision tower."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._images = processor.image_processor
        self._videos = processor.video_processor

    def encode(self, item: VisualItem, cancel: Cancel, report: Report) -> Encoded | None:
        """The vision features of one item, None if cancelled. Raises `MediaError`."""
        try:
            with self._between_blocks(cancel):
                frames = pixels.decoded(item, cancel, report)
                if item.kind == "video":
                    return self._clip(frames, item, cancel)
                (picture,) = frames
                return Encoded(self._picture(as_tensor(picture), item.size), 1)
        except _CancelledError:
            return None

    @contextmanager
    def _between_blocks(self, cancel: Cancel) -> Iterator[None]:
        """Inside, the vision tower looks at `cancel` before each of its layers, and raises `_CancelledError`.

        A large picture takes a CPU minutes, and unlike a prompt it cannot be read in chunks.
        """

        def look(*_: object) -> None:
            if cancel.is_set():
                raise _CancelledError

        hooks = [block.register_forward_pre_hook(look) for block in self._model.model.visual.blocks]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _picture(self, picture: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """picture: (3, h, w) uint8; gives (tokens, hidden)."""
        inputs = self._images(resized(picture, size), do_resize=False, return_tensors="pt")
        output = self._model.model.get_image_features(
            inputs["pixel_values"].to(self._model.device),
            inputs["image_grid_thw"].to(self._model.device),
            return_dict=True,
        )
        return torch.cat(output.pooler_output)

    def _clip(self, frames: Iterator[Pixels], item: VisualItem, cancel: Cancel) -> Encoded | None:
        features, decoded = [], 0
        for frame_slice in slices(frames, item):
            if cancel.is_set():
                return None
            features.append(self._frames(frame_slice))
            decoded += len(frame_slice)
        if cancel.is_set():
            return None
        return Encoded(torch.cat(features), decoded)

    def patchified(self, frames: torch.Tensor) -> Any:
        """frames: (n, 3, h, w) uint8 at their final size; gives the stock processor's inputs."""
        return self._videos(
            [frames],
            do_resize=False,
            do_sample_frames=False,
            cap_pixels_per_frame=False,
            return_tensors="pt",
        )

    def _frames(self, frames: torch.Tensor) -> torch.Tensor:
        """frames: (n, 3, h, w) uint8 at their final size; gives (tokens, hidden)."""
        inputs = self.patchified(frames)
        output = self._model.model.get_video_features(
            inputs["pixel_values_videos"].to(self._model.device),
            inputs["video_grid_thw"].to(self._model.device),
            return_dict=True,
        )
        return torch.cat(output.pooler_output)


def resized(pixels: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(..., h, w) uint8 at `size` (width, height), with the stock processor's own interpolation."""
    width, height = size
    return tvf.resize(
        pixels, [height, width], interpolation=InterpolationMode.BICUBIC, antialias=True
    )


def as_tensor(frame: Pixels) -> torch.Tensor:
    """(height, width, 3) as (3, height, width), without a copy."""
    return torch.from_numpy(frame).permute(2, 0, 1)


def slices(frames: Iterator[Pixels], item: VisualItem) -> Iterator[torch.Tensor]:
    """Stacks of an even number of resized frames, (n, 3, h, w) uint8.

    Cutting between pairs is exact: the vision tower attends within one step of the grid only.
    """
    tokens_per_pair = item.tokens // item.grid[0]
    longest = 2 * max(1, SLICE_TOKENS // tokens_per_pair)
    held: list[torch.Tensor] = []
    for frame in frames:
        held.append(resized(as_tensor(frame), item.size))
        if len(held) == longest:
            yield torch.stack(held)
            held = []
    if held:
        yield torch.stack(held)
