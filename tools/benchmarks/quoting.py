"""What `--prompt-lookup` gains where an answer quotes, and costs where it does not: the same answers with it and without.

The bundled checkpoint describes pictures, each twice. The first description quotes nothing, the second is the first again.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from PIL import Image as PillowImage

from model.backend import Cancel, collected
from model.choose import BUNDLED
from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
from tools.benchmarks import models
from tools.benchmarks.machine import Report
from tools.tiny.scene import make_picture

QUESTION = Text("Describe the image.")
WAYS = ("new", "again")


def run(options: argparse.Namespace) -> Report:
    """As many pictures as `options.repeats` says, each way in turn."""
    return models.in_thread(_run, options)


def _run(options: argparse.Namespace) -> Report:
    plain = LocalBackend.load(options.checkpoint or BUNDLED, device=options.device)
    drafting = LocalBackend(plain.model, plain.processor, cache_bytes=2**28, prompt_lookup=True)
    spent: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    with TemporaryDirectory() as folder:
        for number in range(options.repeats + 1):
            picture = _picture(Path(folder), number)
            told = list(zip(_answers(plain, picture), _answers(drafting, picture), strict=True))
            for way, ((one, without), (other, with_it)) in zip(WAYS, told, strict=True):
                if one != other:
                    raise RuntimeError(f"{one!r} became {other!r}.")
                if number:  # the first one warms up
                    spent[way].append((without, with_it))
    return _report(options, spent)


def _picture(folder: Path, number: int) -> Image:
    path = folder / f"{number}.png"
    PillowImage.fromarray(make_picture(8, 8, random.Random(number)).frames[0]).save(path)
    return Image(path)


def _answers(backend: LocalBackend, picture: Image) -> list[tuple[str, float]]:
    """A description and the same once more, each with the seconds that it took behind what was read ahead."""
    talk, answers = Conversation().with_user_turn(picture, QUESTION), []
    for _ in WAYS:
        backend.read_ahead(talk, GenerationSettings(), session="bench")
        began = time.perf_counter()
        said, _ = collected(backend.stream(talk, GenerationSettings(), Cancel(), session="bench"))
        answers.append((said, time.perf_counter() - began))
        talk = talk.with_reply(said).with_user_turn(QUESTION)
    return answers


def _report(options: argparse.Namespace, spent: dict[str, list[tuple[float, float]]]) -> Report:
    rows, figures = [("an answer", "without", "with lookup", "with / without")], {}
    for way, name in zip(WAYS, ("that quotes nothing", "that is given again"), strict=True):
        without, with_it = (median(column) for column in zip(*spent[way], strict=True))
        ratio = median(b / a for a, b in spent[way])
        rows.append((name, f"{without:.3f} s", f"{with_it:.3f} s", f"{ratio:.2f}"))
        figures[way] = {"without": without, "with": with_it, "ratio": ratio}
    notes = [
        f"{options.checkpoint or 'the bundled checkpoint'}; medians of {options.repeats} pictures; every answer is the same both ways"
    ]
    return Report("lookup", rows, notes, figures)
