"""The type stubs that Gradio writes of its components, anew each time that it is imported."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def unwritten() -> Iterator[None]:
    """Import Gradio without them: they take nearly half of the time, and only editors read them.

    It leaves out a component whose class has no file; see `create_or_modify_pyi` in gradio/component_meta.py (6.31).
    """
    getfile = inspect.getfile

    def getfile_of_others(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError
        return getfile(thing)

    inspect.getfile = getfile_of_others  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = getfile
