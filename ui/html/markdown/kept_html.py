"""HTML of answers that is needed again and again: at each update while one grows, and whenever its conversation changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Rest = TypeVar("Rest")


class KeptHtml(Generic[Rest]):
    """What was made last, and what else came of it, up to so many characters of HTML. For any thread."""

    def __init__(self, max_characters: int) -> None:
        self._max_characters = max_characters
        self._characters = 0
        self._kept: OrderedDict[Hashable, tuple[str, Rest]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], tuple[str, Rest]]) -> tuple[str, Rest]:
        """What was made for `key`; made now if it is not kept."""
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
