"""Which checkpoints leave memory for another, as a table."""

from __future__ import annotations

import pytest

from model.switching.memory import Loaded, Place, all_fit, to_unload

GPU0, GPU1 = frozenset({"cuda:0"}), frozenset({"cuda:1"})
BOTH = GPU0 | GPU1
OLD, NEW = Loaded("old", GPU0, 6, used_at=1.0), Loaded("new", GPU0, 8, used_at=2.0)
ELSEWHERE = Loaded("elsewhere", GPU1, 9, used_at=0.0)


@pytest.mark.parametrize(
    ("place", "loaded", "leaving"),
    [
        # There is room for all.
        (Place(GPU0, 5, 6, free=6), [OLD, NEW], ()),
        (Place(GPU0, 5, 6, free=0), [], None),
        # The one that was used longest ago goes first, and no more than have to.
        (Place(GPU0, 5, 6, free=0), [NEW, OLD], ("old",)),
        (Place(GPU0, 5, 7, free=0), [NEW, OLD], ("old", "new")),
        # It needs less than it would like, and still runs.
        (Place(GPU0, 14, 17, free=0), [OLD, NEW], ("old", "new")),
        # It does not even fit alone: nobody leaves for nothing.
        (Place(GPU0, 15, 18, free=0), [OLD, NEW], None),
        # Another device's memory is no help.
        (Place(GPU0, 5, 6, free=0), [ELSEWHERE, OLD], ("old",)),
        (Place(GPU1, 8, 9, free=0), [OLD, NEW, ELSEWHERE], ("elsewhere",)),
        (Place(BOTH, 18, 20, free=0), [OLD, NEW, ELSEWHERE], ("elsewhere", "old", "new")),
        # One of unknown size takes all that there is.
        (Place(GPU0, 0, 0, free=99), [OLD, NEW, ELSEWHERE], ("old", "new")),
    ],
)
def test_who_makes_room(
    place: Place, loaded: list[Loaded], leaving: tuple[str, ...] | None
) -> None:
    assert to_unload(place, loaded) == leaving


@pytest.mark.parametrize(
    ("missing", "fit"),
    [
        ([], True),
        ([Place(GPU0, 5, 6, free=6)], True),
        ([Place(GPU0, 5, 6, free=5)], False),
        # Two share what is free on one device, and not across two.
        ([Place(GPU0, 5, 6, free=11), Place(GPU0, 5, 6, free=11)], False),
        ([Place(GPU0, 5, 6, free=11), Place(GPU1, 5, 6, free=6)], True),
        ([Place(GPU0, 0, 0, free=99)], False),
    ],
)
def test_whether_all_fit(missing: list[Place], fit: bool) -> None:
    assert all_fit(missing) == fit
