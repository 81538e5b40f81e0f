"""Adds up the bytes of files that are downloaded side by side."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any


class Progress:
    """Reports the bytes of all files so far. `furthest` is the most that there have been."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self.furthest = 0
        self._report = report
        self._bytes: dict[str, int] = {}
        self._lock = Lock()

    def add(self, name: str, count: int) -> None:
        """count: negative if a file begins again."""
        self._set(name, self._bytes.get(name, 0) + count)

    def restart(self, name: str) -> None:
        """Forget the bytes of an earlier attempt, which the next one counts again."""
        self._bytes[name] = 0

    def callback(self) -> Any:
        """A class for modelscope_hub, which makes an object of it for each file in a thread of its own."""
        from modelscope_hub import ProgressCallback

        progress = self

        class Callback(ProgressCallback):  # type: ignore[misc]  # it has no types
            def __init__(self, filename: str, file_size: int) -> None:
                super().__init__(filename, file_size)
                progress.restart(filename)

            def update(self, size: int) -> None:
                progress.add(self.filename, size)

        return Callback

    def _set(self, name: str, count: int) -> None:
        with self._lock:
            self._bytes[name] = count
            done = sum(self._bytes.values())
            self.furthest = max(self.furthest, done)
            self._report(done)
