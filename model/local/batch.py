"""Several greedy answers at once: their prompts are padded to one length, and each step gives a token of every answer.

Knows nothing of sessions. Nothing is reused from earlier turns, and nothing is kept.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from transformers import GenerationConfig, StoppingCriteria

from model.answers.reasoning import answer_in
from model.backend import Cancel, Usage
from model.engine import prefill
from model.engine.cache.kv_cache import KVCache
from model.engine.constraint.processor import require_not_outgrown
from model.engine.engine import Engine
from model.engine.generation import PREFILL_CHUNK_TOKENS
from model.engine.grouped_attention import grouped_attention
from model.engine.logits.finite import FiniteLogitsProcessor, not_finite_error
from model.engine.repetition import RepetitionDetector
from model.engine.streamer import StopWhen
from model.prompt.sampling_arguments import sampling_arguments
from model.prompt.token_ids import PlaceholderRange, Prompt
from model.prompt.token_text import decoded
from model.serving.media_piece import Ready
from model.settings import GenerationSettings

# Prompts that are answered together, and their tokens with the padding and the answers: beyond this, memory grows and
# speed does not.
MAX_ROWS = 8
MAX_PADDED_TOKENS = 65_536


def split(prompts: Sequence[Prompt], max_new_tokens: int) -> Iterator[list[int]]:
    """Yield the indices of prompts that fit into one batch. Prompts of similar length need little padding."""
    batch: list[int] = []
    for i in sorted(range(len(prompts)), key=lambda i: len(prompts[i])):
        padded = (len(batch) + 1) * (len(prompts[i]) + max_new_tokens)
        if batch and (len(batch) == MAX_ROWS or padded > MAX_PADDED_TOKENS):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def answer(
    engine: Engine,
    prompts: Sequence[Prompt],
    settings: GenerationSettings,
    media: Ready[torch.Tensor],
    requested_at: float,
) -> list[tuple[str, Usage]]:
    """Answer all prompts with greedy decoding. media: pixels by content hash.

    requested_at: `time.perf_counter()` of the request. Raises `ContextError` if a prompt leaves no tokens for an answer,
    and `DemoError`.
    """
    model, end_token, threads = engine.model, min(engine.end_tokens), engine.decode_threads
    room = [min(settings.max_new_tokens, engine.max_answer_tokens(prompt)) for prompt in prompts]
    ids, mask, positions = _padded(model, prompts, end_token)
    cache, finite, rows = KVCache(), FiniteLogitsProcessor(end_token), _Rows(engine, room, settings)
    matchers = engine.schemas.matchers(settings.json_schema, len(prompts))
    held = engine.schemas.processors(matchers, prompts)
    criteria: list[StoppingCriteria] = [rows]
    if on_cpu := engine.device == "cpu":
        criteria.append(StopWhen(threads.token_done))
    with grouped_attention(model):
        _prefill(engine, prompts, media, (ids, mask, positions), cache)
        with threads.decoding() if on_cpu else nullcontext():
            output = model.generate(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                cache=cache,
                generation_config=GenerationConfig(
                    **sampling_arguments(settings, max(room)),
                    eos_token_id=sorted(engine.end_tokens),
                    pad_token_id=end_token,
                ),
                stopping_criteria=criteria,
                logits_processor=[*held, finite],
            )
    if finite.failed:
        raise not_finite_error()
    require_not_outgrown(held)
    written, work = output[:, ids.shape[1] :].tolist(), _work(prompts, media)
    return [
        rows.answer(row, prompt, settings, written[row], requested_at, next(work))
        for row, prompt in enumerate(prompts)
    ]


def _work(prompts: Sequence[Prompt], media: Ready[torch.Tensor]) -> Iterator[tuple[int, int]]:
    """Yield the items that are encoded for each prompt, and the images and frames that are decoded for it.

    An item of several prompts is counted for the shortest one.
    """
    encoded: set[str] = set()
    for prompt in prompts:
        new = {item.content_hash() for item in prompt.items} - encoded
        encoded |= new
        frames = sum(media.frames.get(name, 0) for name in new)
        yield len(new), frames


def _padded(
    model: Any, prompts: Sequence[Prompt], pad: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The prompts' ids and attention mask, (rows, longest) int, and positions, (4, rows, longest) int, padded on the left."""
    longest = max(map(len, prompts))
    ids = torch.full((len(prompts), longest), pad, device=model.device)
    mask = torch.zeros_like(ids)
    positions = torch.zeros((4, *ids.shape), dtype=ids.dtype, device=ids.device)
    for row, prompt in enumerate(prompts):
        own = torch.tensor([prompt.ids], device=model.device)
        start = longest - len(prompt)
        ids[row, start:], mask[row, start:] = own[0], 1
        positions[:, row, start:] = prefill.position_ids(model, prompt, own)[:, 0]
    return ids, mask, positions


