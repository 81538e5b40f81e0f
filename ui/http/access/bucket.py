"""A token bucket for each address: a number per minute, refilled evenly."""

from __future__ import annotations

import time
from collections.abc import Callable

from ui.http.asker import person_of

MAX_ADDRESSES = 10_000  # beyond it, the least recent one is forgotten


class Bucket:
    """A number of tokens per minute and address. per_minute: 0 means no limit."""

    def __init__(self, per_minute: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # tokens, and when they were counted

    def taken(self, address: str, count: int = 1) -> float:
        """Take `count` tokens. Return 0, or the seconds until there are enough, and then none are taken."""
        if not self.per_minute:
            return 0.0
        person, left = self._person(address)
        wanted = min(count, self.per_minute)
        enough = left >= wanted
        self._left[person] = (left - wanted if enough else left, self._clock())
        if len(self._left) > MAX_ADDRESSES:
            del self._left[next(iter(self._left))]
        return 0.0 if enough else (wanted - left) * 60 / self.per_minute

    def give_back(self, address: str) -> None:
        """Return the latest token: its request does not count."""
        person, left = self._person(address)
        self._left[person] = (left + 1, self._clock())

    def _person(self, address: str) -> tuple[str, float]:
        """The person of an address, and the tokens that are left."""
        person, now = person_of(address), self._clock()
        left, since = self._left.pop(person, (float(self.per_minute), now))
        return person, min(self.per_minute, left + (now - since) * self.per_minute / 60)
