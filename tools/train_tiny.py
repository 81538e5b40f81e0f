"""Train the bundled checkpoint from nothing: `python tools/train_tiny.py --minutes 90`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/train_tiny.py` finds the package `tools`

from tools.tiny.checkpoint import FAMILIES, SIZES, write_random_checkpoint  # noqa: E402
from tools.tiny.training import Plan, train  # noqa: E402
from tools.tiny.world import WORLDS  # noqa: E402


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    # fmt: off
    parser.add_argument("--output", type=Path, default=ROOT / "assets" / "tiny-qwen2-vl", help="folder of the checkpoint")
    parser.add_argument("--init-only", action="store_true", help="write random weights and stop")
    parser.add_argument("--family", choices=FAMILIES, default="qwen2_vl", help="architecture (random weights only)")
    parser.add_argument("--size", choices=tuple(SIZES), default="tiny", help="how large (random weights only)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and data")
    parser.add_argument("--minutes", type=float, default=170.0, help="length of the training; later resumes count on")
    parser.add_argument("--steps", type=int, help="length in steps instead of minutes")
    parser.add_argument("--state", type=Path, default=ROOT / "training", help="folder for what resuming needs, and the log;"
                        " create a file named `finish` there to end early with a proper decay")
    parser.add_argument("--world", choices=tuple(WORLDS), default="full", help="`simple` learns little in a few minutes")
    parser.add_argument("--processes", type=int, default=2, help="training processes on a CPU, one thread each")
    parser.add_argument("--batch-scale", type=float, default=1.0, help="1 is about 12 dialogues per process; 12 suits a GPU")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw pictures (for a GPU)")
    # fmt: on
    options = parser.parse_args()
    if options.init_only:
        write_random_checkpoint(options.output, options.family, options.size, options.seed)
        return
    train(Plan(output=options.output, state=options.state, steps=options.steps, minutes=options.minutes,
               seed=options.seed, processes=options.processes, workers=options.workers, world=WORLDS[options.world], batch_scale=options.batch_scale))  # fmt: skip


if __name__ == "__main__":
    main()
