"""Measures the seconds that reading ahead saves: a message's images are read while its question is typed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from model.backend import Cancel, collected
from model.conversation import Conversation, Part, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
from tools.benchmarks import conversations, models
from tools.benchmarks.machine import clock
from tools.benchmarks.report import Cell, Report, columns

ANSWER = GenerationSettings(max_new_tokens=1)
QUESTION = Text("What do you see, and why?")


def run(options: argparse.Namespace) -> Report:
    """Measure each way in turn, `options.repeats` times after a warm-up."""
    backend = models.load(options)
    with TemporaryDirectory() as name:
        opening = conversations.pictures(Path(name), options.pictures)
        talk = Conversation().with_user_turn(*opening, QUESTION)
        tokens = conversations.prompt_tokens(backend, talk)
        measured = [
            models.in_thread(_measured, backend, opening) for _ in range(options.repeats + 1)
        ][1:]
    whole, reading, rest = columns(measured, "s")
    head = ("prompt tokens", "first token, read when sent", "reading ahead takes", "first token then", "saved")  # fmt: skip
    rows: list[list[Cell]] = [[f"{tokens:,}", whole, reading, rest, whole.less(rest)]]
    return Report(f"{models.name(backend)}, {options.pictures} pictures", head, rows)


def _measured(backend: LocalBackend, opening: Sequence[Part]) -> tuple[float, float, float]:
    """Seconds to the first token without reading ahead, of reading ahead, and to the first token after it."""
    talk, session = Conversation().with_user_turn(*opening, QUESTION), "ahead"
    _, unprepared = collected(backend.stream(talk, ANSWER, Cancel()))
    device = backend.model_info.device
    began = clock(device)
    backend.read_ahead(Conversation().with_user_turn(*opening), ANSWER, session=session)
    reading = clock(device) - began
    _, prepared = collected(backend.stream(talk, ANSWER, Cancel(), session=session))
    backend.forget(session)
    return unprepared.ttft_s, reading, prepared.ttft_s
