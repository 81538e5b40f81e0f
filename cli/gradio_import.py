"""Imports Gradio in less than half the time, without the parts that the page does not use."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def lean() -> Iterator[None]:
    """Within the block, `import gradio` writes no type stubs, and pandas is imported only when it is used."""
    with _without_stubs(), _postponed("pandas"):
        yield


@contextmanager
def _without_stubs() -> Iterator[None]:
    """Gradio writes the type stubs of its components at each import, for editors. They take nearly half of the time.

    It writes none for a component without a source file: `create_or_modify_pyi` in gradio/component_meta.py (6.31).
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


class _Postponed(ModuleType):
    """Stands in for a module in `sys.modules`, and imports the module at the first access to an attribute."""

    def __getattr__(self, name: str) -> Any:
        self.step_aside()
        return getattr(importlib.import_module(self.__name__), name)

    def step_aside(self) -> None:
        """Leave `sys.modules`, so that later imports get the real module."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]


@contextmanager
def _postponed(name: str) -> Iterator[None]:
    """Within the block, `import name` gives a stand-in. For pandas this saves 0.2 s and 40 MB.

    `importlib.util.LazyLoader` does not help: the `import` statement itself reads an attribute of the module.
    """
    if name in sys.modules:
        yield
        return
    stand_in = sys.modules[name] = _Postponed(name)
    try:
        yield
    finally:
        stand_in.step_aside()
