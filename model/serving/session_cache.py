"""What is kept for people between their turns, bounded in bytes.

Every entry belongs to one session, and no other session finds it. Entries of other sessions are evicted first, lower
ranks before higher ones, and among equals the least recently used. Knows nothing of the values.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class _Entry(Generic[Value]):
    value: Value
    nbytes: int
    rank: int
    units: int


@dataclass(eq=False)
class _Use:
    session: str
    forgotten: bool = False


class SessionCache(Generic[Value]):
    """Values by session and key. Safe to use from several threads.

    evicted: how many entries had to make room since the beginning, by rank.
    """

    def __init__(self, budget: int) -> None:
        """budget: bytes that all entries may take together."""
        self.budget = budget
        self.evicted: Counter[int] = Counter()
        self._entries: OrderedDict[tuple[str, Hashable], _Entry[Value]] = OrderedDict()
        self._reserved = 0
        self._evicted_units: dict[str, Counter[int]] = {}
        self._uses: set[_Use] = set()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        with self._lock:
            return self._used_bytes()

    def get(self, session: str, key: Hashable) -> Value | None:
        """The entry, which stays and becomes the most recently used."""
        with self._lock:
            entry = self._entries.get((session, key))
            if entry is None:
                return None
            self._entries.move_to_end((session, key))
            return entry.value

    def pop(self, session: str, key: Hashable) -> Value | None:
        """The entry, which is removed: its new owner may change it."""
        with self._lock:
            entry = self._entries.pop((session, key), None)
            return entry.value if entry else None

    def put(
        self,
        session: str,
        key: Hashable,
        value: Value,
        nbytes: int,
        *,
        rank: int = 0,
        units: int = 1,
    ) -> None:
        """Keep `value`, unless the session is nameless, the value empty, or there is no budget.

        rank: above 0, it is kept even where it exceeds the budget, until another session puts something.
        units: what `pop_evicted_units` counts when it is evicted.
        """
        with self._lock:
            self._entries.pop((session, key), None)
            if not session or nbytes <= 0 or not self.budget:
                return  # what takes nothing would never have to make room
            self._entries[session, key] = _Entry(value, nbytes, rank, units)
            if not rank and nbytes > self.budget:
                self._evict((session, key))
            self._make_room(session)

    def reserve(self, session: str, nbytes: int) -> None:
        """Make room for so many bytes that `session` is about to use, in place of what was reserved before."""
        with self._lock:
            self._reserved = nbytes
            self._make_room(session)

    def pop_evicted_units(self, session: str) -> Counter[int]:
        """The units of the session's entries that were evicted since this was asked last, by rank."""
        with self._lock:
            return self._evicted_units.pop(session, Counter())

    @contextmanager
    def in_use(self, session: str) -> Iterator[None]:
        """While something is computed for a session, or waits for it. If it is forgotten meanwhile, nothing stays."""
        use = _Use(session)
        with self._lock:
            self._uses.add(use)
        try:
            yield
        finally:
            with self._lock:
                self._uses.discard(use)
            if use.forgotten:
                self.forget(session)

    def forget(self, session: str) -> None:
        """Drop everything of one session, also what is being computed for it."""
        with self._lock:
            for use in self._uses:
                use.forgotten = use.forgotten or use.session == session
            for owner, key in [name for name in self._entries if name[0] == session]:
                del self._entries[owner, key]
            self._evicted_units.pop(session, None)

    def clear(self) -> None:
        """Evict everything of everybody."""
        with self._lock:
            for name in list(self._entries):
                self._evict(name)

    def _used_bytes(self) -> int:
        return sum(entry.nbytes for entry in self._entries.values())

    def _make_room(self, active: str) -> None:
        surplus = self._used_bytes() + self._reserved - self.budget
        while surplus > 0:
            # Of equals `min` gives the first one, which is the least recently used.
            order = {
                name: (name[0] == active, entry.rank)
                for name, entry in self._entries.items()
                if name[0] != active or not entry.rank
            }
            if not order:
                return
            surplus -= self._evict(min(order, key=order.__getitem__))

    def _evict(self, name: tuple[str, Hashable]) -> int:
        """Gives the bytes that are free now."""
        entry = self._entries.pop(name)
        self.evicted[entry.rank] += 1
        self._evicted_units.setdefault(name[0], Counter())[entry.rank] += entry.units
        return entry.nbytes
