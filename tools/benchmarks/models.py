"""The model that is measured, and where it computes."""

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
    """`work(*arguments)` in a thread of its own, as in the app.

    OpenMP gives every thread that computes a team of its own, and on few cores two teams slow each other down
    to half the speed: nothing in this process may compute in the main thread.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *arguments).result()


def load(options: argparse.Namespace) -> LocalBackend:
    """The backend that the flags ask for."""
    where = {"device": options.device, "cache_gb": CACHE_GB}
    return in_thread(partial(LocalBackend.load, **where), options.checkpoint)


def name(backend: LocalBackend) -> str:
    """For the report: what answers, and in what."""
    model_info = backend.model_info
    return f"{model_info.checkpoint} in {model_info.dtype} on {model_info.device}"
