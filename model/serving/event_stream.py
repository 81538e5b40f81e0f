"""Runs work in a background thread, and yields its events.

An exception in the thread is raised in the reader, or logged if the reader has left. Closing the iterator cancels the
thread. There is no timeout: the work may take long, and checks the cancel flag itself.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from model.backend import Cancel, Event
from model.errors import DemoError

log = logging.getLogger(__name__)

Emit = Callable[[Event], None]
Events = queue.SimpleQueue[Event | BaseException | None]


def events_of(work: Callable[[Emit], None], cancel: Cancel) -> Iterator[Event]:
    """Yield the events that `work` emits. The thread starts at the first `next()`, in the reader's context."""
    events: Events = queue.SimpleQueue()
    left = threading.Event()

    def run() -> None:
        try:
            work(events.put)
        except BaseException as error:  # also KeyboardInterrupt and SystemExit: the reader decides
            events.put(error)
            if left.is_set():
                _log_unread(events)
        else:
            events.put(None)

    in_context = contextvars.copy_context().run
    threading.Thread(target=in_context, args=(run,), name="generation", daemon=True).start()
    try:
        while (event := events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        cancel.set()
        left.set()
        _log_unread(events)


def _log_unread(events: Events) -> None:
    """Log exceptions that nobody read. Both sides call it, and each exception is taken once.

    Not a `DemoError`: it is no bug, and names files.
    """
    with suppress(queue.Empty):
        while True:
            event = events.get_nowait()
            if isinstance(event, BaseException) and not isinstance(event, DemoError):
                log.error("An answer that nobody reads any more failed", exc_info=event)
