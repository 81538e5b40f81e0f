"""A cache of values between the turns of all sessions, with a budget in bytes. Knows nothing of its values.

Each entry belongs to one session, and no other session finds it. The entries of other sessions are evicted first, then
those of lower rank, then the least recently used.
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


class SessionStore:
    """Values of sessions. What is stored for a session that is in use and was forgotten is dropped at the end."""

    def __init__(self) -> None:
        self._uses: set[_Use] = set()
        self._uses_lock = threading.Lock()

    @contextmanager
    def in_use(self, session: str) -> Iterator[None]:
        """Marks a session as in use. If it is forgotten inside, it is forgotten again at the end."""
        use = _Use(session)
        with self._uses_lock:
            self._uses.add(use)
        try:
            yield
        finally:
            with self._uses_lock:
                self._uses.discard(use)
            if use.forgotten:
                self.forget(session)

    def forget(self, session: str) -> None:
        """Drop all values of a session, also those that are stored for it while it is in use."""
        with self._uses_lock:
            for use in self._uses:
                use.forgotten = use.forgotten or use.session == session


class SessionCache(SessionStore, Generic[Value]):
    """Values by session and key. Thread-safe.

    evicted: the number of entries that were evicted so far, by rank.
    """

    def __init__(self, budget: int) -> None:
        """budget: bytes of all entries together; 0 disables the cache."""
        super().__init__()
        self.budget = budget
        self.evicted: Counter[int] = Counter()
        self._entries: OrderedDict[tuple[str, Hashable], _Entry[Value]] = OrderedDict()
        self._reserved = 0
        self._evicted_units: dict[str, Counter[int]] = {}
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        with self._lock:
            return self._used_bytes()

    def get(self, session: str, key: Hashable) -> Value | None:
        """The value, which becomes the most recently used; None if there is none."""
        with self._lock:
            entry = self._entries.get((session, key))
            if entry is None:
                return None
            self._entries.move_to_end((session, key))
            return entry.value

    def pop(self, session: str, key: Hashable) -> Value | None:
        """Remove and return the value, which the caller may modify; None if there is none."""
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
        """Store `value`, unless the session has no name, the value no bytes, or the cache no budget.

        rank: an entry above rank 0 may exceed the budget, until another session stores something.
        units: what `pop_evicted_units` counts if the entry is evicted, e.g. its tokens.
        """
        with self._lock:
            self._entries.pop((session, key), None)
            if not session or nbytes <= 0 or not self.budget:
                # An entry without bytes would never be evicted.
                return
            self._entries[session, key] = _Entry(value, nbytes, rank, units)
            if not rank and nbytes > self.budget:
                self._evict((session, key))
            self._make_room(session)

    def reserve(self, session: str, nbytes: int) -> None:
        """Evict entries for `nbytes` that `session` is about to use. It replaces the earlier reservation."""
        with self._lock:
            self._reserved = nbytes
            self._make_room(session)

    def pop_evicted_units(self, session: str) -> Counter[int]:
        """The units of the session's entries that were evicted since the last call, by rank."""
        with self._lock:
            return self._evicted_units.pop(session, Counter())

    def forget(self, session: str) -> None:
        super().forget(session)
        with self._lock:
            for owner, key in [name for name in self._entries if name[0] == session]:
                del self._entries[owner, key]
            self._evicted_units.pop(session, None)

    def clear(self) -> None:
        """Evict all entries of all sessions."""
        with self._lock:
            for name in list(self._entries):
                self._evict(name)

    def _used_bytes(self) -> int:
        return sum(entry.nbytes for entry in self._entries.values())

    def _make_room(self, active: str) -> None:
        surplus = self._used_bytes() + self._reserved - self.budget
        while surplus > 0:
            # `min` returns the first of equals, which is the least recently used.
            order = {
                name: (name[0] == active, entry.rank)
                for name, entry in self._entries.items()
                if name[0] != active or not entry.rank
            }
            if not order:
                return
            surplus -= self._evict(min(order, key=order.__getitem__))

    def _evict(self, name: tuple[str, Hashable]) -> int:
        """Evict one entry and return its bytes."""
        entry = self._entries.pop(name)
        self.evicted[entry.rank] += 1
        self._evicted_units.setdefault(name[0], Counter())[entry.rank] += entry.units
        return entry.nbytes
