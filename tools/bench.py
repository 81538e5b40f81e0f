"""Measure what docs/benchmarks.md shows. Prints Markdown tables and keeps them as JSON.

python tools/bench.py start     from `python app.py` until the page is usable
python tools/bench.py ui        how much of the raw token rate reaches the browser
python tools/bench.py ttft      the first word of each turn of a conversation, against stock transformers
python tools/bench.py decode    tokens per second, against stock transformers and the bare model
python tools/bench.py lookup    what --prompt-lookup gains where an answer quotes, and costs where not
python tools/bench.py load      many people asking at once through the API
python tools/bench.py soak      a long day of many sessions: what grows
python tools/bench.py video     reading a 1080p clip, against stock transformers and bare decoding
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/bench.py` finds `tools`, `model` and `tests`

from tools.benchmarks.machine import Report, facts  # noqa: E402


def main() -> None:
    """Parse the command line, measure, print, keep."""
    options = parse(sys.argv[1:])
    before = facts()
    report = _run(options)
    print(report.markdown())
    for name, value in before:
        print(f"{name}: {value}")
    print(f"kept in {report.keep(before)}")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_subparsers(dest="what", required=True)

    def command(name: str, repeats: int) -> argparse.ArgumentParser:
        made = what.add_parser(name, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        made.add_argument("--repeats", type=int, default=repeats, help="medians are shown")
        return made

    # fmt: off
    start = command("start", 5)
    start.add_argument("--checkpoint", default="tiny", help="as for app.py")
    ui = command("ui", 5)
    ui.add_argument("--tokens", type=int, default=128, help="length of an answer")
    ui.add_argument("--threads", type=int, help="for torch, each way: 1 of 2 cores leaves the other to the browser")
    ttft = command("ttft", 3)
    ttft.add_argument("--turns", type=int, default=8, help="of the conversation")
    ttft.add_argument("--pictures", type=int, default=4, help="that it opens with")
    ttft.add_argument("--no-clip", action="store_true", help="without a clip")
    decode = command("decode", 3)
    decode.add_argument("--lengths", type=int, nargs="+", default=[1, 6144, 14336, 30720], help="input tokens")
    decode.add_argument("--new-tokens", type=int, default=2048, help="of each answer")
    lookup = command("lookup", 40)
    lookup.add_argument("--checkpoint", help="as for app.py; otherwise the bundled one")
    lookup.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    video = command("video", 3)
    video.add_argument("--seconds", type=int, default=300, help="length of the clip")
    video.add_argument("--no-stock", action="store_true", help="leave stock out: it needs 19 MB for each second")
    soak = command("soak", 1)
    soak.add_argument("--turns", type=int, default=1000, help="of all sessions together")
    soak.add_argument("--checkpoint", default="tiny", help="as for app.py")
    load = command("load", 1)
    load.add_argument("--checkpoint", help="as for app.py; otherwise 30 M random weights")
    load.add_argument("--people", type=int, default=16, help="who ask at the same moment")
    load.add_argument("--tokens", type=int, default=64, help="of each answer")
    load.add_argument("--backend", choices=("local", "openai"), default="local", help="'openai': in front of a server that gives each of them 20 tokens a second")
    # fmt: on
    if arguments[:1] in (["ttft"], ["decode"]):  # torch would slow a start down
        from tools.benchmarks import models

        for made in (ttft, decode):
            models.add_flags(made)
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> Report:
    # Only what is measured is imported.
    match options.what:
        case "start":
            from tools.benchmarks import starting

            return starting.run(options)
        case "ui":
            if options.threads:  # for the app too; read when torch is imported
                os.environ["OMP_NUM_THREADS"] = str(options.threads)
            from tools.benchmarks import streaming

            return streaming.run(options)
        case "ttft":
            from tools.benchmarks import first_token

            return first_token.run(options)
        case "lookup":
            from tools.benchmarks import quoting

            return quoting.run(options)
        case "load" if options.backend == "openai":
            from tools.benchmarks import behind_server

            return behind_server.run(options)
        case "load":
            from tools.benchmarks import crowd

            return crowd.run(options)
        case "soak":
            from tools.benchmarks import soaking

            return soaking.run(options)
        case "video":
            from tools.benchmarks import reading_video

            return reading_video.run(options)
    from tools.benchmarks import decoding

    return decoding.run(options)


if __name__ == "__main__":
    main()
