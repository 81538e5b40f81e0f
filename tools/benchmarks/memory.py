"""Measures the memory that one answer needs beside the loaded model: stock transformers and ours, each in a process."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.benchmarks import alone
from tools.benchmarks.report import Cell, Report, columns

PICTURES = 4
WAYS = ("stock", "ours")


def run(options: argparse.Namespace) -> Report:
    """Measure both ways in turn, for images and for a text."""
    prompts = {
        f"{PICTURES} pictures of 640 tokens and a question": 0,
        f"{options.text:,} tokens of text": options.text,
    }
    rows: list[list[Cell]] = []
    for label, text in prompts.items():
        costs = [
            [alone.measured(__name__, way, str(text), str(options.tokens)).mb for way in WAYS]
            for _ in range(options.repeats)
        ]
        stock, ours = columns(costs, "MB")
        rows.append([label, stock, ours, ours.per(stock)])
    about = (
        f"the bundled checkpoint on the CPU, answers of {options.tokens} tokens; peak resident memory less that of "
        "the process with the loaded model, which had answered once"
    )
    return Report(about, ("prompt", "stock", "ours", "ours / stock"), rows)


def _work(way: str, text: int, tokens: int, folder: Path) -> Callable[[], object]:
    """Load and warm up the model, and return the function that answers."""
    from model.backend import Cancel, collected
    from model.conversation import Conversation, Text
    from model.local import LocalBackend
    from model.settings import GenerationSettings
    from tests.support.stock import stock_streamed
    from tools.benchmarks import conversations
    from tools.benchmarks.decoding import endless

    backend = LocalBackend.load("tiny", device="cpu", cache_gb=1.0)
    endless(backend)
    if text:
        talk = conversations.of_length(backend, text)
    else:
        pictures = conversations.pictures(folder, PICTURES)
        talk = Conversation().with_user_turn(*pictures, Text("What do you see?"))
    settings = GenerationSettings(max_new_tokens=tokens)

    def answer(talk: Conversation) -> None:
        if way == "stock":
            stock_streamed(backend, talk, settings)
        else:
            collected(backend.stream(talk, settings, Cancel(), session="memory"))

    (small,) = conversations.pictures(folder, 1)
    answer(Conversation().with_user_turn(small, Text("Hello")))
    backend.forget("memory")
    return lambda: answer(talk)


def _main() -> None:
    way, text, tokens = sys.argv[1:]
    with TemporaryDirectory() as name:
        alone.tell(_work(way, int(text), int(tokens), Path(name)))


if __name__ == "__main__":
    _main()
