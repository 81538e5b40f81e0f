"""Freed memory that the process still holds."""

from __future__ import annotations

import ctypes
import sys

# glibc's only; other systems need none.
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def give_back() -> None:
    """Return freed memory to the system, for any thread; takes milliseconds.

    glibc keeps what is freed between blocks in use, in an arena for each thread, and long days leave much of it:
    400 turns of `tools/bench.py soak` 220 MB, of 960. See malloc_trim(3).
    """
    if _trim:
        _trim(0)
