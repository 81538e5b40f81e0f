"""Chunked prefill: reads the uncached part of a prompt into a KV cache.

Between chunks it reports progress and checks the cancel flag. The language-model head does not run on the prompt:
`generate` reads the last token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from model.backend import Cancel
from model.engine.cache.kv_cache import KVCache
from model.prompt.token_ids import PlaceholderRange, Prompt

# Called with the number of tokens that were read, and of those to read in total.
ReportTokens = Callable[[int, int], None]


@dataclass
class EncoderOutput(BaseModelOutputWithPooling):  # type: ignore[misc]  # transformers ships no types for it
    """What a model's vision encoder returns. deepstack_features: of Qwen3-VL, for each layer."""

    deepstack_features: list[tuple[torch.Tensor, ...]] | None = None


def position_ids(model: Any, prompt: Prompt, ids: torch.Tensor) -> torch.Tensor:
    """Position ids of the whole prompt, (4, 1, len) int: text positions, then M-RoPE's time, row and column.

    ids: (1, len) int, the prompt's ids on the model's device.
    """
    token_types = torch.zeros_like(ids)  # 0 for text, 1 for images, 2 for videos
    for span in prompt.spans:
        token_types[0, span.start : span.end] = 1 if span.kind == "image" else 2
    grids: dict[str, torch.Tensor] = {}
    for kind in ("image", "video"):
        if of_kind := [item.grid for item in prompt.items if item.kind == kind]:
            grids[f"{kind}_grid_thw"] = torch.tensor(of_kind, device=ids.device)
    if seconds := [item.seconds_per_grid for item in prompt.items if item.kind == "video"]:
        grids["second_per_grid_ts"] = torch.tensor(seconds, device=ids.device)
    positions, _ = model.model.get_rope_index(ids, mm_token_type_ids=token_types, **grids)
    plain = torch.arange(ids.shape[1], device=ids.device).expand(1, 1, -1)
    return torch.cat([plain, positions])


def prefill_in_chunks(
    model: Any,
    ids: torch.Tensor,
    positions: torch.Tensor,
    cache: KVCache,
    spans: Sequence[PlaceholderRange],
    features_of: Callable[[PlaceholderRange], torch.Tensor],
    *,
    until: int,
    chunk: int,
    cancel: Cancel,
    report: ReportTokens,
    mask: torch.Tensor | None = None,
) -> int:
    """Read `ids[:, cached:until]` into `cache`. Returns the number of tokens read, fewer if cancelled.

    ids: (rows, len) int; positions: (4, rows, len) int; spans: of all rows, one row after the other; chunk: tokens of a
    row per forward pass; features_of(span): the features of its item, see `VisionEncoder.encode`, called only when a
    chunk contains a part of the span;
    mask: (rows, len) int, 0 where a row is padded.
    """
    start = int(cache.get_seq_length())
    at = start
    while at < until and not cancel.is_set():
        end = min(at + chunk, until)
        model.model(
            input_ids=ids[:, at:end],
            position_ids=positions[:, :, at:end],
            attention_mask=None if mask is None else mask[:, :end],
            cache=cache,
            mm_encoder_outputs=_encoder_outputs(model, spans, features_of, at, end),
            use_cache=True,
        )
        at = end
        report(at - start, until - start)
    return at - start


def _encoder_outputs(
    model: Any,
    spans: Sequence[PlaceholderRange],
    features_of: Callable[[PlaceholderRange], torch.Tensor],
    at: int,
    end: int,
) -> dict[str, EncoderOutput]:
    """The vision features of the tokens in `at..end`, by kind, as the model's encoders would return them."""
    rows: dict[str, list[torch.Tensor]] = {}
    for span in spans:
        first, last = max(at, span.start), min(end, span.end)
        if first < last:
            skipped = span.first - span.start
            features = features_of(span)[first + skipped : last + skipped]
            rows.setdefault(span.kind, []).append(features)
    hidden = model.config.get_text_config().hidden_size
    return {kind: _encoder_output(torch.cat(r), hidden) for kind, r in rows.items()}


def _encoder_output(features: torch.Tensor, hidden: int) -> EncoderOutput:
    """features: (tokens, hidden), with deepstack (tokens, hidden + layers * hidden)."""
    output, *deepstack = features.split(hidden, dim=1)
    return EncoderOutput(
        pooler_output=(output,), deepstack_features=[(layer,) for layer in deepstack]
    )
