"""Many people asking at once through the API: what each waits for, and what comes out altogether."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
from gradio_client import Client, handle_file
from PIL import Image

from tools import served
from tools.benchmarks.machine import Report
from tools.tiny.checkpoint import write_random_checkpoint
from tools.tiny.scene import make_picture

PICTURE_TOKENS = 64


@dataclass(frozen=True)
class Answer:
    """One person's, in seconds since asking."""

    first: float
    whole: float
    tokens: int


def run(options: argparse.Namespace) -> Report:
    """Let `options.people` ask about a picture of their own, all at the same moment."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = options.checkpoint or write_random_checkpoint(folder / "random", size="30m")
        flags = (f"--max-tokens={PICTURE_TOKENS}", f"--queue-size={options.people}")
        with served.serve(folder, checkpoint, *flags) as server:
            server.wait()
            clients = [served.program(server.address) for _ in range(options.people)]
            pictures = [_picture(folder, number) for number in range(options.people)]
            _ask(clients[0], pictures[0], options.tokens)  # until the model has been loaded
            clients[0].predict(api_name="/reset")
            process = psutil.Process(server.process.pid)
            before = process.memory_info().rss
            began = time.perf_counter()
            with ThreadPoolExecutor(options.people) as pool:
                answers = list(
                    pool.map(
                        lambda k: _ask(clients[k], pictures[k], options.tokens),
                        range(options.people),
                    )
                )
            seconds = time.perf_counter() - began
            grown = (process.memory_info().rss - before) / 2**20
    return _report(options, answers, seconds, grown)


def _picture(folder: Path, number: int) -> Path:
    scene = make_picture(8, 8, random.Random(number))
    path = folder / f"{number}.png"
    Image.fromarray(scene.frames[0]).save(path)
    return path


def _ask(client: Client, picture: Path, tokens: int) -> Answer:
    asked = time.perf_counter()
    message = {"text": "What is this?", "files": [handle_file(str(picture))]}
    settings = {"max_new_tokens": tokens, "temperature": 1.0, "seed": 0}
    _, usage = client.predict(message, settings, api_name="/chat")
    return Answer(usage["ttft_s"], time.perf_counter() - asked, usage["new_tokens"])


def _report(
    options: argparse.Namespace, answers: Sequence[Answer], seconds: float, grown: float
) -> Report:
    rate = sum(answer.tokens for answer in answers) / seconds
    first, whole = (sorted(getattr(a, name) for a in answers) for name in ("first", "whole"))
    rows = [
        (f"{options.people} people at once", ""),
        ("tokens per second altogether", f"{rate:.1f}"),
        (
            "first word",
            f"{median(first):.1f} s in the middle, {first[-1]:.1f} s at the end of the queue",
        ),
        (
            "whole answer",
            f"{median(whole):.1f} s in the middle, {whole[-1]:.1f} s at the end of the queue",
        ),
        ("memory grown by", f"{grown:.0f} MB"),
    ]
    notes = [
        f"each about a picture of {PICTURE_TOKENS} tokens, answers of up to {options.tokens} tokens"
    ]
    figures = {"tokens_per_s": rate, "first": first, "whole": whole, "mb": grown}
    return Report("load", rows, notes, figures)
