"""The random numbers with which tokens are drawn."""

from __future__ import annotations

from typing import Any

import torch


def seed_after(model: Any, seed: int, drawn: int) -> None:
    """Seed as if `drawn` tokens of the answer had been drawn since, each from one row of the vocabulary."""
    torch.manual_seed(seed)
    if not drawn:
        return
    even = torch.ones(1, model.config.get_text_config().vocab_size, device=model.device)
    for _ in range(drawn):
        torch.multinomial(even, num_samples=1)
