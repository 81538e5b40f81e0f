"""How often one address may ask, so that a few cannot take the model from everybody.

A bucket of so many messages per address, and others for what costs as messages do.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from model.errors import DemoError
from ui.http.access.bucket import Bucket

LOOKS_PER_MESSAGE = 60  # as many prices as are asked for while somebody types for six seconds


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
