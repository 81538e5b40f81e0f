"""Measures what `--prompt-lookup` gains where an answer quotes, and costs elsewhere.

The bundled checkpoint describes each image twice. The first description quotes nothing, the second repeats the first.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image as PillowImage

from model.backend import Cancel, collected
from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
from tools.benchmarks import models
from tools.benchmarks.machine import clock
from tools.benchmarks.report import Cell, Report, columns
from tools.tiny.scene import make_picture

QUESTION = Text("Describe the image.")
LABELS = ("that quotes nothing", "that is given again")


def run(options: argparse.Namespace) -> Report:
    """Describe `options.repeats` images, both ways in turn, after a warm-up."""
    plain = models.load(options)
    drafting = LocalBackend(plain.model, plain.processor, cache_bytes=2**28, prompt_lookup=True)
    with TemporaryDirectory() as folder:
        pairs = [
            models.in_thread(_pair, plain, drafting, _picture(Path(folder), number))
            for number in range(options.repeats + 1)
        ][1:]
    rows: list[list[Cell]] = []
    for way, label in enumerate(LABELS):
        without, with_it = columns((pair[way] for pair in pairs), "s")
        rows.append([label, without, with_it, with_it.per(without)])
    head = ("an answer", "without", "with lookup", "with / without")
    return Report(f"{models.name(plain)}, a description of each of {options.repeats} pictures, twice", head, rows)  # fmt: skip


def _pair(plain: LocalBackend, drafting: LocalBackend, picture: Image) -> list[tuple[float, float]]:
    """(seconds without lookup, seconds with it) of both descriptions. Raises `RuntimeError` if the answers differ."""
    seconds = []
    both = zip(_answers(plain, picture), _answers(drafting, picture), strict=True)
    for (one, without), (other, with_it) in both:
        if one != other:
            raise RuntimeError(f"{one!r} became {other!r}.")
        seconds.append((without, with_it))
    return seconds


def _picture(folder: Path, number: int) -> Image:
    path = folder / f"{number}.png"
    PillowImage.fromarray(make_picture(8, 8, random.Random(number)).frames[0]).save(path)
    return Image(path)


def _answers(backend: LocalBackend, picture: Image) -> list[tuple[str, float]]:
    """Both descriptions, each with its seconds after the prompt was read ahead."""
    talk, answers = Conversation().with_user_turn(picture, QUESTION), []
    device = backend.model_info.device
    for _ in LABELS:
        backend.read_ahead(talk, GenerationSettings(), session="bench")
        began = clock(device)
        said, _ = collected(backend.stream(talk, GenerationSettings(), Cancel(), session="bench"))
        answers.append((said, clock(device) - began))
        talk = talk.with_reply(said).with_user_turn(QUESTION)
    return answers
