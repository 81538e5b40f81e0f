"""How often one address may ask, so that a few cannot take the model from everybody.

A bucket of so many messages per address, which fills up again within a minute, and others for what costs as messages do.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable
from functools import lru_cache

from model.errors import DemoError

LOOKS_PER_MESSAGE = 60  # as many prices as are asked for while somebody types for six seconds
MOST_ADDRESSES = 10_000  # known at once; then the one that asked longest ago is forgotten
IPV6_NETWORK = 56  # bits: what one household is given, with as many addresses as it likes


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
        if len(self._left) > MOST_ADDRESSES:
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


class Rates:
    """What one address may have done in a minute, so many messages and what belongs to them; 0 is any number."""

    def __init__(self, per_minute: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self.refused: Callable[[], None] = lambda: None  # called with each refusal
        self._messages = Bucket(per_minute, clock)
        self._tasks = Bucket(per_minute, clock)
        self._looks = Bucket(LOOKS_PER_MESSAGE * per_minute, clock)

    def admit(self, address: str, messages: int = 1) -> None:
        """Count messages. Raises `DemoError` if they are too many just now; then they do not count."""
        if wait := self._messages.taken(address, messages):
            self.refused()
            raise DemoError(
                "Too many messages from your address: at most {count} a minute; try again in {seconds} s.",
                count=self.per_minute,
                seconds=math.ceil(wait),
            )

    def admit_task(self, address: str) -> None:
        """The same for what costs about as much: an estimate for a program, an import, an export."""
        self._require(self._tasks.taken(address))

    def admit_look(self, address: str, looks: int = 1) -> None:
        """The same for what a page does while somebody writes: prices, views, attached files."""
        self._require(self._looks.taken(address, looks))

    def _require(self, wait: float) -> None:
        if wait:
            self.refused()
            raise DemoError(
                "Too many requests from your address; try again in {seconds} s.",
                seconds=math.ceil(wait),
            )


@lru_cache(maxsize=MOST_ADDRESSES)
def person_of(address: str) -> str:
    """An address, or the network that an IPv6 customer has."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is None:
        return str(ipaddress.ip_network((known, IPV6_NETWORK), strict=False))
    return str(known)
