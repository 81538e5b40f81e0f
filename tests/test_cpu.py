"""The dtype that a CPU gets is the one that it is faster in."""

from __future__ import annotations

import time

import pytest
import torch

from model import cpu


@pytest.mark.parametrize(
    ("slow", "preferred"),
    [("float32", True), ("bfloat16", False), ("", False)],
    ids=["matrix units", "emulated", "alike"],
)
def test_bfloat16_is_preferred_where_it_is_clearly_faster(
    slow: str, preferred: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[-1])

    def linear(rows: torch.Tensor, weights: torch.Tensor) -> None:
        assert rows.dtype == weights.dtype
        clock.append(clock[-1] + (0.02 if str(rows.dtype).endswith(slow) and slow else 0.01))

    monkeypatch.setattr(torch.nn.functional, "linear", linear)
    monkeypatch.setattr(cpu, "LAYER", (4, 8))
    cpu.prefers_bfloat16.cache_clear()
    assert cpu.prefers_bfloat16() is preferred
    cpu.prefers_bfloat16.cache_clear()
