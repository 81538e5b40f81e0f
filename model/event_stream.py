"""Work in a background thread, seen from outside as an iterator of events.

An exception in the thread is raised in the reader; closing the iterator cancels the thread. There is no
timeout: silence means that the work takes long, and the work itself looks at the cancel flag.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from model.backend import Cancel, Event

Emit = Callable[[Event], None]


def events_of(work: Callable[[Emit], None], cancel: Cancel) -> Iterator[Event]:
    """What `work` emits from a thread of its own; the thread starts with the first `next()`."""
    events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            work(events.put)
        except BaseException as error:  # also KeyboardInterrupt and SystemExit: the reader decides
            events.put(error)
        else:
            events.put(None)

    threading.Thread(target=run, name="generation", daemon=True).start()
    try:
        while (event := events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        cancel.set()
