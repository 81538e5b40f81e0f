"""Prepared pictures and clips through the stock processor and the vision tower, slice by slice.

Frames are resized one by one as they are decoded and become float pixels only for the slice that is being
encoded, so memory follows the sampled frames at their final size, never the clip.
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

SLICE_TOKENS = 1024  # visual tokens that go through the vision tower at once, for clips


class _CancelledError(Exception):
    pass


class VisionEncoder:
    """One checkpoint's processor and vision tower."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._images = processor.image_processor
        self._videos = processor.video_processor

    def encode(
        self, item: VisualItem, frames: torch.Tensor, cancel: Cancel, done: list[torch.Tensor]
    ) -> torch.Tensor | None:
        """The vision features of one item, (tokens, hidden); None if cancelled.

        frames: what `prepare_pixels` gave; done: the features of the slices that went through before, to which more are added.
        """
        parts = split_into_slices(frames, item) if item.kind == "video" else [frames]
        encode = self._encode_video if item.kind == "video" else self._encode_image
        try:
            with self._cancellable(cancel):
                for part in parts[len(done) :]:
                    if cancel.is_set():
                        return None
                    done.append(encode(part))
        except _CancelledError:
            return None
        return torch.cat(done)

    @contextmanager
    def _cancellable(self, cancel: Cancel) -> Iterator[None]:
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

    def _encode_image(self, image: torch.Tensor) -> torch.Tensor:
        """image: (1, 3, h, w) uint8 at its final size; gives (tokens, hidden)."""
        inputs = self._images(list(image), do_resize=False, return_tensors="pt")
        output = self._model.model.get_image_features(
            inputs["pixel_values"].to(self._model.device),
            inputs["image_grid_thw"].to(self._model.device),
            return_dict=True,
        )
        return torch.cat(output.pooler_output)

    def patchify(self, frames: torch.Tensor) -> Any:
        """frames: (n, 3, h, w) uint8 at their final size; gives the stock processor's inputs."""
        return self._videos(
            [frames],
            do_resize=False,
            do_sample_frames=False,
            cap_pixels_per_frame=False,
            return_tensors="pt",
        )

    def _encode_video(self, frames: torch.Tensor) -> torch.Tensor:
        """frames: (n, 3, h, w) uint8 at their final size; gives (tokens, hidden)."""
        inputs = self.patchify(frames)
        output = self._model.model.get_video_features(
            inputs["pixel_values_videos"].to(self._model.device),
            inputs["video_grid_thw"].to(self._model.device),
            return_dict=True,
        )
        return torch.cat(output.pooler_output)


def resize(pixels: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(..., h, w) uint8 at `size` (width, height), with the stock processor's own interpolation."""
    width, height = size
    return tvf.resize(
        pixels, [height, width], interpolation=InterpolationMode.BICUBIC, antialias=True
    )


def prepare_pixels(
    item: VisualItem, cancel: Cancel, report: VideoProgress, reader: MediaReader = IN_THIS_PROCESS
) -> Generator[None, None, torch.Tensor]:
    """The frames of a clip, or a picture as one, at their final size: (n, 3, h, w) uint8. Raises `MediaError`.

    A step for each of them. If cancelled, what comes out does not matter.
    """
    width, height = item.size
    frames = torch.empty((len(item.times) or 1, 3, height, width), dtype=torch.uint8)
    pixels = reader.pixels(item.media, item.times, cancel, report)
    for own_size, frame in zip(pixels, frames, strict=False):
        frame.copy_(resize(torch.from_numpy(own_size).permute(2, 0, 1), item.size))
        yield
    return frames


def pixels_nbytes(item: VisualItem) -> int:
    """What `prepare_pixels` gives, in bytes."""
    width, height = item.size
    return 3 * width * height * (len(item.times) or 1)


def split_into_slices(frames: torch.Tensor, item: VisualItem) -> list[torch.Tensor]:
    """An even number of frames each, but for the last.

    Cutting between pairs is exact: the vision tower attends within one step of the grid only.
    """
    tokens_per_pair = item.tokens // item.grid[0]
    longest = 2 * max(1, SLICE_TOKENS // tokens_per_pair)
    return [frames[at : at + longest] for at in range(0, len(frames), longest)]
