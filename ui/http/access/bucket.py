"""So many of something per minute and address, which fills up again within a minute."""

from __future__ import annotations

import time
from collections.abc import Callable

from ui.http.asker import person_of

# Known at once; then the one that asked longest ago is forgotten.
MAX_ADDRESSES = 10_000


class Bucket:
    """So many of something per minute and address; 0 is any number."""

    def __init__(self, per_minute: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # how many, and when that was

    def taken(self, address: str, count: int = 1) -> float:
        """Count so many; if they are too many just now they do not count, and it gives the seconds until they will."""
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
        """What was counted last was none of those that are bounded."""
        person, left = self._person(address)
        self._left[person] = (left + 1, self._clock())

    def _person(self, address: str) -> tuple[str, float]:
        """Whose it is, and what is left in it."""
        person, now = person_of(address), self._clock()
        left, since = self._left.pop(person, (float(self.per_minute), now))
        return person, min(self.per_minute, left + (now - since) * self.per_minute / 60)
