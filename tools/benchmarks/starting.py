"""How long it takes from `python app.py` until somebody can use the page."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tools import served
from tools.benchmarks.machine import Report


@dataclass(frozen=True)
class Start:
    """Seconds since the command was given."""

    listening: float
    shown: float  # there is something to type into
    usable: float  # and the model is there to answer it


def run(options: argparse.Namespace) -> Report:
    """Start the app `options.repeats` times."""
    with served.chromium() as browser:
        starts = []
        for start in _starts(browser, options.repeats, options.checkpoint):
            starts.append(start)
            print(f"{start.listening:6.1f} {start.shown:6.1f} {start.usable:6.1f} s", flush=True)
    ways = {
        "the server listens": [start.listening for start in starts],
        "the message box is there": [start.shown for start in starts],
        "the model has been loaded too": [start.usable for start in starts],
    }
    rows = [
        ("since the command", ""),
        *((way, f"{median(all_):.1f} s") for way, all_ in ways.items()),
    ]
    notes = [f"medians of {options.repeats} starts; the browser was open, its cache empty"]
    return Report("start", rows, notes, ways)


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
