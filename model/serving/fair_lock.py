"""A fair lock around the model: people take turns, and each person's requests run in their order.

A request is told how many people are ahead. Gradio's queue is not a mutex: a cancelled event frees its place before
its thread has ended.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from model.backend import Cancel
from model.serving.person import PERSON

# A cancelled wait ends within this time.
POLL_S = 0.05


@dataclass(eq=False)
class _Ticket:
    asked_at: float
    person: str = ""
    lap: int = 0

    @property
    def place(self) -> tuple[int, float]:
        """The lowest is next."""
        return self.lap, self.asked_at


class _Leave(Cancel):
    """The ticket of background work, and its flag to leave."""

    asked_at, person, lap = -math.inf, "", 0
    place = lap, asked_at


class FairLock:
    """A fair lock whose wait can be watched and cancelled; background work may enter while nobody waits.

    A person's next ticket is one lap after their previous one, and a newcomer's first is in the present lap
    (start-time fair queueing). So nobody waits for all requests of another person.
    """

    def __init__(self, slots: int = 1) -> None:
        """slots: how many may be inside at once."""
        self._slots = slots
        self._tickets: list[_Ticket | _Leave] = []  # the first `slots` are inside, the others wait
        self._background: _Leave | None = None
        self._lap = 0  # the latest of those who have been let in
        self._changed = threading.Condition()

    @property
    def busy(self) -> bool:
        with self._changed:
            return bool(self._tickets)

    @contextmanager
    def acquire(
        self, cancel: Cancel, report: Callable[[int], None], asked_at: float | None = None
    ) -> Iterator[bool]:
        """Wait for one's turn, and hold the lock within the block. Gives False if cancelled before the turn came.

        report: called with the number of requests ahead whenever it changes. asked_at: when the person asked, by
        `time.perf_counter`; tickets of one lap are ordered by it.
        """
        ticket = _Ticket(time.perf_counter() if asked_at is None else asked_at, PERSON.get())
        with self._changed:
            self._line_up(ticket)
            if self._background:
                self._background.set()
        try:
            yield self._wait(ticket, cancel, report)
        finally:
            self._leave(ticket)

    @contextmanager
    def enter_when_idle(self) -> Iterator[Cancel | None]:
        """Enter only if nobody is there. Gives a flag that is set as soon as somebody comes, else None."""
        with self._changed:
            leave = None if self._tickets else _Leave()
            if leave:
                self._tickets.append(leave)
                self._background = leave
        try:
            yield leave
        finally:
            if leave:
                self._leave(leave)

    def wait_until_free(self, cancel: Cancel) -> None:
        """Return when nobody is there or waiting, or when cancelled."""
        with self._changed:
            while self._tickets and not cancel.is_set():
                self._changed.wait(POLL_S)

    def _line_up(self, ticket: _Ticket) -> None:
        inside, waiting = self._tickets[: self._slots], self._tickets[self._slots :]
        self._lap = max(self._lap, *(other.lap for other in inside), 0)
        ticket.lap = self._lap
        if ticket.person:
            same = [other for other in (*inside, *waiting) if other.person == ticket.person]
            ticket.lap = max([self._lap, *(other.lap + 1 for other in same)])
            own = [*(other for other in same if other in waiting), ticket]
            laps = sorted(other.lap for other in own)
            for other, lap in zip(sorted(own, key=lambda t: t.asked_at), laps, strict=True):
                other.lap = lap
        self._tickets = inside + sorted([*waiting, ticket], key=lambda other: other.place)

    def _leave(self, ticket: _Ticket | _Leave) -> None:
        with self._changed:
            if ticket in self._tickets[: self._slots]:
                self._lap = max(self._lap, ticket.lap)
            self._tickets.remove(ticket)
            if ticket is self._background:
                self._background = None
            self._changed.notify_all()

    def _wait(self, ticket: _Ticket, cancel: Cancel, report: Callable[[int], None]) -> bool:
        reported = 0
        while not cancel.is_set():
            with self._changed:
                ahead = self._tickets.index(ticket) - self._slots + 1
                # Background work is not counted, because it leaves at once.
                people = ahead - (self._background is not None)
                if ahead > 0 and people == reported:
                    self._changed.wait(POLL_S)
            if ahead <= 0:
                return True
            if people != reported:
                report(people)
                reported = people
        return False
