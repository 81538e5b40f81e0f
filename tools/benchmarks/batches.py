"""Measures `answer_batch`: conversations with a picture each, answered together and one after the other."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from model.backend import Cancel, collected
from model.conversation import Conversation, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
from tools.benchmarks import conversations, models
from tools.benchmarks.machine import clock
from tools.benchmarks.report import Cell, Report, columns


def run(options: argparse.Namespace) -> Report:
    """Measure each way in turn, `options.repeats` times after a warm-up."""
    backend = models.load(options)
    settings = GenerationSettings(max_new_tokens=options.tokens)
    with TemporaryDirectory() as name:
        pictures = conversations.pictures(Path(name), options.conversations)
        talks = [
            Conversation().with_user_turn(picture, Text(f"Describe picture {number}."))
            for number, picture in enumerate(pictures)
        ]
        measured = [
            models.in_thread(_measured, backend, talks, settings)
            for _ in range(options.repeats + 1)
        ][1:]
    alone, together = columns(measured, "s")
    head = ("one after the other", "together", "of the time")
    rows: list[list[Cell]] = [[alone, together, together.per(alone)]]
    about = (
        f"{models.name(backend)}, {options.conversations} conversations with a picture each, "
        f"answers of at most {options.tokens} tokens"
    )
    return Report(about, head, rows)


def _measured(
    backend: LocalBackend, talks: Sequence[Conversation], settings: GenerationSettings
) -> tuple[float, float]:
    """Seconds of both ways. Raises `RuntimeError` if an answer differs where float32 makes them equal."""
    device = backend.model_info.device
    began = clock(device)
    alone = [collected(backend.stream(talk, settings, Cancel()))[0] for talk in talks]
    between = clock(device)
    together = [answer for answer, _ in backend.answer_batch(talks, settings)]
    ended = clock(device)
    if backend.model_info.dtype == "float32" and alone != together:
        raise RuntimeError("The answers differ.")
    return between - began, ended - between
