"""The wait before the first word, turn by turn: stock transformers, ours, ours with reuse off, ours read ahead.

Stock does what every Gradio demo does: the processor and `generate` on the whole conversation, each turn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from model.backend import Cancel, Usage, collected
from model.conversation import Conversation, Image, Part, Text, Video
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests import media_files
from tests.stock import stock_inputs
from tools.benchmarks import models
from tools.benchmarks.machine import Report

PICTURE = VisionSettings(max_tokens=640)
CLIP = VisionSettings(video_max_frames=8, video_max_tokens_per_frame=64)
ANSWER = GenerationSettings(max_new_tokens=16)


def run(options: argparse.Namespace) -> Report:
    """Measure `options.turns` turns, each `options.repeats` times."""
    backend = models.load(options)
    with TemporaryDirectory() as name:
        opening = _opening(Path(name), options.pictures, clip=not options.no_clip)
        runs = [
            models.in_thread(_conversation, backend, opening, options.turns, f"run {n}")
            for n in range(options.repeats)
        ]
        ahead = [
            models.in_thread(_ahead, backend, opening, f"ahead {n}") for n in range(options.repeats)
        ]
    turns = [
        [median(run[turn][way] for run in runs) for way in range(3)]
        for turn in range(options.turns)
    ]
    return _report(options, turns, median(ahead))


def _opening(folder: Path, pictures: int, *, clip: bool) -> tuple[Part, ...]:
    parts: list[Part] = []
    for number in range(pictures):
        path = folder / f"{number}.jpg"
        media_files.photo(path, (1600, 1200), seed=number)
        parts.append(Image(path, PICTURE))
    if clip:
        parts.append(Video(media_files.clip(folder / "clip.mp4", 40, size=(320, 240)), CLIP))
    return tuple(parts)


def _conversation(
    backend: LocalBackend, opening: Sequence[Part], turns: int, session: str
) -> list[tuple[float, float, float]]:
    """Seconds to the first token of each turn: stock, ours, ours without anything kept."""
    talk, measured = Conversation(), []
    for turn in range(turns):
        question = Text(f"Question number {turn + 1}: what do you see, and why?")
        talk = talk.with_user_turn(*(opening if not turn else ()), question)
        stock = _stock(backend, talk)
        text, usage = _ours(backend, talk, session)
        _, without = _ours(backend, talk, "")
        measured.append((stock, usage.ttft_s, without.ttft_s))
        talk = talk.with_reply(text)
    backend.forget(session)
    return measured


def _stock(backend: LocalBackend, talk: Conversation) -> float:
    began = time.perf_counter()
    inputs = {k: v.to(backend.model.device) for k, v in stock_inputs(backend, talk, ANSWER).items()}
    with torch.inference_mode():
        backend.model.generate(**inputs, do_sample=False, max_new_tokens=1)
    return time.perf_counter() - began


def _ours(backend: LocalBackend, talk: Conversation, session: str) -> tuple[str, Usage]:
    return collected(backend.stream(talk, ANSWER, Cancel(), session=session))


def _ahead(backend: LocalBackend, opening: Sequence[Part], session: str) -> float:
    """Seconds to the first token of a first turn whose media were read while its question was typed."""
    backend.read_ahead(Conversation().with_user_turn(*opening), ANSWER, session=session)
    talk = Conversation().with_user_turn(*opening, Text("Question: what do you see, and why?"))
    _, usage = _ours(backend, talk, session)
    backend.forget(session)
    return usage.ttft_s


def _report(options: argparse.Namespace, turns: Sequence[Sequence[float]], ahead: float) -> Report:
    stock, first = turns[0][0], "1, read ahead"
    rows = [("turn", "stock", "ours", "reuse off", "stock / ours")]
    rows.append((first, f"{stock:.3f} s", f"{ahead:.3f} s", "", f"{stock / ahead:.0f}"))
    for number, (slow, ours, without) in enumerate(turns, 1):
        rows.append(
            (
                str(number),
                f"{slow:.3f} s",
                f"{ours:.3f} s",
                f"{without:.3f} s",
                f"{slow / ours:.1f}",
            )
        )
    opening = f"{options.pictures} pictures of 640 tokens" + (
        "" if options.no_clip else " and a clip of 8 frames"
    )
    notes = [
        f"{models.name(options)}; the conversation opens with {opening}; medians of {options.repeats}"
    ]
    return Report("ttft", rows, notes, {"turns": [list(t) for t in turns], "ahead": ahead})
