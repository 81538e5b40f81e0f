"""What stock transformers makes of a conversation: the yardstick of the fidelity tests and of every benchmark.

Uses `apply_chat_template`, the processor and `generate` only, and none of `model/` but the values of a
conversation, opened pictures, and the frames that were chosen from a clip.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
import torch
from torchvision.transforms import v2
from transformers import Qwen3VLVideoProcessor, TextIteratorStreamer
from transformers.video_utils import VideoMetadata, load_video

from model.conversation import Conversation, Image, Media, Message, Text, Video
from model.families import Geometry
from model.local import LocalBackend
from model.media import video
from model.media.image import open_image
from model.media.sampling import sample_times
from model.prompt.resize import exact_size
from model.settings import GenerationSettings, VisionSettings


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

    A processor call has one size for all its pictures and one for all its clips. Where items have sizes of their own, each
    is made by a call of its own.
    """
    prompt, items = stock_prompt(backend, conversation, settings), list(conversation.media)
    visions = {(type(item), item.vision) for item in items}
    alike = len(visions) == len({type(item) for item in items})
    if _bounds_whole_videos(backend.processor):
        alike = (
            alike and len({len(_frames(clip)[0]) for clip in items if isinstance(clip, Video)}) < 2
        )
    called = _called if alike else _stitched
    return called(backend.processor, prompt, items)


def stock_generate(
    backend: LocalBackend,
    inputs: dict[str, torch.Tensor],
    settings: GenerationSettings,
    streamer: TextIteratorStreamer | None = None,
) -> list[int]:
    """The answer's token ids by one call of `generate`, which ends at the same tokens as the backend."""
    sampling = settings.temperature > 0
    ends = sorted(backend.engine.end_tokens)
    torch.manual_seed(settings.seed or 0)
    with torch.inference_mode():
        output = backend.model.generate(
            **{name: tensor.to(backend.model.device) for name, tensor in inputs.items()},
            do_sample=sampling,
            temperature=settings.temperature if sampling else 1.0,
            top_p=settings.top_p if sampling else 1.0,
            # Greedy decoding ignores it, but only the library's default goes without a warning.
            top_k=settings.top_k if sampling else 50,
            repetition_penalty=settings.repetition_penalty,
            max_new_tokens=settings.max_new_tokens,
            eos_token_id=ends,
            pad_token_id=ends[0],
            streamer=streamer,
        )
    ids: list[int] = output[0, inputs["input_ids"].shape[1] :].tolist()
    return ids


def stock_answer(
    backend: LocalBackend, conversation: Conversation, settings: GenerationSettings
) -> tuple[list[int], str]:
    """The token ids and their text, end-of-turn token left out."""
    ids = stock_generate(backend, stock_inputs(backend, conversation, settings), settings)
    return _kept(backend, ids)


@dataclass(frozen=True)
class Streamed:
    """An answer of stock's as a demo streams it."""

    ids: list[int]  # end-of-turn token left out
    text: str
    ttft_s: float  # from the request to the first token
    decode_tokens_per_s: float  # of the tokens after the first; 0 if none came later


def stock_streamed(
    backend: LocalBackend, conversation: Conversation, settings: GenerationSettings
) -> Streamed:
    """The whole conversation through the processor and `generate` in a thread, whose streamer is read meanwhile."""
    asked_at = time.perf_counter()
    streamer = _Clocked(backend.processor.tokenizer, skip_prompt=True)

    def work() -> list[int]:
        try:
            inputs = stock_inputs(backend, conversation, settings)
            return stock_generate(backend, inputs, settings, streamer)
        finally:
            streamer.end()  # else an error would be waited for

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(work)
        for _ in streamer:
            pass
        kept, text = _kept(backend, done.result())
    _, first, *rest = streamer.times
    speed = len(rest) / (rest[-1] - first) if rest else 0.0
    return Streamed(kept, text, first - asked_at, speed)


def stock_clip(processor: Any, path: str, vision: VisionSettings, fps: float) -> Any:
    """A clip's pixels and grid as `apply_chat_template` gets them: `load_video`, then the video processor."""
    frames, metadata = load_video(path, fps=fps, backend="pyav")
    return processor.video_processor(
        [frames],
        video_metadata=[metadata],
        return_tensors="pt",
        **videos_kwargs(vision, Geometry()),
    )


class _Clocked(TextIteratorStreamer):  # type: ignore[misc]  # transformers ships no types for it
    """Notes when tokens come; the prompt comes first. `generate` has fetched them from the device by then."""

    def __init__(self, tokenizer: Any, **options: Any) -> None:
        super().__init__(tokenizer, **options)
        self.times: list[float] = []

    def put(self, value: torch.Tensor) -> None:
        self.times.append(time.perf_counter())
        super().put(value)


def _kept(backend: LocalBackend, ids: list[int]) -> tuple[list[int], str]:
    kept = [token for token in ids if token not in backend.engine.end_tokens]
    return kept, backend.processor.tokenizer.decode(kept, skip_special_tokens=False)