def _prefill(
    engine: Engine,
    prompts: Sequence[Prompt],
    media: Ready[torch.Tensor],
    padded: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    cache: KVCache,
) -> None:
    """Encode the items, equal ones once, and read all prompts but their last tokens."""
    ids, mask, positions = padded
    items = [item for prompt in prompts for item in prompt.items]
    features: dict[str, torch.Tensor] = {}
    for item in items:
        if (name := item.content_hash()) not in features:
            encoded = engine.vision_encoder.encode(item, media.values[name], Cancel(), [])
            assert encoded is not None  # nobody cancels
            features[name] = encoded
    prefill.prefill_in_chunks(
        engine.model,
        ids,
        positions,
        cache,
        list(_shifted_spans(prompts, ids.shape[1])),
        lambda span: features[items[span.item].content_hash()],
        until=ids.shape[1] - 1,
        chunk=max(1, PREFILL_CHUNK_TOKENS[engine.device] // len(prompts)),
        cancel=Cancel(),
        report=lambda *_: None,
        mask=mask,
    )


def _shifted_spans(prompts: Sequence[Prompt], length: int) -> Iterator[PlaceholderRange]:
    """Yield the ranges of prompts that are padded on the left to `length`, with the items of all prompts in one list."""
    before = 0
    for prompt in prompts:
        padding = length - len(prompt)
        for span in prompt.spans:
            yield replace(span, start=span.start + padding, item=span.item + before)
        before += len(prompt.items)


class _Rows(StoppingCriteria):  # type: ignore[misc]  # transformers ships no types for it
    """Ends each row at its own end, and measures when its tokens came."""

    def __init__(self, engine: Engine, room: Sequence[int], settings: GenerationSettings) -> None:
        """room: the number of tokens that each answer may have."""
        self._engine, self._room = engine, room
        self._stop_repetition = engine.stops_repetition(settings)
        self._repetitions = [RepetitionDetector() for _ in room]
        self._tokens = 0
        self._first_at = 0.0
        self._ended_at = [0.0 for _ in room]
        # Tokens of each row that has ended.
        self._lengths: dict[int, int] = {}

    def __call__(
        self, input_ids: torch.Tensor, _scores: torch.Tensor, **_kwargs: Any
    ) -> torch.Tensor:
        """Shape (rows,) bool."""
        self._tokens += 1
        latest = input_ids[:, -1].tolist()
        now = time.perf_counter()
        self._first_at = self._first_at or now
        for row, token in enumerate(latest):
            if row not in self._lengths:
                self._ended_at[row] = now
                if self._ends(row, token):
                    self._lengths[row] = self._tokens
        ended = [row in self._lengths for row in range(len(latest))]
        return torch.tensor(ended, device=input_ids.device)

    def _ends(self, row: int, token: int) -> bool:
        ended = token in self._engine.end_tokens or self._tokens >= self._room[row]
        ended = ended or self._repetitions[row].is_repeating
        # One token late, as a single answer's are read.
        if self._stop_repetition and not ended:
            self._repetitions[row].add(token)
        return ended

    def answer(
        self,
        row: int,
        prompt: Prompt,
        settings: GenerationSettings,
        tokens: list[int],
        requested_at: float,
        work: tuple[int, int],
    ) -> tuple[str, Usage]:
        """tokens: of the row, with the padding after its end; work: see `_work`."""
        tokens = tokens[: self._lengths.get(row, self._tokens)]
        stopped = bool(tokens) and tokens[-1] in self._engine.end_tokens
        decoding_s = self._ended_at[row] - self._first_at
        looping = self._repetitions[row].is_repeating
        usage = Usage(
            prompt_tokens=len(prompt),
            reused_tokens=0,
            visual_tokens=prompt.visual_tokens,
            new_tokens=len(tokens) - stopped,
            ttft_s=self._first_at - requested_at,
            decode_tokens_per_s=(len(tokens) - 1) / decoding_s if decoding_s > 0 else 0.0,
            stop_reason="stop" if stopped else "loop" if looping else "length",
            seed=settings.seed or 0,
            **settings.drawing,
            vision_encodes=work[0],
            decoded_frames=work[1],
            prefilled_tokens=len(prompt) - 1,
        )
        written = tokens[: len(tokens) - stopped]
        text = decoded(self._engine.processor.tokenizer, written)
        return answer_in(text, thinks=prompt.thinks), usage
