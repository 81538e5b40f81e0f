"""docs/design.md draws the way of one Send as it is."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path
from types import FrameType

from model.backend import Delta
from tests.support.fakes import FakeBackend
from tests.support.following import KEY
from tests.support.patience import scene
from ui.handlers.chat import following, sending
from ui.state.registry import Tabs

ROOT = Path(__file__).parents[2]
DRAWN = re.compile(r"^\|[^|]*\| `(ui/(?:handlers|state|html)/[\w/]+\.py)` \|", re.MULTILINE)


def test_the_files_of_a_send_are_drawn_in_the_order_in_which_it_enters_them() -> None:
    drawn = DRAWN.findall((ROOT / "docs" / "design.md").read_text(encoding="utf-8"))
    assert len(drawn) > 8
    entered: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            entered[frame.f_code.co_filename.removeprefix(f"{ROOT}/")] = None

    async def play() -> None:
        # It answers once the page follows it, however busy the machine is.
        followed = threading.Event()
        tabs = Tabs(FakeBackend([Delta("Hel"), Delta("lo")], pause_s=0.2, gate=followed))
        tab = tabs.open(KEY)
        sys.setprofile(note)
        try:
            await sending.submit(tabs, KEY, "Hi", {})
            async for live, _state in following.growing(tabs, tab):
                followed.set()
                if "Hel" in live:
                    break
        finally:
            sys.setprofile(None)

    scene(play)
    assert [path for path in entered if path in drawn] == drawn
