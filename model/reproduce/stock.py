"""Answers a turn with stock transformers alone. Verify runs these functions, and Reproduce prints them.

`model/reproduce/script.py` prints them as they are written here, so the printed code is the verified code.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2.functional import resize
from transformers.video_utils import VideoMetadata

from model.media.stock_files import flat, on_screen


def at_size(pixels: np.ndarray, width: int, height: int) -> torch.Tensor:
    """Resize pixels (height, width, 3) to (3, height, width), as the stock processors do."""
    stored = torch.from_numpy(pixels).permute(2, 0, 1)
    return resize(stored, [height, width], InterpolationMode.BICUBIC)


def picture(path: str, width: int, height: int) -> torch.Tensor:
    """Load an image at this size. (3, height, width) uint8"""
    return at_size(np.array(flat(path)), width, height)


def clip(path: str, width: int, height: int, times: Sequence[float]) -> torch.Tensor:
    """Load a video's frames at these times in seconds, at this size. (frames, 3, height, width) uint8"""
    return torch.stack([at_size(frame, width, height) for frame in on_screen(path, times)])


def inputs_of(
    processor: Any,
    prompt: str,
    pictures: Sequence[torch.Tensor] = (),
    clips: Sequence[torch.Tensor] = (),
    times: Sequence[Sequence[float]] = (),
    rates: Sequence[float] = (),
) -> Any:
    """Return the model's inputs. pictures, clips: at their final size; times, rates: of the clips, in s and frames/s."""
    sampled = [
        VideoMetadata(len(at), fps=rate, frames_indices=[second * rate for second in at])
        for at, rate in zip(times, rates, strict=True)
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
    """Return the model's inputs for a prompt with typed control tokens.

    A token after U+E000 was typed and is tokenized as plain characters; all others are active. U+E000 U+E001 stands for
    a typed U+E000.
    """
    live = {t.content: i for i, t in processor.tokenizer.added_tokens_decoder.items()}
    pattern = "|".join(map(re.escape, sorted(live, key=len, reverse=True)))
    tokenizer = copy.deepcopy(processor.tokenizer)  # its added tokens can be split
    tokenizer.add_tokens(list(live), special_tokens=True)
    plain, *rest = re.split(f"(?<!\ue000)({pattern})", prompt)
    pads = (processor.image_token, processor.video_token)
    end = processor.tokenizer.eos_token
    inputs = inputs_of(processor, end.join(token for token in rest if token in pads), **media)
    made = groupby(inputs["input_ids"][0].tolist(), live[end].__eq__)
    expanded = (list(tokens) for is_end, tokens in made if not is_end)

    def typed(text: str) -> list[int]:
        text = re.sub("\ue000(\ue001?)", lambda mark: "\ue000" if mark[1] else "", text)
        ids: list[int] = tokenizer(text, split_special_tokens=True).input_ids
        return ids

    ids = typed(plain)
    for token, text in zip(rest[::2], rest[1::2], strict=True):
        ids += [*(next(expanded) if token in pads else [live[token]]), *typed(text)]
    inputs["input_ids"] = torch.tensor([ids])
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    kinds = [(processor.image_token_id, 1), (processor.video_token_id, 2)]
    inputs["mm_token_type_ids"] = sum((inputs["input_ids"] == i) * kind for i, kind in kinds)
    return inputs


def held_to(processor: Any, schema: str, prompt_tokens: int, ends: Any, thinks: bool) -> Any:
    """Return a logits processor that excludes all tokens with which the answer does not fit the JSON schema.

    ends: the end tokens' ids; thinks: the data begin after a reasoning.
    """
    from llguidance import LLMatcher, hf

    ends = [ends] if isinstance(ends, int) else list(ends)
    compact: Any = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
    grammar = LLMatcher.grammar_from_json_schema(schema, overrides=compact)
    matcher = LLMatcher(hf.from_tokenizer(processor.tokenizer, eos_token=ends), grammar)
    begins = None if thinks else prompt_tokens

    def hold(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        nonlocal begins
        if begins is None:
            if "</think>" not in processor.decode(ids[0, prompt_tokens:]):
                return scores.index_fill(-1, torch.tensor(ends, device=scores.device), -torch.inf)
            begins = ids.shape[1]
        if ids.shape[1] > begins:
            matcher.consume_token(int(ids[0, -1]))
        mask = np.frombuffer(matcher.compute_bitmask(), np.uint8)
        bits = torch.from_numpy(np.unpackbits(mask, bitorder="little")[: scores.shape[-1]])
        allowed = torch.zeros(scores.shape[-1], dtype=torch.bool)
        allowed[: len(bits)] = bits.bool()
        return scores.masked_fill(~allowed.to(scores.device), -torch.inf)

    return hold


def generated(model: Any, inputs: Any, seed: int, **settings: Any) -> list[int]:
    """Generate the token ids of the answer."""
    torch.manual_seed(seed)
    with torch.inference_mode():
        output = model.generate(**inputs.to(model.device), **settings)
    answer: list[int] = output[0, inputs["input_ids"].shape[1] :].tolist()
    return answer
