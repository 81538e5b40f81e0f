"""How much of something one address may take, so that another finds some left."""

from __future__ import annotations

ALONE, BESIDE_OTHERS = 0.75, 0.5


def share(budget: float, others: float) -> float:
    """What one address may have of `budget`, where all others have taken `others` of it."""
    return budget * (BESIDE_OTHERS if others else ALONE)
