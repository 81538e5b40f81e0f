"""Runs a long day of many sessions with mixed turns, and measures what the process keeps.

python tools/soak.py            1000 turns on the bundled checkpoint; prints a table

Programs ask about images and videos, continue, stop half-way and leave. Now and then a person in a browser asks, retries
and closes the tab. A figure that grows with the number of turns is a leak.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import linear_regression, mean
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/soak.py` finds `tools` and `tests`

import psutil  # noqa: E402
from gradio_client import Client, handle_file  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import BrowserContext  # noqa: E402

from tests.support import media_files, served  # noqa: E402
from tests.support.chat import ENDED  # noqa: E402
from tools.benchmarks.report import table  # noqa: E402
from tools.tiny.dialogue import pick_grids  # noqa: E402
from tools.tiny.scene import make_picture  # noqa: E402

PEOPLE = 6  # programs at any time
LEAVES = 0.1  # how likely one of them leaves after a turn
TURNS = {"picture": 8, "follow-up": 7, "clip": 2, "stop": 2, "page": 1}  # how often each kind comes
WARM_UP = 0.3  # of the turns: caches fill, threads start
SAMPLES = 40  # over the whole run
KEPT_S = 60.0  # of what has been left, instead of an hour: the day is a short one
CLOSED_S = 30.0  # Gradio looks every 15 s whether a page is still there; 10 s later what is kept for it goes
NAMES = ("memory", "threads", "open files", "uploads")
UNITS = ("MB", "", "", "MB")


@dataclass(frozen=True)
class Sample:
    """What the process holds after a number of turns."""

    turns: int
    memory: float  # MB, resident
    threads: float
    files: float  # and sockets
    uploads: float  # MB on the disk


def main() -> None:
    """Run a day and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=1000, help="of all sessions together")
    samples, counts = run(parser.parse_args().turns)
    print(shown(samples))
    mixed = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    print(f"{samples[-1].turns} turns by {PEOPLE} programs and a browser: {mixed}")


def run(turns: int) -> tuple[list[Sample], dict[str, int]]:
    """Run `turns` turns. Returns the samples, and the number of turns of each kind."""
    every = max(1, turns // SAMPLES)
    with (
        TemporaryDirectory() as name,
        served.serve(Path(name), "tiny", "--cache-gb=0.2", f"--keep-minutes={KEPT_S / 60}") as server,
        served.chromium() as browser,
    ):  # fmt: skip
        server.wait()
        profile = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
        day = Day(Path(name), server, profile)
        samples = []
        for turn in range(turns):
            day.turn()
            if turn % every == 0:
                samples.append(_sample(turn, server, Path(name)))
        day.end()
        time.sleep(CLOSED_S)
        samples.append(_sample(turns, server, Path(name)))
    return samples, day.counts


class Day:
    """All people, who take turns. They and their questions are the same in every run."""

    def __init__(self, folder: Path, server: served.Server, profile: BrowserContext) -> None:
        self.folder, self.server, self.profile = folder, server, profile
        self.rng = random.Random(0)
        self.people = [self._newcomer() for _ in range(PEOPLE)]
        self.clip = media_files.clip(folder / "clip.mp4", 20)
        self.counts = dict.fromkeys((*TURNS, "left"), 0)
        self._numbers = itertools.count()

    def turn(self) -> None:
        """One turn of a random kind by a random person, who may leave after it."""
        kind = self.rng.choices(list(TURNS), list(TURNS.values()))[0]
        self.counts[kind] += 1
        if kind == "page":
            self._visit()
            return
        place = self.rng.randrange(PEOPLE)
        person = self.people[place]
        if kind == "stop":
            self._stop(person)
        else:
            person.predict(*_question(self._files(kind), 24), api_name="/chat")
        if self.rng.random() < LEAVES:
            self.counts["left"] += 1
            person.close()
            self.people[place] = self._newcomer()
        elif self.rng.random() < LEAVES:
            person.predict(api_name="/reset")

    def end(self) -> None:
        """Let everybody leave."""
        for person in self.people:
            person.close()

    def _newcomer(self) -> Client:
        return served.program(self.server.address)

    def _files(self, kind: str) -> list[Path]:
        match kind:
            case "picture":
                return [self._picture()]
            case "clip":
                return [self.clip]
        return []

    def _picture(self) -> Path:
        """A new image for each call."""
        scene = make_picture(*pick_grids(self.rng).picture, self.rng)
        path = self.folder / f"{next(self._numbers)}.png"
        Image.fromarray(scene.frames[0]).save(path)
        return path

    def _stop(self, person: Client) -> None:
        """Ask for a long answer, and cancel it."""
        job = person.submit(*_question([self._picture()], 400), api_name="/chat")
        while not job.done() and not job.outputs():
            time.sleep(0.01)
        job.cancel()

    def _visit(self) -> None:
        """Open the page, ask, retry and close the tab."""
        chat = served.tab(self.profile, self.server)
        chat.open()
        chat.attach(self._picture())
        chat.ask("What is this?")
        turn = chat.turn
        chat.page.click("#retry")
        chat.wait(*ENDED, after_turn=turn)
        chat.close()


def _question(files: Sequence[Path], tokens: int) -> tuple[dict[str, Any], dict[str, Any]]:
    message = {"text": "What is this?", "files": [handle_file(str(file)) for file in files]}
    # Unlikely words and no end: answers are as long as they may be.
    return message, {"max_new_tokens": tokens, "temperature": 2.0, "top_p": 1.0, "seed": 0}


def _sample(turns: int, server: served.Server, folder: Path) -> Sample:
    process = psutil.Process(server.process.pid)
    uploads = sum(path.stat().st_size for path in (folder / "uploads").rglob("*") if path.is_file())
    return Sample(
        turns,
        process.memory_info().rss / 2**20,
        process.num_threads(),
        process.num_fds() if hasattr(process, "num_fds") else 0,
        uploads / 2**20,
    )


def _slope(samples: Sequence[Sample], column: int) -> tuple[float, float]:
    """Growth per 1,000 turns and its standard error, by least squares."""
    turns = [sample.turns / 1000 for sample in samples]
    values = [astuple(sample)[column] for sample in samples]
    slope, start = linear_regression(turns, values)
    errors = [y - (start + slope * x) for x, y in zip(turns, values, strict=True)]
    spread = sum((x - mean(turns)) ** 2 for x in turns)
    freedom = max(1, len(turns) - 2)
    return slope, (sum(error**2 for error in errors) / freedom / spread) ** 0.5


def shown(samples: Sequence[Sample]) -> str:
    """The table of what the process held, and of its growth after the warm-up."""
    warm = [sample for sample in samples[:-1] if sample.turns >= WARM_UP * samples[-1].turns]
    rows = [("what", "after warming up", "last", "all gone", "growth per 1,000 turns")]
    for column, (name, unit) in enumerate(zip(NAMES, UNITS, strict=True), start=1):
        values = [astuple(sample)[column] for sample in (warm[0], warm[-1], samples[-1])]
        slope, error = _slope(warm, column)
        first, last, after = (f"{value:.0f} {unit}".strip() for value in values)
        rows.append((name, first, last, after, f"{slope:+.1f} ± {2 * error:.1f} {unit}".strip()))
    return table(rows)


if __name__ == "__main__":
    main()
