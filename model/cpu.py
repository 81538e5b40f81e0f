"""Which dtype this machine's cores compute faster in."""

from __future__ import annotations

import functools
import time

import torch

LAYER = (1536, 8960)  # the widest of Qwen2-VL-2B: features in, features out
TOKENS = (1, 32)  # decoding, and a piece of a prompt
CLEARLY = 1.2  # times faster: anything less is not worth bfloat16's rounding
REPEATS = 20


@functools.cache
def prefers_bfloat16() -> bool:
    """Whether one layer of Qwen2-VL-2B is clearly faster in bfloat16 than in float32, for one token and for many.

    Measured once, which takes half a second: cores with matrix units for bfloat16 are up to 7 times faster, those that
    have to emulate it are slower.
    """
    weights = torch.zeros(LAYER[1], LAYER[0])
    return all(
        _seconds(weights, tokens) > CLEARLY * _seconds(weights.bfloat16(), tokens)
        for tokens in TOKENS
    )


def _seconds(weights: torch.Tensor, tokens: int) -> float:
    """The fastest of a few products with so many rows."""
    rows = torch.zeros(tokens, weights.shape[1], dtype=weights.dtype)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        torch.nn.functional.linear(rows, weights)
        times.append(time.perf_counter() - start)
    return min(times)
