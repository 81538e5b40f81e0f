"""Measures the time to the first word while a stranger posts the most expensive requests, one kind at a time.

It asks through the page's API, with a stand-in for a server, and with the bundled checkpoint in the page's process.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.support import served
from tests.support.served import Server
from tools.benchmarks import reading_video
from tools.benchmarks.behind_server import paced
from tools.benchmarks.machine import ROOT
from tools.benchmarks.report import Cell, Figures, Report
from tools.benchmarks.worst_requests import Stranger

FIRST_WORD_S = 0.25  # that the stand-in takes
BLOCK = 5  # times that somebody asks before it is another's turn
PAUSE_S = 0.3  # between two questions
INTO_CLIP_S = 1.0  # after somebody has sent a clip
QUIET_S = 1.5  # until what a stranger has asked for is over
PERSON = {"X-Forwarded-For": "198.51.100.9"}
NOBODY, CLIP = "nobody", "clip"
SITUATIONS = {
    NOBODY: "nobody",
    "json": "15 MB of JSON",
    "estimate": "prices of a million characters",
    "import": "zip files of 400 answers",
    "picture": "pictures of 98 megapixels",
    CLIP: "a clip, sent a second before",
}


def run(options: argparse.Namespace) -> Report:
    """Measure all situations in turn, in blocks of questions."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        clip = reading_video.clip(folder / "clip.mp4", options.seconds)
        with paced(2, 1 / FIRST_WORD_S) as base:
            (folder / "server").mkdir()
            flags = ("--backend", "openai", "--api-base", base)
            with served.serve_app(folder / "server", *flags) as server:
                remote = _measured(server, clip, options.repeats)
        (folder / "local").mkdir()
        with served.serve(folder / "local", "tiny") as server:
            local = _measured(server, clip, options.repeats)
    rows = [_row(shown, name, remote, local) for name, shown in SITUATIONS.items()]
    about = (
        f"the first word of a short answer beside one stranger; the stand-in's comes after {FIRST_WORD_S:g} s; the clip has "
        f"{options.seconds} s of 1080p"
    )
    head = (
        "at the same time",
        "in front of a server",
        "of the usual time",
        "bundled checkpoint",
        "of the usual time",
        "later",
    )
    return Report(about, head, rows)


def _row(
    shown: str, name: str, remote: dict[str, Figures], local: dict[str, Figures]
) -> list[Cell]:
    if name == NOBODY:
        return [shown, remote[name], "", local[name], "", ""]
    usual = local[NOBODY]
    return [shown, remote[name], remote[name].per(remote[NOBODY]), local[name], local[name].per(usual), local[name].less(usual)]  # fmt: skip


def _measured(server: Server, clip: Path, repeats: int) -> dict[str, Figures]:
    """Seconds to the first word, by situation."""
    server.wait()
    found: defaultdict[str, list[float]] = defaultdict(list)
    person = Person(server.address)
    sender = Sender(server.address, clip)
    person.first_word_s()  # until everything is warm
    for done in range(0, repeats, BLOCK):
        times = min(BLOCK, repeats - done)
        for name in SITUATIONS:
            if name == CLIP:
                found[name] += [sender.beside(person.first_word_s) for _ in range(times)]
                continue
            with _stranger(name, server.address):
                found[name] += [person.first_word_s() for _ in range(times)]
    return {name: Figures(tuple(seconds), "s") for name, seconds in found.items()}


class Person:
    """A person who asks one short question at a time, each in a new chat."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(
            base_url=f"{address}gradio_api/call/", timeout=600, headers=PERSON
        )

    def first_word_s(self) -> float:
        """Seconds from the request to the first word."""
        time.sleep(PAUSE_S)
        # The session of a program is opened by its first request, which takes Gradio some 10 ms.
        session = secrets.token_hex(5)
        self._told("reset", session)
        began = time.perf_counter()
        message = {"text": "Hi", "files": []}
        with suppress(StopIteration):
            next(self._words(session, message))
            return time.perf_counter() - began
        raise RuntimeError("There was no answer.")

    def _words(self, session: str, message: object) -> Iterator[str]:
        for said in self._events("chat", session, message, {"max_new_tokens": 8}):
            if said[0]:
                yield said[0]

    def _told(self, endpoint: str, session: str) -> None:
        for _ in self._events(endpoint, session):
            pass

    def _events(self, endpoint: str, session: str, *data: object) -> Iterator[list[str]]:
        asked = {"data": data, "session_hash": session}
        event = self.client.post(endpoint, json=asked).json()["event_id"]
        with self.client.stream("GET", f"{endpoint}/{event}") as response:
            for line in response.iter_lines():
                if line.startswith("data: [") and line != "data: [null]":
                    yield json.loads(line.removeprefix("data: "))


class Sender:
    """A person who sends a video on a new page again and again, and stops each answer after a while."""

    def __init__(self, address: str, clip: Path) -> None:
        self._stranger = Stranger(address, clip.parent)
        self._path = self._stranger.upload(clip)
        functions = self._stranger.client.get("config").json()["dependencies"]
        (self._chat,) = (f["id"] for f in functions if f["api_name"] == "chat")

    def beside(self, ask: Callable[[], float]) -> float:
        """Return what `ask` returns one second after the video was sent."""
        session = secrets.token_hex(5)
        client = self._stranger.client
        file = {"path": self._path, "orig_name": "clip.mp4", "meta": {"_type": "gradio.FileData"}}
        asked = {"data": [{"text": "What happens?", "files": [file]}, {}], "session_hash": session}
        event = client.post("gradio_api/call/chat", json=asked).json()["event_id"]
        following = threading.Thread(target=client.get, args=(f"gradio_api/call/chat/{event}",))
        following.start()
        time.sleep(INTO_CLIP_S - PAUSE_S)
        seconds = ask()
        stopped = {"session_hash": session, "fn_index": self._chat, "event_id": event}
        client.post("gradio_api/cancel", json=stopped).raise_for_status()
        following.join()
        time.sleep(QUIET_S)
        return seconds


@contextmanager
def _stranger(kind: str, address: str) -> Iterator[None]:
    """Within the block, a stranger posts requests of one kind; none for `NOBODY`."""
    if kind == NOBODY:
        yield
        return
    command = [sys.executable, "-m", "tools.benchmarks.worst_requests", kind, address]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"Nothing could be posted: {kind}.")
        yield
    finally:
        served.ended(process)
        time.sleep(QUIET_S)
