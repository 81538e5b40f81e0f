"""Measure the bundled checkpoint through the application's model service and write the table into its card."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/eval_tiny.py` finds `tools` and `model`

from model.local import LocalBackend  # noqa: E402
from tools.tiny.evaluation import evaluate  # noqa: E402
from tools.tiny.model_card import write_accuracy  # noqa: E402
from tools.tiny.score import CONDITIONS  # noqa: E402


def main() -> None:
    """Parse the command line, ask, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    # fmt: off
    parser.add_argument("checkpoint", type=Path, nargs="?", default=ROOT / "assets" / "tiny-qwen2-vl", help="folder")
    parser.add_argument("--n", type=int, default=300, help="cases per task and condition")
    parser.add_argument("--seconds", type=float, help="time per task and condition; fewer cases when it runs out")
    parser.add_argument("--condition", choices=CONDITIONS, action="append", help="only this one; repeatable")
    parser.add_argument("--no-card", action="store_true", help="print the table, do not write it into the card")
    # fmt: on
    options = parser.parse_args()
    backend = LocalBackend.load(options.checkpoint, device="cpu", dtype="float32")
    results = []
    for condition, task, score in evaluate(
        backend, options.n, tuple(options.condition or CONDITIONS), options.seconds
    ):
        results.append((condition, task, score))
        print(
            f"{condition:18} {task:24} {score.percent:5.1f} % of {score.asked}  {score.mistake}",
            flush=True,
        )
        if not options.no_card:
            write_accuracy(options.checkpoint, results)


if __name__ == "__main__":
    main()
