"""The share of a budget that one address may use, so that some is left for others."""

from __future__ import annotations

ALONE, BESIDE_OTHERS = 0.75, 0.5


def share(budget: float, others: float) -> float:
    """Return what one address may use of `budget` while all others use `others` of it."""
    return budget * (BESIDE_OTHERS if others else ALONE)
