"""Measures the time from `python app.py` until the page is usable, beside an empty Gradio page."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tests.support import served
from tests.support.chat import Chat
from tools.benchmarks.report import Cell, Figures, Report

BARE = """
import gradio
with gradio.Blocks() as page:
    gradio.Textbox()
page.launch(server_port={port})
"""


@dataclass(frozen=True)
class Start:
    """Seconds since the command was given."""

    listening: float
    shown: float  # there is something to type into
    usable: float = 0.0  # and the model is there to answer it


def run(options: argparse.Namespace) -> Report:
    """Start the app and the empty page in turn, `options.repeats` times after a warm-up."""
    starts = []
    with served.chromium() as browser:
        for _ in range(options.repeats + 1):
            starts.append((_start_bare(browser), _start(browser)))
            print(starts[-1], flush=True)
    bare, ours = zip(*starts[1:], strict=True)
    rows: list[list[Cell]] = []
    for what, label in LABELS.items():
        floor, times = (
            Figures(tuple(getattr(start, what) for start in way), "s") for way in (bare, ours)
        )
        compared = what != "usable"  # nothing is loaded by the bare page
        rows.append([label, floor if compared else "", times, times.per(floor) if compared else ""])
    head = ("since the command", "bare Gradio page", "ours", "ours / bare")
    return Report("the bundled checkpoint on the CPU; a new browser profile each time", head, rows)


LABELS = {
    "listening": "the server listens",
    "shown": "there is a box to type into",
    "usable": "the model is there too",
}


def _start(browser: Browser) -> Start:
    with TemporaryDirectory() as folder, served.serve(Path(folder), "tiny") as server:
        chat, listening, shown = _visit(browser, server, "#composer textarea")
        chat.wait("idle")
        usable = time.perf_counter() - server.started
        chat.page.context.close()
    return Start(listening, shown, usable)


def _start_bare(browser: Browser) -> Start:
    port = served.free_port()
    program = BARE.format(port=port)
    with (
        TemporaryDirectory() as folder,
        served.serve_program(Path(folder), port, "-c", program) as server,
    ):
        chat, listening, shown = _visit(browser, server, "textarea")
        chat.page.context.close()
    return Start(listening, shown)


def _visit(browser: Browser, server: served.Server, box: str) -> tuple[Chat, float, float]:
    """Open a page in a new browser profile. Returns the seconds until the server listened and `box` was there."""
    profile = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    server.wait()
    listening = time.perf_counter() - server.started
    chat = served.tab(profile, server)
    chat.page.goto(server.address, wait_until="commit")
    chat.page.wait_for_selector(box)
    return chat, listening, time.perf_counter() - server.started
