"""Reads the new part of a prompt into a KV cache, chunk by chunk.

Between chunks it reports progress and looks at the cancel flag, so a long prompt can be watched and
stopped. The language-model head never runs on the prompt: the last token is left to `generate`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from model.backend import Cancel
from model.engine.cache.kv_cache import KVCache
from model.prompt.token_ids import PlaceholderRange

ReportTokens = Callable[[int, int], None]  # tokens done, tokens in all


def position_ids(
    model: Any,
    ids: torch.Tensor,
    token_types: torch.Tensor,
    grids: dict[str, torch.Tensor],
) -> torch.Tensor:
    """Positions of the whole prompt, (4, 1, len): plain ones, then M-RoPE's time, row and column.

    ids, token_types: (1, len); grids: `image_grid_thw`, `video_grid_thw`, `second_per_grid_ts`.
    """
    positions, _ = model.model.get_rope_index(ids, mm_token_type_ids=token_types, **grids)
    plain = torch.arange(ids.shape[1], device=ids.device).expand(1, 1, -1)
    return torch.cat([plain, positions])


def prefill_in_chunks(
    model: Any,
    ids: torch.Tensor,
    positions: torch.Tensor,
    cache: KVCache,
    spans: Sequence[PlaceholderRange],
    features_of: Callable[[int], torch.Tensor],
    *,
    until: int,
    chunk: int,
    cancel: Cancel,
    report: ReportTokens,
) -> int:
    """Read `ids[:, cached:until]` into `cache` and say how many tokens were read before a cancel.

    ids: (1, len); positions: (4, 1, len); features_of(i): (tokens, hidden) of span i, asked for only when
    a chunk needs it.
    """
    start = int(cache.get_seq_length())
    at = start
    while at < until and not cancel.is_set():
        end = min(at + chunk, until)
        model.model(
            input_ids=ids[:, at:end],
            position_ids=positions[:, :, at:end],
            cache=cache,
            mm_encoder_outputs=_encoder_outputs(spans, features_of, at, end),
            use_cache=True,
        )
        at = end
        report(at - start, until - start)
    return at - start


def _encoder_outputs(
    spans: Sequence[PlaceholderRange], features_of: Callable[[int], torch.Tensor], at: int, end: int
) -> dict[str, BaseModelOutputWithPooling]:
    """The rows of vision features whose tokens stand in `at..end`, by kind."""
    rows: dict[str, list[torch.Tensor]] = {}
    for i, span in enumerate(spans):
        first, last = max(at, span.start), min(end, span.end)
        if first < last:
            features = features_of(i)[first - span.start : last - span.start]
            rows.setdefault(span.kind, []).append(features)
    return {kind: BaseModelOutputWithPooling(pooler_output=tuple(r)) for kind, r in rows.items()}
