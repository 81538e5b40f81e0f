"""The settings of glibc's allocator and of Python's garbage collector."""

from __future__ import annotations

import ctypes
import gc
import sys

# malloc_trim and mallopt exist in glibc only. The allocators of other systems do not need them.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_trim = getattr(_libc, "malloc_trim", None)
_set = getattr(_libc, "mallopt", None)
# From malloc.h.
M_ARENA_MAX = -8
ARENAS = 2
# New objects between two garbage collections during start-up.
SELDOM = 50_000
_usual = gc.get_threshold()


def keep_together() -> None:
    """Let all threads share `ARENAS` arenas. Has an effect before the first thread starts only. See mallopt(3)."""
    if _trim and _set:  # musl's mallopt does nothing
        _set(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return freed memory to the system. Takes milliseconds, and any thread may call it. See malloc_trim(3).

    glibc keeps freed memory between blocks in use: after 400 turns of `tools/soak.py` 220 MB of 1,170 MB.
    """
    if _trim:
        _trim(0)


def collect_seldom() -> None:
    """Collect garbage seldom while modules are imported and a checkpoint is loaded.

    Python 3.11 collects at each 700th new object. Nearly all of these stay, so importing Gradio and torch takes a third
    longer with its default.
    """
    gc.set_threshold(SELDOM, *_usual[1:])


def collect_as_usual() -> None:
    """Restore Python's default, and exclude the present objects, which would take 0.25 s of each full collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_usual)