def _message(message: Message) -> dict[str, Any]:
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def _part(part: Text | Media) -> dict[str, str]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image" if isinstance(part, Image) else "video"}


def _called(processor: Any, prompt: str, items: list[Media]) -> dict[str, torch.Tensor]:
    """One processor call, as it is meant."""
    pictures = [item for item in items if isinstance(item, Image)]
    clips = [item for item in items if isinstance(item, Video)]
    inputs = processor(
        text=[prompt],
        return_tensors="pt",
        **(_pictures_kwargs(processor, pictures) if pictures else {}),
        **(_clips_kwargs(processor, clips) if clips else {}),
    )
    return {name: torch.as_tensor(value) for name, value in inputs.items()}


def _stitched(processor: Any, prompt: str, items: list[Media]) -> dict[str, torch.Tensor]:
    """One processor call per item with its own size, stitched together around one tokenization."""
    merged: dict[str, list[torch.Tensor]] = {}
    expanded: list[str] = []
    for item in items:
        pad = processor.image_token if isinstance(item, Image) else processor.video_token
        for name, tensor in _called(processor, pad, [item]).items():
            if name == "input_ids":
                expanded.append(processor.tokenizer.decode(tensor[0]))
            elif name not in ("attention_mask", "mm_token_type_ids"):
                merged.setdefault(name, []).append(tensor)
    stitched = {name: torch.cat(tensors) for name, tensors in merged.items()}
    return stitched | _tokens(processor, prompt, expanded)


def _geometry(processor: Any) -> Geometry:
    images = processor.image_processor
    return Geometry(images.patch_size, images.merge_size, images.temporal_patch_size)


def _pictures_kwargs(processor: Any, pictures: list[Image]) -> dict[str, Any]:
    """Of pictures with the same settings."""
    geometry = _geometry(processor)
    return {
        "images": [_exactly(open_image(picture.path), picture, geometry) for picture in pictures],
        "images_kwargs": images_kwargs(pictures[0].vision, geometry),
    }


def _clips_kwargs(processor: Any, clips: list[Video]) -> dict[str, Any]:
    """Of clips with the same settings, and for Qwen3-VL with as many frames."""
    geometry = _geometry(processor)
    sampled, metadata = [], []
    for clip in clips:
        times, frames = _frames(clip)
        exact = [
            np.asarray(_exactly(PIL.Image.fromarray(frame), clip, geometry)) for frame in frames
        ]
        sampled.append(np.stack(exact))
        rate = _fps(times)
        indices = [at * rate for at in times]
        metadata.append(VideoMetadata(len(frames), fps=rate, frames_indices=indices))
    kwargs = videos_kwargs(clips[0].vision, geometry)
    if bounds := kwargs.get("size") if _bounds_whole_videos(processor) else None:
        kwargs["size"] = {edge: pixels * len(sampled[0]) for edge, pixels in bounds.items()}
    kwargs["video_metadata"] = metadata
    return {"videos": sampled, "videos_kwargs": kwargs}


def _bounds_whole_videos(processor: Any) -> bool:
    """Whether `size` of the video processor bounds the pixels of all frames together."""
    return isinstance(processor.video_processor, Qwen3VLVideoProcessor)


def _exactly(picture: PIL.Image.Image, item: Media, geometry: Geometry) -> PIL.Image.Image:
    """The picture at the exact size that was asked for, if one was."""
    size = exact_size(item.vision, geometry)
    if size is None:
        return picture
    bicubic = v2.InterpolationMode.BICUBIC
    pixels = v2.functional.pil_to_tensor(picture)
    resized = v2.functional.resize(pixels, [size[1], size[0]], bicubic)
    exact: PIL.Image.Image = v2.functional.to_pil_image(resized)
    return exact


def _frames(clip: Video) -> tuple[tuple[float, ...], np.ndarray]:
    times = sample_times(video.probe(clip), clip.vision)
    return times, np.stack([pixels for _, pixels in video.frames(clip, times)])


def _fps(times: tuple[float, ...]) -> float:
    distinct = sorted(set(times))
    return (len(distinct) - 1) / (distinct[-1] - distinct[0]) if len(distinct) > 1 else 1.0


def _tokens(processor: Any, prompt: str, expanded: list[str]) -> dict[str, torch.Tensor]:
    """Token ids with what each placeholder becomes, in order."""
    pads = f"({re.escape(processor.image_token)}|{re.escape(processor.video_token)})"
    first, *rest = re.split(pads, prompt)
    texts = [first, *(part for pair in zip(expanded, rest[1::2], strict=True) for part in pair)]
    inputs = processor.tokenizer("".join(texts), return_tensors="pt")
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
    """What makes the stock image processor arrive at `image_target_size`.

    With an exact size it must be handed the picture already resized to `exact_size`.
    """
    return _processor_kwargs(vision.min_tokens, vision.max_tokens, vision, geometry)


def videos_kwargs(vision: VisionSettings, geometry: Geometry) -> dict[str, Any]:
    """What makes the stock video processor of Qwen2-VL and 2.5 arrive at `frame_target_size`.

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
