"""One generation at a time, first come first served; everybody can see how many are ahead.

Gradio's queue is not a mutex (a cancelled event frees its place before its thread has ended), so the
model has a lock of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from model.backend import Cancel

POLL_S = 0.05  # how soon a cancelled wait ends


class Turnstile:
    """A fair lock whose waiting can be watched and cancelled."""

    def __init__(self) -> None:
        self._tickets: list[object] = []  # the first one is inside
        self._changed = threading.Condition()

    @property
    def busy(self) -> bool:
        with self._changed:
            return bool(self._tickets)

    @contextmanager
    def turn(self, cancel: Cancel, report: Callable[[int], None]) -> Iterator[bool]:
        """Wait for one's turn, telling `report` the number of people ahead whenever it changes.

        Gives False if cancelled before the turn came.
        """
        ticket = object()
        with self._changed:
            self._tickets.append(ticket)
        try:
            yield self._wait(ticket, cancel, report)
        finally:
            with self._changed:
                self._tickets.remove(ticket)
                self._changed.notify_all()

    def _wait(self, ticket: object, cancel: Cancel, report: Callable[[int], None]) -> bool:
        reported = 0
        while not cancel.is_set():
            with self._changed:
                ahead = self._tickets.index(ticket)
                if ahead and ahead == reported:
                    self._changed.wait(POLL_S)
            if ahead == 0:
                return True
            if ahead != reported:
                report(ahead)
                reported = ahead
        return False
