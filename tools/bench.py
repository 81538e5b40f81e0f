"""Measure what the README and the design promise. Prints Markdown tables; needs no GPU and no network.

python tools/bench.py start     from `python app.py` until the page is usable
python tools/bench.py ui        how much of the raw token rate reaches the browser
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/bench.py` finds `tools`, `model` and `tests`


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_subparsers(dest="what", required=True)
    # fmt: off
    start = what.add_parser("start", help="from `python app.py` until the page is usable", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    start.add_argument("--repeats", type=int, default=5, help="starts")
    start.add_argument("--checkpoint", default="tiny", help="as for app.py")
    ui = what.add_parser("ui", help="how much of the raw token rate reaches the browser", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    ui.add_argument("--repeats", type=int, default=5, help="answers each way")
    ui.add_argument("--tokens", type=int, default=128, help="length of an answer")
    # fmt: on
    options = parser.parse_args()
    # Only what is measured is imported: torch in this process would slow a start down.
    if options.what == "start":
        from tools.benchmarks import starting

        starting.run(options.repeats, options.checkpoint)
    else:
        from tools.benchmarks import streaming

        streaming.run(options.repeats, options.tokens)


if __name__ == "__main__":
    main()
