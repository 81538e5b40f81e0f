"""Loads the model that is measured, and runs work in a thread as the app does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from model.local import LocalBackend

Result = TypeVar("Result")
CACHE_GB = 1.0


def in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """Run `work(*arguments)` in a thread of its own, as the app does.

    OpenMP creates a team of threads for each thread that computes, and two teams on few cores halve each other's speed. So
    the main thread of a benchmark must not compute.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *arguments).result()


def load(options: argparse.Namespace) -> LocalBackend:
    """Load the backend of the flags."""
    where = {"device": options.device, "cache_gb": CACHE_GB}
    return in_thread(partial(LocalBackend.load, **where), options.checkpoint)


def name(backend: LocalBackend) -> str:
    """The checkpoint, dtype and device, for the report."""
    model_info = backend.model_info
    return f"{model_info.checkpoint} in {model_info.dtype} on {model_info.device}"
