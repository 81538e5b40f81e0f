"""What is kept for people between their turns: least recently used out first, bounded in bytes.

Every entry belongs to one session and is found by nobody else. Knows nothing of what it keeps.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class _Entry(Generic[Value]):
    value: Value
    nbytes: int


class SessionStore(Generic[Value]):
    """Values by session and key. Safe to use from several threads."""

    def __init__(self, budget: int) -> None:
        """budget: bytes that all entries may take together."""
        self._budget = budget
        self._entries: OrderedDict[tuple[str, Hashable], _Entry[Value]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        with self._lock:
            return sum(entry.nbytes for entry in self._entries.values())

    def get(self, session: str, key: Hashable) -> Value | None:
        """The entry, which stays and becomes the most recently used."""
        with self._lock:
            entry = self._entries.get((session, key))
            if entry is None:
                return None
            self._entries.move_to_end((session, key))
            return entry.value

    def take(self, session: str, key: Hashable) -> Value | None:
        """The entry, which is removed: its new owner may change it."""
        with self._lock:
            entry = self._entries.pop((session, key), None)
            return entry.value if entry else None

    def put(self, session: str, key: Hashable, value: Value, nbytes: int) -> None:
        """Keep `value`, unless the session is nameless or the value empty, or alone exceeds the budget."""
        with self._lock:
            self._entries.pop((session, key), None)
            if not session or not 0 < nbytes <= self._budget:
                return  # what takes nothing would never have to make room
            self._entries[session, key] = _Entry(value, nbytes)
            total = sum(entry.nbytes for entry in self._entries.values())
            while total > self._budget:
                _, dropped = self._entries.popitem(last=False)
                total -= dropped.nbytes

    def forget(self, session: str) -> None:
        """Drop everything of one session."""
        with self._lock:
            for owner, key in [name for name in self._entries if name[0] == session]:
                del self._entries[owner, key]

    def clear(self) -> None:
        """Drop everything of everybody."""
        with self._lock:
            self._entries.clear()
