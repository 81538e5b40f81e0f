"""Decoders that wait until a test lets them go on; what they decode is real."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import TypeVar

from model.backend import Cancel
from model.media.video import VideoProgress
from model.prompt.visual_item import VisualItem
from model.serving.media_piece import Sized
from model.serving.prepared_media import Make

Value = TypeVar("Value", bound=Sized)


class Slow:
    """Notes what was begun and what was given up."""

    def __init__(self) -> None:
        self.begun, self.told = threading.Event(), threading.Event()
        self.given: list[str] = []
        self.given_up: list[str] = []

    def around(self, make: Make[Value]) -> Make[Value]:
        """`make` behind a wait, before its last step."""

        def slowly(
            item: VisualItem, cancel: Cancel, report: VideoProgress
        ) -> Generator[None, None, Value]:
            self.given.append(item.label)
            value = yield from make(item, cancel, report)
            self.begun.set()
            while not self.told.wait(0.005):
                if cancel.is_set():
                    self.given_up.append(item.label)
                    break
                yield
            return value

        return slowly
