"""Freed memory that the process still holds."""

from __future__ import annotations

import ctypes
import sys

# glibc's only; other systems need none.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_trim = getattr(_libc, "malloc_trim", None)
_set = getattr(_libc, "mallopt", None)
M_ARENA_MAX = -8
ARENAS = 2


def keep_together() -> None:
    """Let threads share a few arenas instead of having one each; to be called before there are any. See mallopt(3)."""
    if _trim and _set:  # musl's mallopt does nothing
        _set(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return freed memory to the system, for any thread; takes milliseconds.

    glibc keeps what is freed between blocks in use, in an arena for each thread, and long days leave much of it:
    400 turns of `tools/bench.py soak` 220 MB of 1,170. See malloc_trim(3).
    """
    if _trim:
        _trim(0)
