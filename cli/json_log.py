"""The log as JSON, one object a line, for what collects the logs of containers.

Libraries write to standard error past `logging`, so each of their lines becomes an object too.
"""

from __future__ import annotations

import io
import json
import logging
import math
import sys
import threading
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

FIELDS = "fields"  # of a record: what is said beside its message, by name


class JsonFormatter(logging.Formatter):
    """`time`, `level`, `logger` and `message`, an exception with its traceback, and the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        for name, value in getattr(record, FIELDS, {}).items():
            known = not isinstance(value, float) or math.isfinite(value)
            said[name] = value if known else None  # JSON has no word for it
        return json.dumps(said, ensure_ascii=False, default=str)


class LoggedLines(io.TextIOBase):
    """A stream whose lines become records. Of a progress bar only its last state does."""

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log
        self._begun = threading.local()  # lines of two threads do not mix

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """For what a child process writes."""
        assert sys.__stderr__
        return sys.__stderr__.fileno()

    def write(self, text: str) -> int:
        *lines, self._begun.text = (getattr(self._begun, "text", "") + text).split("\n")
        for line in lines:
            if said := line.rstrip().rpartition("\r")[2].strip():
                self._log(said)
        return len(text)


def take_over(stream: TextIO | None = None) -> None:
    """Everything that this process logs, warns of and prints goes to `stream` as JSON, standard error by default."""
    handler = logging.StreamHandler(stream or sys.__stderr__)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}"
    sys.excepthook = lambda kind, error, trace: _unhandled(kind, error, trace)
    threading.excepthook = lambda args: _unhandled(
        args.exc_type, args.exc_value, args.exc_traceback
    )
    # It would write its own, in its own format.
    from uvicorn.config import LOGGING_CONFIG

    LOGGING_CONFIG.update(handlers={}, loggers={})
    sys.stdout = LoggedLines(logging.getLogger("stdout").info)
    sys.stderr = LoggedLines(logging.getLogger("stderr").warning)


def _unhandled(kind: type[BaseException], error: BaseException | None, trace: object) -> None:
    log = logging.getLogger(__name__)
    log.critical("Unhandled: %s", kind.__name__, exc_info=(kind, error, trace))  # type: ignore[arg-type]
