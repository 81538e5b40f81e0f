"""Measure what docs/benchmarks.md shows. Each figure is the median of several repetitions, with their range.

python tools/bench.py all       everything below within 30 minutes, then the page
python tools/bench.py page      the tables of docs/benchmarks.md again, from what is kept

python tools/bench.py start     from `python app.py` until the page is usable
python tools/bench.py ttft      the first token of each turn of a conversation, against stock transformers
python tools/bench.py ahead     what reading the pictures saves while the question is typed
python tools/bench.py decode    tokens per second, against stock transformers and the bare model
python tools/bench.py batch     conversations answered together, against one after the other
python tools/bench.py lookup    what --prompt-lookup gains where an answer quotes, and costs where not
python tools/bench.py held      what a token of an answer costs that is held to a schema
python tools/bench.py memory    what one answer needs, against stock transformers
python tools/bench.py video     reading a 1080p clip, against stock transformers and bare decoding
python tools/bench.py sandbox   what it costs that strangers' files are decoded in a sandbox
python tools/bench.py ui        how much of the token rate reaches the browser
python tools/bench.py paced     what the page costs at 100 tokens per second
python tools/bench.py long      the first word in chats of up to 500 turns
python tools/bench.py crowd     many people who ask at once, in front of a server
python tools/bench.py load      the first word beside a stranger who posts the worst requests found
"""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/bench.py` finds `tools`, `model` and `tests`

from tools.benchmarks import page  # noqa: E402
from tools.benchmarks.machine import facts  # noqa: E402
from tools.benchmarks.report import RESULTS  # noqa: E402

REPETITIONS = 5
LIMIT_S = 30 * 60.0  # of `all`


@dataclass(frozen=True)
class Flag:
    """A number that a benchmark takes.

    usual: its default; quick: its value with --quick, which only shows that the benchmark runs.
    """

    name: str
    usual: int
    quick: int
    help: str


@dataclass(frozen=True)
class Benchmark:
    """A module with a function `run`, and its flags. model: whether it takes `--checkpoint` and `--device`."""

    module: str
    flags: Sequence[Flag] = ()
    model: bool = False

    @property
    def all_flags(self) -> Sequence[Flag]:
        """The benchmark's flags, and `--repeats`."""
        repeats = Flag("repeats", REPETITIONS, 1, "of each figure")
        return (*self.flags, *([] if any(f.name == "repeats" for f in self.flags) else [repeats]))


BENCHMARKS = {
    "start": Benchmark("starting"),
    "ttft": Benchmark(
        "first_token",
        [
            Flag("turns", 4, 2, "of the conversation"),
            Flag("pictures", 4, 1, "that it opens with"),
        ],
        model=True,
    ),
    "ahead": Benchmark("reading_ahead", [Flag("pictures", 4, 1, "in the message")], model=True),
    "decode": Benchmark(
        "decoding",
        [
            Flag("tokens", 512, 40, "of each answer"),
            Flag("longest", 7168, 256, "prompt, in tokens"),
        ],
        model=True,
    ),
    "batch": Benchmark(
        "batches",
        [
            Flag("conversations", 16, 2, "with a picture each"),
            Flag("tokens", 64, 8, "of each answer, at most"),
        ],
        model=True,
    ),
    "lookup": Benchmark("quoting", [Flag("repeats", 40, 1, "pictures")], model=True),
    "held": Benchmark("held", [Flag("tokens", 128, 16, "of each answer")], model=True),
    "memory": Benchmark(
        "memory",
        [
            Flag("tokens", 64, 8, "of each answer"),
            Flag("text", 7168, 256, "tokens of the prompt without pictures"),
        ],
    ),
    "video": Benchmark("reading_video", [Flag("seconds", 60, 2, "length of the clip")]),
    "sandbox": Benchmark("sandboxed", model=True),
    "ui": Benchmark("streaming", [Flag("tokens", 512, 128, "of the measured answer")]),
    "paced": Benchmark("paced", [Flag("tokens", 1000, 100, "of each answer")]),
    "long": Benchmark("long_chats", [Flag("longest", 500, 50, "chat, in turns")]),
    "crowd": Benchmark(
        "behind_server",
        [
            Flag("people", 32, 2, "who ask at the same moment"),
            Flag("tokens", 100, 10, "of each answer"),
        ],
    ),
    "load": Benchmark(
        "beside_strangers",
        [
            Flag("repeats", 20, 1, "of each figure"),
            Flag("seconds", 60, 2, "length of the clip"),
        ],
    ),
}


def main(arguments: Sequence[str]) -> int:
    """Parse the command line, run the benchmark, print and keep its report. Returns the exit status."""
    options = parse(arguments)
    if options.what == "page":
        page.write()
        return 0
    if options.what == "all":
        return _all(options)
    before = {"command": _command(arguments), **facts()}
    module = importlib.import_module(f"tools.benchmarks.{BENCHMARKS[options.what].module}")
    report = replace(module.run(options), facts=before)
    print(report.markdown(), flush=True)
    report.keep(options.out / f"{options.what}.json")
    return 0


def _command(arguments: Sequence[str]) -> str:
    """The command that repeats this run."""
    threads = os.environ.get("OMP_NUM_THREADS")
    limited = [f"OMP_NUM_THREADS={threads}"] if threads else []
    return shlex.join([*limited, "python", "tools/bench.py", *arguments])


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("page")
    _add_common(what.add_parser("all"))
    for name, benchmark in BENCHMARKS.items():
        made = what.add_parser(name)
        _add_common(made)
        for flag in benchmark.all_flags:
            told = f"{flag.help}; usually {flag.usual}, {flag.quick} with --quick"
            made.add_argument(f"--{flag.name}", type=int, help=told)
        if benchmark.model:
            made.add_argument("--checkpoint", default="tiny", help="as for app.py")
            made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args(arguments)
    for flag in BENCHMARKS[options.what].all_flags if options.what in BENCHMARKS else ():
        if getattr(options, flag.name) is None:
            setattr(options, flag.name, flag.quick if options.quick else flag.usual)
    return options


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="once and little, to see that it runs")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON")


def _all(options: argparse.Namespace) -> int:
    """Run every benchmark in a process of its own. The reports of earlier ones stay if one fails."""
    began, failed = time.monotonic(), []
    for name in BENCHMARKS:
        flags = ["--quick"] if options.quick else []
        flags += ["--out", str(options.out)] if options.out != RESULTS else []
        left = LIMIT_S - (time.monotonic() - began)
        if not _ended_well([sys.executable, __file__, name, *flags], left):
            failed.append(name)
        print(f"-- {name}: {time.monotonic() - began:.0f} s in all", flush=True)
    if options.out == RESULTS:
        page.write()
    if failed:
        print(f"These failed, and their tables are as before: {', '.join(failed)}.")
    return 1 if failed else 0


def _ended_well(command: Sequence[str], limit_s: float) -> bool:
    """Run a command, and return whether it succeeded within the limit. None of its processes is left."""
    process = subprocess.Popen(command, start_new_session=True)
    try:
        return process.wait(max(0.0, limit_s)) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
