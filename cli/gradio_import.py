"""Importing Gradio without what nobody here needs of it, in less than half of the time."""

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
    """Inside, `import gradio` writes no type stubs and leaves pandas, which it has for tables, until it is used."""
    with _without_stubs(), _postponed("pandas"):
        yield


@contextmanager
def _without_stubs() -> Iterator[None]:
    """Stubs of its components, which it writes anew at each import, take nearly half of the time; only editors read them.

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


class _Postponed(ModuleType):
    """Stands where a module was imported, and imports it when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        self.step_aside()
        return getattr(importlib.import_module(self.__name__), name)

    def step_aside(self) -> None:
        """Whoever imports the module from now on gets the real one."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]


@contextmanager
def _postponed(name: str) -> Iterator[None]:
    """Importing the module takes no time inside; 0.2 s and 40 MB, for pandas.

    `importlib.util.LazyLoader` is of no use here: the `import` statement itself asks something of the module.
    """
    if name in sys.modules:
        yield
        return
    stand_in = sys.modules[name] = _Postponed(name)
    try:
        yield
    finally:
        stand_in.step_aside()
