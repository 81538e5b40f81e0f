"""Which checkpoints leave memory for another: pure functions of sizes, devices and free memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a checkpoint is loaded, and what it needs there, in bytes.

    devices: e.g. `cuda:0`; weights: the least that it needs; needed: with what answers take besides, 0 if unknown;
    free: on these devices together.
    """

    devices: frozenset[str]
    weights: int
    needed: int
    free: int


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory. used_at: any clock's time of its latest use."""

    name: str
    devices: frozenset[str]
    needed: int
    used_at: float


def to_unload(place: Place, loaded: Iterable[Loaded]) -> tuple[str, ...] | None:
    """The names of those that make room for another one, the one that was used longest ago first.

    Empty if there is room; None if it would not fit even alone, so that nobody leaves for nothing. Those on other
    devices stay. One of unknown size takes the memory of all.
    """
    near = sorted(
        (one for one in loaded if one.devices & place.devices), key=lambda one: one.used_at
    )
    if not place.needed:
        return tuple(one.name for one in near)
    free, leaving = place.free, []
    for one in near:
        if free >= place.needed:
            break
        free += one.needed
        leaving.append(one.name)
    return tuple(leaving) if free >= place.weights else None


def all_fit(missing: Iterable[Place]) -> bool:
    """Whether all these fit beside what is in memory already, each where it would be loaded now."""
    free: dict[frozenset[str], int] = {}
    for place in missing:
        if not place.needed:
            return False
        left = free.get(place.devices, place.free) - place.needed
        if left < 0:
            return False
        free[place.devices] = left
    return True
