"""A cache of answers' HTML, which is needed at each update of a growing answer and of its conversation."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Rest = TypeVar("Rest")


class KeptHtml(Generic[Rest]):
    """Keeps the latest results, up to so many characters of HTML. Thread-safe."""

    def __init__(self, max_characters: int) -> None:
        self._max_characters = max_characters
        self._characters = 0
        self._kept: OrderedDict[Hashable, tuple[str, Rest]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], tuple[str, Rest]]) -> tuple[str, Rest]:
        """The result for `key`; computed if it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._characters += _size(made)
            while self._characters > self._max_characters:
                _, oldest = self._kept.popitem(last=False)
                self._characters -= _size(oldest)
        return made


def _size(made: tuple[str, object]) -> int:
    """The HTML, its key, which is about as long, and what both cost however short they are."""
    return 2 * len(made[0]) + 500
