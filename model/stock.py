"""A turn as stock transformers answers it: what Verify runs, and what Reproduce prints.

Nothing of this project takes part in it. `model/script.py` prints these functions as they stand here, so
that what is verified and what is printed are the same.
"""

from __future__ import annotations

import copy
import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import av
import numpy as np
import torch
from PIL import Image, ImageOps
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2.functional import pil_to_tensor, resize
from transformers.video_utils import VideoMetadata


def flat(path: str) -> Image.Image:
    """The picture upright, over white, with 8 bits to a colour."""
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith(("I", "F")):  # 16 bits, or 32 that do not say which level is white
        levels = np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0)
        usual = {"I": (255, 65535), "F": (1, 255, 65535)}.get(image.mode, (65535,))
        white = next((white for white in usual if levels.max() <= white), levels.max())
        levels = np.rint(np.clip(levels / white, 0, 1) * 255)
        image = Image.fromarray(levels.astype(np.uint8))
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert("RGB")


def picture(path: str, width: int, height: int) -> torch.Tensor:
    """The picture as the model saw it, at this size. (3, height, width)"""
    return resize(pil_to_tensor(flat(path)), [height, width], InterpolationMode.BICUBIC)


def upright(frame: av.VideoFrame) -> np.ndarray:
    """The frame as a player turns and mirrors it. (height, width, 3)"""
    pixels = frame.to_ndarray(format="rgb24")
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix:
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5] / 2**16
        pixels = pixels[::-1] if a * d < b * c else pixels
    return np.rot90(pixels, frame.rotation // 90).copy()


def shown(path: str) -> Iterator[tuple[float, av.VideoFrame]]:
    """The clip's frames and since when each is on screen, in seconds; what is broken is left out."""
    with av.open(path) as container:
        start = max(0, container.start_time or 0) / av.time_base
        # AVI says when frames are decoded. They come out in the order of showing, so that is what counts.
        avi, stamps = container.format.name == "avi", deque[float]()
        for packet in container.demux(video=0):
            if avi and packet.size and packet.dts is not None:
                stamps.append(float(packet.dts * packet.time_base))
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                yield (stamps.popleft() if stamps else frame.time) - start, frame


def clip(path: str, width: int, height: int, times: Sequence[float]) -> torch.Tensor:
    """The frames on screen at these seconds, at this size. (frames, 3, height, width)"""

    def pixels(frame: av.VideoFrame) -> torch.Tensor:
        stored = torch.from_numpy(upright(frame)).permute(2, 0, 1)
        return resize(stored, [height, width], InterpolationMode.BICUBIC)

    seen: list[torch.Tensor] = []
    frames = shown(path)
    _, latest = next(frames)
    for at, frame in frames:
        while len(seen) < len(times) and at > times[len(seen)] + 1e-3:
            seen.append(pixels(latest))
        if len(seen) == len(times):
            break
        latest = frame
    return torch.stack([*seen, *(pixels(latest) for _ in times[len(seen) :])])


def inputs_of(
    processor: Any,
    prompt: str,
    pictures: Sequence[torch.Tensor] = (),
    clips: Sequence[torch.Tensor] = (),
    rates: Sequence[float] = (),
) -> Any:
    """What the model gets; pictures and clips have their final size. rates: of the clips, in frames/s."""
    sampled = [
        VideoMetadata(len(clip), fps=rate, frames_indices=list(range(len(clip))))
        for clip, rate in zip(clips, rates, strict=True)
    ]
    return processor(
        text=[prompt],
        images=list(pictures) or None,
        videos=list(clips) or None,
        images_kwargs={"do_resize": False},
        videos_kwargs={
            "do_resize": False,
            "do_sample_frames": False,
            "cap_pixels_per_frame": False,
            "video_metadata": sampled or None,
        },
        return_tensors="pt",
    )


def inputs_with_typed(processor: Any, prompt: str, **media: Any) -> Any:
    """The same for a prompt in which some added tokens are text that somebody typed.

    These stand behind a U+E000 and are tokenized as the characters they are; all others are live. A U+E000
    that was typed itself has a U+E001 behind it.
    """
    live = {t.content: i for i, t in processor.tokenizer.added_tokens_decoder.items()}
    pattern = "|".join(map(re.escape, sorted(live, key=len, reverse=True)))
    tokenizer = copy.deepcopy(processor.tokenizer)  # one in which all of them can be split
    tokenizer.add_tokens(list(live), special_tokens=True)
    plain, *rest = re.split(f"(?<!\ue000)({pattern})", prompt)
    pads = (processor.image_token, processor.video_token)
    inputs = inputs_of(processor, "\n".join(token for token in rest if token in pads), **media)
    merged = processor.image_processor.merge_size**2  # patches in one token
    counts = {
        pad: iter([int(grid.prod()) // merged for grid in inputs.get(f"{kind}_grid_thw", ())])
        for pad, kind in zip(pads, ("image", "video"), strict=True)
    }

    def typed(text: str) -> list[int]:
        text = re.sub("\ue000(\ue001?)", lambda mark: "\ue000" if mark[1] else "", text)
        ids: list[int] = tokenizer(text, split_special_tokens=True).input_ids
        return ids

    ids = typed(plain)
    for token, text in zip(rest[::2], rest[1::2], strict=True):
        ids += repeat(live[token], next(counts[token]) if token in pads else 1)
        ids += typed(text)
    inputs["input_ids"] = torch.tensor([ids])
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    kinds = [(processor.image_token_id, 1), (processor.video_token_id, 2)]
    inputs["mm_token_type_ids"] = sum((inputs["input_ids"] == i) * kind for i, kind in kinds)
    return inputs


def generated(model: Any, inputs: Any, seed: int, **settings: Any) -> list[int]:
    """The tokens of the answer."""
    torch.manual_seed(seed)
    with torch.inference_mode():
        output = model.generate(**inputs.to(model.device), **settings)
    answer: list[int] = output[0, inputs["input_ids"].shape[1] :].tolist()
    return answer
