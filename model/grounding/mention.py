"""A place as an answer writes it, not yet scaled to an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Mention:
    """Written in `answer[start:end]`. The numbers are two or four, x and y by turns."""

    label: str
    numbers: Numbers
    start: int
    end: int


def extent(corners: Sequence[float]) -> Numbers:
    """The upright rectangle around these corners."""
    xs, ys = corners[::2], corners[1::2]
    return min(xs), min(ys), max(xs), max(ys)
