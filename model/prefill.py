"""Reads the new part of a prompt into a KV cache, chunk by chunk.

Between chunks it reports progress and looks at the cancel flag, so a long prompt can be watched and
stopped. The language-model head never runs on the prompt: the last token is left to `generate`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPooling

from model.backend import Cancel
from model.prompt import VisualSpan

Report = Callable[[int, int], None]  # tokens done, tokens in all


def positions_of(
    model: Any,
    ids: torch.Tensor,
    token_types: torch.Tensor,
    grids: dict[str, torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    """M-RoPE positions of the whole prompt: (3, 1, len) and the delta (1, 1) for what follows it.

    ids, token_types: (1, len); grids: `image_grid_thw`, `video_grid_thw`, `second_per_grid_ts`.
    """
    positions, delta = model.model.get_rope_index(ids, mm_token_type_ids=token_types, **grids)
    return positions, delta


def read(
    model: Any,
    ids: torch.Tensor,
    positions: torch.Tensor,
    cache: DynamicCache,
    spans: Sequence[VisualSpan],
    features_of: Callable[[int], torch.Tensor],
    *,
    until: int,
    chunk: int,
    cancel: Cancel,
    report: Report,
) -> int:
    """Read `ids[:, cached:until]` into `cache` and say how many tokens were read before a cancel.

    ids: (1, len); positions: (3, 1, len); features_of(i): (tokens, hidden) of span i, asked for only when
    a chunk needs it.
    """
    start = cache.get_seq_length()
    at = start
    while at < until and not cancel.is_set():
        end = min(at + chunk, until)
        model.model(
            input_ids=ids[:, at:end],
            position_ids=positions[:, :, at:end],
            past_key_values=cache,
            mm_encoder_outputs=_encoder_outputs(spans, features_of, at, end),
            use_cache=True,
        )
        at = end
        report(at - start, until - start)
    return at - start


def _encoder_outputs(
    spans: Sequence[VisualSpan], features_of: Callable[[int], torch.Tensor], at: int, end: int
) -> dict[str, BaseModelOutputWithPooling]:
    """The rows of vision features whose tokens stand in `at..end`, by kind."""
    rows: dict[str, list[torch.Tensor]] = {}
    for i, span in enumerate(spans):
        first, last = max(at, span.start), min(end, span.end)
        if first < last:
            features = features_of(i)[first - span.start : last - span.start]
            rows.setdefault(span.kind, []).append(features)
    return {kind: BaseModelOutputWithPooling(pooler_output=tuple(r)) for kind, r in rows.items()}
