"""Measures the bundled checkpoint through the application's model service, and writes the table into its card."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from functools import cache, partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/eval_tiny.py` finds `tools` and `model`

import torch  # noqa: E402

from model.local import LocalBackend  # noqa: E402
from tools.tiny.exam.evaluation import evaluate, jobs  # noqa: E402
from tools.tiny.exam.svg import MODULES, PACKAGES, there  # noqa: E402
from tools.tiny.model_card import write_accuracy  # noqa: E402
from tools.tiny.score import CONDITIONS, THIRD, Score  # noqa: E402


def main() -> None:
    """Parse the command line, evaluate every task, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    # fmt: off
    parser.add_argument("checkpoint", type=Path, nargs="?", default=ROOT / "assets" / "tiny-qwen2-vl", help="folder")
    parser.add_argument("--n", type=int, default=300, help="cases per task and condition")
    parser.add_argument("--seconds", type=float, help="time per task and condition; fewer cases when it runs out")
    parser.add_argument("--condition", choices=CONDITIONS, action="append", help="only this one; repeatable")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that ask at the same time")
    parser.add_argument("--no-card", action="store_true", help="print the table, do not write it into the card")
    # fmt: on
    options = parser.parse_args()
    conditions = tuple(options.condition or CONDITIONS)
    missing = [
        package for module, package in zip(MODULES, PACKAGES, strict=True) if not there(module)
    ]
    if missing and THIRD in conditions:
        parser.error(
            f"the third renderer needs `pip install --no-deps {' '.join(missing)}`; leave it out with --condition"
        )
    ask = partial(_ask, str(options.checkpoint), options.n, options.seconds)
    results = []
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for condition, task, score in pool.imap(ask, jobs(conditions)):
            results.append((condition, task, score))
            print(
                f"{condition:18} {task:24} {score.percent:5.1f} % of {score.asked}  {score.mistake}",
                flush=True,
            )
            if not options.no_card:  # row by row: it takes 40 minutes or more on two cores
                write_accuracy(options.checkpoint, results)


def _ask(
    checkpoint: str, n: int, seconds: float | None, job: tuple[str, str]
) -> tuple[str, str, Score]:
    condition, task = job
    return condition, task, evaluate(_backend(checkpoint), condition, task, n, seconds)


@cache
def _backend(checkpoint: str) -> LocalBackend:
    """The backend of this process, on one thread: several processes are faster than several threads."""
    torch.set_num_threads(1)
    return LocalBackend.load(checkpoint, device="cpu", dtype="float32")


if __name__ == "__main__":
    main()
