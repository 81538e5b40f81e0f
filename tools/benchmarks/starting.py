"""How long it takes from `python app.py` until somebody can use the page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tools import served
from tools.benchmarks.machine import facts, table


@dataclass(frozen=True)
class Start:
    """Seconds since the command was given."""

    listening: float
    shown: float  # there is something to type into
    usable: float  # and the model is there to answer it


def run(repeats: int, checkpoint: str) -> None:
    """Measure and print."""
    before = facts()
    with served.chromium() as browser:
        starts = []
        for start in _starts(browser, repeats, checkpoint):
            starts.append(start)
            print(f"{start.listening:6.1f} {start.shown:6.1f} {start.usable:6.1f} s", flush=True)
    rows = [
        ("the server listens", f"{median(s.listening for s in starts):.1f} s"),
        ("the message box is there", f"{median(s.shown for s in starts):.1f} s"),
        ("the page is usable", f"{median(s.usable for s in starts):.1f} s"),
        ("starts", f"{repeats}, the medians are above; the browser was open, its cache empty"),
    ]
    print(table([*rows, *before]))


def _starts(browser: Browser, repeats: int, checkpoint: str) -> Iterator[Start]:
    for _ in range(repeats):
        with TemporaryDirectory() as folder:
            yield _start(browser, Path(folder), checkpoint)


def _start(browser: Browser, folder: Path, checkpoint: str) -> Start:
    profile = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    with served.serve(folder, checkpoint) as server:
        since = server.started
        server.wait()
        listening = time.perf_counter() - since
        chat = served.tab(profile, server)
        chat.page.goto(server.address, wait_until="commit")
        chat.page.wait_for_selector("#composer textarea")
        shown = time.perf_counter() - since
        chat.wait("idle")
        usable = time.perf_counter() - since
        profile.close()
    return Start(listening, shown, usable)
