"""What stock transformers makes of a conversation: the yardstick of every fidelity test.

Uses `apply_chat_template`, the processor and `generate` only, and none of `model/` but the values of a
conversation and the frames that were chosen from a clip.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import PIL.Image
import torch
from torchvision.transforms import v2
from transformers.video_utils import VideoMetadata

from model import media, video
from model.conversation import Conversation, Image, Media, Message, Text, Video
from model.families import Geometry
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from model.vision import exact_size

GEOMETRY = Geometry()


def stock_prompt(
    backend: LocalBackend, conversation: Conversation, settings: GenerationSettings
) -> str:
    """The prompt text of the checkpoint's own template."""
    messages: list[dict[str, Any]] = []
    if settings.system_prompt:
        messages.append({"role": "system", "content": settings.system_prompt})
    messages += [_message(message) for message in conversation.messages]
    text: str = backend.processor.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, add_vision_id=settings.vision_ids
    )
    return text


def stock_inputs(
    backend: LocalBackend, conversation: Conversation, settings: GenerationSettings
) -> dict[str, torch.Tensor]:
    """The processor's inputs for `generate`, media at full size, resized by the processor itself.

    A processor call has one size for all its pictures, so it is called once with the first item's; then
    every other item's pixels and grids are made by a call of their own and put in their places.
    """
    items = list(conversation.media)
    inputs = _called(backend, stock_prompt(backend, conversation, settings), items)
    return dict(inputs)


def stock_answer(
    backend: LocalBackend, conversation: Conversation, settings: GenerationSettings
) -> tuple[list[int], str]:
    """The greedy token ids and their text, end-of-turn token left out."""
    inputs = stock_inputs(backend, conversation, settings)
    with torch.inference_mode():
        output = backend.model.generate(
            **inputs,
            do_sample=False,
            temperature=1.0,
            top_p=1.0,
            top_k=0,
            repetition_penalty=settings.repetition_penalty,
            max_new_tokens=settings.max_new_tokens,
        )
    ids = output[0, inputs["input_ids"].shape[1] :].tolist()
    ends = backend.model.generation_config.eos_token_id
    kept = [token for token in ids if token not in ends]
    return kept, backend.processor.tokenizer.decode(kept, skip_special_tokens=False)


def _message(message: Message) -> dict[str, Any]:
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def _part(part: Text | Media) -> dict[str, str]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image" if isinstance(part, Image) else "video"}


def _called(backend: LocalBackend, prompt: str, items: list[Media]) -> dict[str, torch.Tensor]:
    """One processor call per item with its own size, stitched together around one tokenization."""
    processor = backend.processor
    merged: dict[str, list[torch.Tensor]] = {}
    seconds: list[float] = []
    for item in items:
        inputs = _pixels(processor, item)
        seconds += inputs.pop("second_per_grid_ts", [])
        for name, tensor in inputs.items():
            merged.setdefault(name, []).append(tensor)
    stitched = {name: torch.cat(tensors) for name, tensors in merged.items()}
    stitched |= _tokens(processor, prompt, stitched)
    if seconds:
        stitched["second_per_grid_ts"] = torch.tensor(seconds)
    return stitched


def _pixels(processor: Any, item: Media) -> dict[str, Any]:
    """Pixels and grid of one item, by the whole processor with its own placeholder as text."""
    if isinstance(item, Image):
        inputs = processor(
            text=[processor.image_token],
            images=[_exactly(media.open_image(item.path), item)],
            images_kwargs=images_kwargs(item.vision, GEOMETRY),
            return_tensors="pt",
        )
    else:
        times, frames = _frames(item)
        fps = _fps(times)
        frames = np.stack([np.asarray(_exactly(PIL.Image.fromarray(f), item)) for f in frames])
        inputs = processor(
            text=[processor.video_token],
            videos=[frames],
            videos_kwargs=videos_kwargs(item.vision, GEOMETRY)
            | {
                "do_sample_frames": False,
                "video_metadata": [
                    VideoMetadata(len(frames), fps=fps, frames_indices=list(range(len(frames))))
                ],
            },
            return_tensors="pt",
        )
    token_inputs = ("input_ids", "attention_mask", "mm_token_type_ids")
    return {name: value for name, value in inputs.items() if name not in token_inputs}


def _exactly(picture: PIL.Image.Image, item: Media) -> PIL.Image.Image:
    """The picture at the exact size that was asked for, if one was."""
    size = exact_size(item.vision, GEOMETRY)
    if size is None:
        return picture
    bicubic = v2.InterpolationMode.BICUBIC
    pixels = v2.functional.pil_to_tensor(picture)
    resized = v2.functional.resize(pixels, [size[1], size[0]], bicubic)
    exact: PIL.Image.Image = v2.functional.to_pil_image(resized)
    return exact


def _frames(clip: Video) -> tuple[tuple[float, ...], np.ndarray]:
    times = video.choose(video.probe(clip), clip.vision)
    return times, np.stack([pixels for _, pixels in video.frames(clip, times)])


def _fps(times: tuple[float, ...]) -> float:
    distinct = sorted(set(times))
    return (len(distinct) - 1) / (distinct[-1] - distinct[0]) if len(distinct) > 1 else 1.0


def _tokens(
    processor: Any, prompt: str, stitched: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Token ids with the placeholders repeated as the grids say, as the processor does it."""
    merge = processor.image_processor.merge_size**2
    for pad, name in (
        (processor.image_token, "image_grid_thw"),
        (processor.video_token, "video_grid_thw"),
    ):
        for grid in stitched.get(name, torch.empty(0, 3, dtype=torch.long)).tolist():
            prompt = prompt.replace(pad, "\ufdd0" * (int(np.prod(grid)) // merge), 1)
        prompt = prompt.replace("\ufdd0", pad)
    inputs = processor.tokenizer(prompt, return_tensors="pt")
    ids = inputs["input_ids"]
    types = torch.zeros_like(ids)
    types[ids == processor.image_token_id] = 1
    types[ids == processor.video_token_id] = 2
    return {
        "input_ids": ids,
        "attention_mask": inputs["attention_mask"],
        "mm_token_type_ids": types,
    }


def images_kwargs(vision: VisionSettings, geometry: Geometry) -> dict[str, Any]:
    """What makes the stock image processor arrive at `picture_size`.

    With an exact size it must be handed the picture already resized to `exact_size`.
    """
    return _processor_kwargs(vision.min_tokens, vision.max_tokens, vision, geometry)


def videos_kwargs(vision: VisionSettings, geometry: Geometry) -> dict[str, Any]:
    """What makes the stock video processor of Qwen2-VL and 2.5 arrive at `frame_size`.

    To it `size` bounds the pixels of one frame. `cap_pixels_per_frame` would lower that bound for
    long clips behind the person's back, `do_sample_frames` would choose other frames than shown.
    """
    low, high = vision.video_min_tokens_per_frame, vision.video_max_tokens_per_frame
    kwargs = _processor_kwargs(low, high, vision, geometry)
    return {**kwargs, "cap_pixels_per_frame": False, "do_sample_frames": False}


def _processor_kwargs(
    low: int, high: int, vision: VisionSettings, geometry: Geometry
) -> dict[str, Any]:
    if exact_size(vision, geometry):
        return {"do_resize": False}
    token = geometry.token_px**2  # px
    return {"size": {"shortest_edge": low * token, "longest_edge": high * token}}
