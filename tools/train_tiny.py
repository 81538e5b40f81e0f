r"""Train the bundled checkpoint from nothing.

On a GPU, 16 minutes on an H100 beside 16 cores; what is bundled was made so:
    python tools/train_tiny.py --steps 9400 --batch-scale 7 --workers 12
On a CPU, in 3 hours on two cores:
    python tools/train_tiny.py

More fonts and photographs make it see better; they are found where these packages are installed:
    pip install --no-deps scikit-image font-roboto font-source-serif-pro font-source-sans-pro \
        font-manrope font-hanken-grotesk font-caladea font-intuitive font-fredoka-one
A killed run goes on from where it was when the same command is given again. A finished one leaves its state as
finished.pt and finished.jsonl, and the next training starts anew.

A finished checkpoint can be taught more, e.g. after the world was changed, in a fraction of the time:
    python tools/train_tiny.py --further assets/tiny-qwen2-vl --minutes 60 --seed 1
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/train_tiny.py` finds the package `tools`

from tools.tiny.checkpoint import FAMILIES, SIZES, write_random_checkpoint  # noqa: E402
from tools.tiny.model_card import write_training  # noqa: E402
from tools.tiny.training import Plan, StateError, train  # noqa: E402
from tools.tiny.world import WORLDS  # noqa: E402


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
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
    parser.add_argument("--further", type=Path, metavar="CHECKPOINT", help="go on from these finished weights, at a lower rate")
    parser.add_argument("--world", choices=tuple(WORLDS), default="full", help="`simple` learns little in a few minutes")
    parser.add_argument("--processes", type=int, default=2, help="training processes on a CPU, one thread each")
    parser.add_argument("--batch-scale", type=float, default=1.0, help="1 is about 12 dialogues per process; 7 suits a GPU")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw pictures (for a GPU)")
    # fmt: on
    options = parser.parse_args()
    if options.init_only:
        write_random_checkpoint(options.output, options.family, options.size, options.seed)
        said = "These weights are random: nothing has been trained, every answer is noise."
        write_training(options.output, said)
        return
    plan = Plan(output=options.output, state=options.state, further=options.further, steps=options.steps, minutes=options.minutes,
                seed=options.seed, processes=options.processes, workers=options.workers, world=WORLDS[options.world], batch_scale=options.batch_scale)  # fmt: skip
    try:
        train(plan)
    except StateError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
