"""Images and videos through the stock processor and the vision tower.

Frames are resized one by one while they are decoded, and a video is encoded in slices. So the memory holds the sampled
frames as uint8 at their final size, and float pixels of one slice.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tvf

from model.backend import Cancel
from model.media.reader import IN_THIS_PROCESS, MediaReader
from model.media.video import VideoProgress
from model.prompt.visual_item import VisualItem

# Visual tokens of a video that go through the vision tower at once. Their float32 pixels take 19 MB.
SLICE_TOKENS = 1024


class _CancelledError(Exception):
    pass


class VisionEncoder:
    """The image and video processors and the vision tower of one checkpoint."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._images = processor.image_processor
        self._videos = processor.video_processor

    def encode(
        self, item: VisualItem, frames: torch.Tensor, cancel: Cancel, done: list[torch.Tensor]
    ) -> torch.Tensor | None:
        """The vision features of one item, (tokens, hidden); None if cancelled.

        Qwen3-VL's deepstack features, which its first layers add, follow in each row: (tokens, hidden + layers * hidden).
        frames: the result of `prepare_pixels`; done: the features of the slices that an earlier, cancelled call has
        encoded. New slices are appended to it.
        """
        parts = split_into_slices(frames, item) if item.kind == "video" else [frames]
        try:
            with self._cancellable(cancel):
                for part in parts[len(done) :]:
                    if cancel.is_set():
                        return None
                    done.append(self._features(item.kind, part))
        except _CancelledError:
            return None
        return torch.cat(done)

    @contextmanager
    def _cancellable(self, cancel: Cancel) -> Iterator[None]:
        """Inside, the vision tower checks `cancel` before each of its layers, and raises `_CancelledError`.

        A large image takes minutes on a CPU, and cannot be encoded in slices.
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

    def patchify(self, frames: torch.Tensor) -> Any:
        """frames: (n, 3, h, w) uint8 at their final size; returns the inputs that the stock processor makes of them."""
        return self._videos(
            [frames],
            do_resize=False,
            do_sample_frames=False,
            cap_pixels_per_frame=False,
            return_tensors="pt",
        )

    def _features(self, kind: str, frames: torch.Tensor) -> torch.Tensor:
        """frames: (n, 3, h, w) uint8 at their final size, one for an image; returns (tokens, hidden)."""
        if kind == "image":
            inputs = self._images(list(frames), do_resize=False, return_tensors="pt")
            pixels, encode = inputs["pixel_values"], self._model.model.get_image_features
        else:
            inputs = self.patchify(frames)
            pixels, encode = inputs["pixel_values_videos"], self._model.model.get_video_features
        device = self._model.device
        output = encode(pixels.to(device), inputs[f"{kind}_grid_thw"].to(device), return_dict=True)
        layers = [output.pooler_output, *getattr(output, "deepstack_features", ())]
        return torch.cat([torch.cat(features) for features in layers], dim=1)


def resize(pixels: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize (..., h, w) uint8 to `size` (width, height) with the interpolation of the stock processor."""
    width, height = size
    return tvf.resize(
        pixels, [height, width], interpolation=InterpolationMode.BICUBIC, antialias=True
    )


def prepare_pixels(
    item: VisualItem, cancel: Cancel, report: VideoProgress, reader: MediaReader = IN_THIS_PROCESS
) -> Generator[None, None, torch.Tensor]:
    """Decode and resize an item. Returns its frames, one for an image: (n, 3, h, w) uint8. Raises `MediaError`.

    Yields after each frame, so that the caller can pause it. If cancelled, the result is incomplete.
    """
    width, height = item.size
    frames = torch.empty((len(item.times) or 1, 3, height, width), dtype=torch.uint8)
    pixels = reader.pixels(item.media, item.times, cancel, report)
    for own_size, frame in zip(pixels, frames, strict=False):
        frame.copy_(resize(torch.from_numpy(own_size).permute(2, 0, 1), item.size))
        yield
    return frames


def pixels_nbytes(item: VisualItem) -> int:
    """The size in bytes of what `prepare_pixels` returns."""
    width, height = item.size
    return 3 * width * height * (len(item.times) or 1)


def split_into_slices(frames: torch.Tensor, item: VisualItem) -> list[torch.Tensor]:
    """Split a video's frames into slices of about `SLICE_TOKENS` visual tokens.

    A slice has an even number of frames. Slicing between pairs is exact, because the vision tower attends only within
    one temporal step, which is a pair of frames.
    """
    tokens_per_pair = item.tokens // item.grid[0]
    longest = 2 * max(1, SLICE_TOKENS // tokens_per_pair)
    return [frames[at : at + longest] for at in range(0, len(frames), longest)]
