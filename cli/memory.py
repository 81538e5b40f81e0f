"""Freed memory that the process still holds, and looking for memory to free."""

from __future__ import annotations

import ctypes
import gc
import sys

# glibc's only; other systems need none.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_trim = getattr(_libc, "malloc_trim", None)
_set = getattr(_libc, "mallopt", None)
M_ARENA_MAX = -8
ARENAS = 2
SELDOM = 50_000  # new objects
_usual = gc.get_threshold()


def keep_together() -> None:
    """Let threads share a few arenas instead of having one each; to be called before there are any. See mallopt(3)."""
    if _trim and _set:  # musl's mallopt does nothing
        _set(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return freed memory to the system, for any thread; takes milliseconds.

    glibc keeps what is freed between blocks in use, in an arena for each thread, and long days leave much of it:
    400 turns of `tools/soak.py` 220 MB of 1,170. See malloc_trim(3).
    """
    if _trim:
        _trim(0)


def collect_seldom() -> None:
    """Look for garbage seldom, while modules are imported and a checkpoint is loaded.

    Python 3.11 does so at each 700th new object. Nearly all of these stay, and importing Gradio and torch takes
    a third longer.
    """
    gc.set_threshold(SELDOM, *_usual[1:])


def collect_as_usual() -> None:
    """Look for garbage as often as Python does, but never again at what is there by now: a quarter of a second each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_usual)
