"""Lowering resolutions until a message fits, and saying how long it will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from model.settings import VisionSettings
from ui.state.tray.attachment import Attachment
from ui.state.tray.fitting import fitted
from ui.state.tray.resolution import Resolution

PAGE = VisionSettings(max_tokens=1000)
PICTURE = Attachment("1", "image", "/a.png", "a.png", (64, 48), "/a.png", "/a.png")
EXACT = replace(PICTURE, resolution=Resolution("exact", width=560, height=560))


def count(items: Sequence[Attachment]) -> int:
    """Pictures as large as they may be, and 100 tokens of text."""
    tokens = 100
    for item in items:
        vision = item.resolution.applied(PAGE)
        if vision.resized_width and vision.resized_height:
            tokens += vision.resized_width * vision.resized_height // 28**2
        else:
            tokens += vision.max_tokens
    return tokens


def test_what_fits_is_left_alone() -> None:
    assert fitted([PICTURE, EXACT], count, 1500) == [PICTURE, EXACT]


@pytest.mark.parametrize("budget", [1499, 1200, 700, 300, 120])
def test_the_highest_resolution_that_fits_is_found(budget: int) -> None:
    lowered = fitted([PICTURE, EXACT], count, budget)
    assert lowered
    assert 0.9 * (budget - 100) <= count(lowered) - 100 <= budget - 100


def test_all_items_are_lowered_alike_and_keep_their_own_level() -> None:
    lowered = fitted([PICTURE, EXACT], count, 800)
    assert lowered
    assert lowered[0].resolution.share == lowered[1].resolution.share < 1
    assert [item.resolution.level for item in lowered] == ["auto", "exact"]


def test_what_cannot_fit_is_said() -> None:
    assert fitted([PICTURE], count, 101) is None
