"""How long it takes from `python app.py` until somebody can use the page, and a page of Gradio's with nothing on it."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tests.e2e.chat import Chat
from tools import served
from tools.benchmarks.machine import Report

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
    """Start the app and the bare page `options.repeats` times each, in turn."""
    ours, bare = [], []
    with served.chromium() as browser:
        for _ in range(options.repeats):
            bare.append(_start_bare(browser))
            ours.append(_start(browser, options.checkpoint))
            print(f"bare {bare[-1].shown:.1f} s, ours {ours[-1].shown:.1f} s", flush=True)
    ways = {
        "the server listens": ([s.listening for s in bare], [s.listening for s in ours]),
        "there is a box to type into": ([s.shown for s in bare], [s.shown for s in ours]),
        "the model is there too": ([], [s.usable for s in ours]),
    }
    rows = [("since the command", "bare Gradio page", "ours", "ours / bare")]
    for way, (floor, times) in ways.items():
        shown, ratio = "", ""
        if floor:
            shown, ratio = f"{median(floor):.1f} s", f"{median(times) / median(floor):.2f}"
        rows.append((way, shown, f"{median(times):.1f} s", ratio))
    notes = [f"medians of {options.repeats} starts; the browser was open, its cache empty"]
    return Report("start", rows, notes, ways)


def _start(browser: Browser, checkpoint: str) -> Start:
    with TemporaryDirectory() as folder, served.serve(Path(folder), checkpoint) as server:
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
    """A new browser profile's first page, and the seconds until the server listened and `box` was there."""
    profile = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    server.wait()
    listening = time.perf_counter() - server.started
    chat = served.tab(profile, server)
    chat.page.goto(server.address, wait_until="commit")
    chat.page.wait_for_selector(box)
    return chat, listening, time.perf_counter() - server.started
