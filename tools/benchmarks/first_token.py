"""Measures the time to the first token, turn by turn: stock transformers, ours, and ours without caches."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from model.backend import Cancel, Usage, collected
from model.conversation import Conversation, Part, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.stock import stock_streamed
from tools.benchmarks import conversations, models
from tools.benchmarks.report import Cell, Figures, Report

ANSWER = GenerationSettings(max_new_tokens=16)


@dataclass(frozen=True)
class Turn:
    """Seconds from the request to the first token, each way, and the prompt's tokens."""

    prompt_tokens: int
    stock: float
    ours: float
    nothing_kept: float


def run(options: argparse.Namespace) -> Report:
    """Measure `options.turns` turns, each `options.repeats` times, after one that warms up."""
    backend = models.load(options)
    with TemporaryDirectory() as name:
        opening = conversations.pictures(Path(name), options.pictures)
        runs = [
            models.in_thread(_conversation, backend, opening, options.turns, f"run {number}")
            for number in range(options.repeats + 1)
        ][1:]
    rows: list[list[Cell]] = []
    for number in range(options.turns):
        turns = [run[number] for run in runs]
        ways = ("stock", "ours", "nothing_kept")
        stock, ours, nothing_kept = (
            Figures(tuple(getattr(turn, way) for turn in turns), "s") for way in ways
        )
        length = f"{turns[0].prompt_tokens:,}"
        rows.append([str(number + 1), length, stock, ours, nothing_kept, stock.per(ours)])
    head = ("turn", "prompt tokens", "stock", "ours", "ours, nothing kept", "stock / ours")
    return Report(f"{models.name(backend)}, {options.pictures} pictures in the first turn", head, rows)  # fmt: skip


def _conversation(
    backend: LocalBackend, opening: Sequence[Part], turns: int, session: str
) -> list[Turn]:
    """Hold the conversation in all three ways, in turn. Raises `RuntimeError` if their answers differ."""
    talk, measured = Conversation(), []
    for number in range(turns):
        question = Text(f"Question number {number + 1}: what do you see, and why?")
        talk = talk.with_user_turn(*(opening if not number else ()), question)
        stock = stock_streamed(backend, talk, ANSWER)
        text, usage = _ours(backend, talk, session)
        again, nothing_kept = _ours(backend, talk, "")
        if not stock.text == text == again:
            raise RuntimeError(f"Turn {number + 1} has different answers.")
        measured.append(Turn(usage.prompt_tokens, stock.ttft_s, usage.ttft_s, nothing_kept.ttft_s))
        talk = talk.with_reply(text)
    backend.forget(session)
    return measured


def _ours(backend: LocalBackend, talk: Conversation, session: str) -> tuple[str, Usage]:
    return collected(backend.stream(talk, ANSWER, Cancel(), session=session))
