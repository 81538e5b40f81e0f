"""Replays answers through stock transformers and finds the first token that differs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import torch
from transformers import StoppingCriteria

from model.answers.reasoning import OPENED, answer_in
from model.errors import DemoError
from model.media.reader import IN_THIS_PROCESS, MediaReader
from model.reproduce import stock
from model.reproduce.generation_record import GenerationRecord, ProcessedMedia, VerifyResult

# Characters of both answers that are shown at the first difference.
SHOWN = 24


def replay(
    model: Any,
    processor: Any,
    record: GenerationRecord,
    reply: str,
    stopping: Sequence[StoppingCriteria] = (),
    inputs: Any = None,
) -> VerifyResult:
    """Answer the record with stock transformers, and compare the answer with `reply`. Raises `DemoError`.

    inputs: of `inputs_of`, if the caller has them.
    """
    tokenizer = processor.tokenizer
    inputs = inputs or inputs_of(processor, record)
    settings = {**record.generation, "stopping_criteria": list(stopping)}
    ends = {*_listed(model.generation_config.eos_token_id), tokenizer.eos_token_id}
    thinks = record.prompt.rstrip().endswith(OPENED)
    if record.json_schema is not None:
        length = inputs["input_ids"].shape[1]
        held = stock.held_to(processor, record.json_schema, length, sorted(ends), thinks)
        settings["logits_processor"] = [held]
    ids = stock.generated(model, inputs, record.seed, **settings)
    answer = [token for token in ids if token not in ends]
    return compared(tokenizer, answer, reply, thinks=thinks)


def inputs_of(
    processor: Any, record: GenerationRecord, reader: MediaReader = IN_THIS_PROCESS
) -> Any:
    """Return the model's inputs by stock code. Raises `DemoError`, also for an answer that was sampled."""
    if not record.greedy:
        raise DemoError(
            "Only answers at temperature 0 can be verified; the others are drawn by lot."
        )
    return stock_inputs(processor, record, reader)


def stock_inputs(
    processor: Any, record: GenerationRecord, reader: MediaReader = IN_THIS_PROCESS
) -> Any:
    """Return what the stock processor makes of the record's messages and files. Raises `DemoError`."""
    prompt = processor.apply_chat_template(
        record.messages,
        tokenize=False,
        add_generation_prompt=True,
        add_vision_id=record.vision_ids,
    )
    inputs_of = stock.inputs_with_typed if record.has_escaped_control_tokens else stock.inputs_of
    return inputs_of(
        processor,
        prompt,
        pictures=[_load(item, reader) for item in record.images],
        clips=[_load(item, reader) for item in record.videos],
        times=[item.times for item in record.videos],
        rates=[item.fps for item in record.videos],
    )


def _load(item: ProcessedMedia, reader: MediaReader) -> Any:
    """Load an image as (3, height, width), a video as (frames, 3, height, width), uint8. Raises `DemoError`."""
    decoded = reader.as_stock(item.file, item.times)
    frames = [stock.at_size(pixels, item.width, item.height) for pixels in decoded]
    return torch.stack(frames) if item.kind == "video" else frames[0]


def compared(
    tokenizer: Any, ids: Sequence[int], reply: str, *, thinks: bool = False
) -> VerifyResult:
    """Compare stock's token ids, without end tokens, with the recorded text.

    thinks: they begin inside a reasoning, of which nothing is recorded.
    """

    def text(count: int) -> str:
        # Several tokens may make one character.
        return answer_in(str(tokenizer.decode(ids[:count])), thinks=thinks).rstrip("\ufffd")

    whole = answer_in(str(tokenizer.decode(ids)), thinks=thinks)
    if whole == reply:
        return VerifyResult(len(ids))
    wrong = bisect_left(range(1, len(ids) + 1), True, key=lambda n: not reply.startswith(text(n)))
    agreed = len(text(wrong))
    return VerifyResult(len(ids), wrong, reply[agreed:][:SHOWN], whole[agreed:][:SHOWN])


def _listed(tokens: int | list[int]) -> list[int]:
    return tokens if isinstance(tokens, list) else [tokens]
