"""How long the first word will take, judged by the turns before."""

from __future__ import annotations

from collections.abc import Sequence

from model.backend import Usage


def seconds_to_first_word(usages: Sequence[Usage | None], tokens: int) -> float | None:
    """Expected wait for a prompt of which `tokens` are new; None before two turns were measured.

    A line through the measured turns: what every turn costs, and what every token costs.
    """
    seen = [(usage.prefilled_tokens, usage.ttft_s) for usage in usages if usage]
    if len(seen) < 2:
        return None
    mean_tokens = sum(read for read, _ in seen) / len(seen)
    mean_s = sum(seconds for _, seconds in seen) / len(seen)
    spread = sum((read - mean_tokens) ** 2 for read, _ in seen)
    rise = sum((read - mean_tokens) * (seconds - mean_s) for read, seconds in seen)
    per_token = max(0.0, rise / spread) if spread else mean_s / max(1.0, mean_tokens)
    per_turn = max(0.0, mean_s - per_token * mean_tokens)
    return per_turn + per_token * tokens
