"""Lowering the resolution of what is attached until the message fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ui.state.tray.attachment import Attachment

HALVINGS = 9  # of the interval in which the right share of the tokens lies
MAX_ESTIMATES = HALVINGS + 3  # that one fitting takes
SMALLEST = 1 / 512

Count = Callable[[Sequence[Attachment]], int]  # prompt tokens of the draft with these items


def fitted(items: Sequence[Attachment], count: Count, budget: int) -> list[Attachment] | None:
    """The items at the highest common share of their tokens that keeps the prompt within `budget`.

    The items themselves if they fit; None if they do not fit at any resolution.
    """
    if count(items) <= budget:
        return list(items)
    low, high = SMALLEST, 1.0
    best = _shared(items, low)
    if count(best) > budget:
        return None
    for _ in range(HALVINGS):
        share = (low * high) ** 0.5  # evenly in ratios: 1/4 lies between 1/16 and 1
        trial = _shared(items, share)
        if count(trial) <= budget:
            best, low = trial, share
        else:
            high = share
    return best


def _shared(items: Sequence[Attachment], share: float) -> list[Attachment]:
    return [
        replace(item, resolution=replace(item.resolution, share=item.resolution.share * share))
        for item in items
    ]
