"""`--log-json`: writes the log as JSON, one object a line, for collectors of container logs.

Lines that libraries write to standard output and error without `logging` become objects too.
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

# The attribute of a log record with values beside its message, by name.
FIELDS = "fields"


class JsonFormatter(logging.Formatter):
    """Formats a record as an object with `time`, `level`, `logger`, `message`, `exception` and the record's fields."""

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
            said[name] = value if known else None  # JSON has no NaN
        return json.dumps(said, ensure_ascii=False, default=str)


class LoggedLines(io.TextIOBase):
    """A text stream that logs each line. Of a progress bar it logs the last state only."""

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log
        self._begun = threading.local()  # each thread has its own line

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """The real standard error, for child processes."""
        assert sys.__stderr__
        return sys.__stderr__.fileno()

    def write(self, text: str) -> int:
        *lines, self._begun.text = (getattr(self._begun, "text", "") + text).split("\n")
        for line in lines:
            if said := line.rstrip().rpartition("\r")[2].strip():
                self._log(said)
        return len(text)


def take_over(stream: TextIO | None = None) -> None:
    """Send logs, warnings, prints and unhandled exceptions to `stream` as JSON, by default to standard error."""
    handler = logging.StreamHandler(stream or sys.__stderr__)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}"
    sys.excepthook = _unhandled
    threading.excepthook = lambda args: _unhandled(*args[:3])
    # uvicorn would log to its own handlers, in its own format.
    from uvicorn.config import LOGGING_CONFIG

    LOGGING_CONFIG.update(handlers={}, loggers={})
    sys.stdout = LoggedLines(logging.getLogger("stdout").info)
    sys.stderr = LoggedLines(logging.getLogger("stderr").warning)


def _unhandled(kind: type[BaseException], error: BaseException | None, trace: object) -> None:
    log = logging.getLogger(__name__)
    log.critical("Unhandled: %s", kind.__name__, exc_info=(kind, error, trace))  # type: ignore[arg-type]
