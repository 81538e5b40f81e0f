"""Measures how often the checkpoint is right, task by task, through the application's own model service."""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from model.backend import Cancel, collected
from model.conversation import Conversation, Image, Text, Video
from model.local import LocalBackend
from model.settings import GenerationSettings
from tools.tiny import names
from tools.tiny.backgrounds import photograph
from tools.tiny.dialogue import SYSTEM, pick_grids
from tools.tiny.exam.second_renderer import draw_clip, draw_scene
from tools.tiny.exam.third_questions import KINDS, Question, overlap, questions
from tools.tiny.exchange import Exchange
from tools.tiny.other_questions import ask_about_clip, follow_up, small_talk
from tools.tiny.questions import ask_about, possible
from tools.tiny.references import place
from tools.tiny.scene import Scene, make_clip, make_picture
from tools.tiny.score import CONDITIONS, THIRD, Score
from tools.tiny.several_questions import ask_about_several
from tools.tiny.wordings import ENGLISH
from tools.tiny.world import WORLDS

LONGEST = 160  # tokens of an answer
FIRST = WORLDS["first"]
MAX_CHARACTERS = 4  # of a text in it
# Asks one question; gives whether the answer is right, and a wrong one.
Asker = Callable[[LocalBackend, Path], tuple[bool, str]]


@dataclass(frozen=True)
class Case:
    """Pictures, what was said before, a question and its true answer. `scene` is what it is about."""

    scenes: list[Scene]
    before: tuple[Exchange, ...]
    asked: Exchange
    vision_ids: bool = False

    @property
    def scene(self) -> Scene:
        """The picture that the answer is about."""
        return self.scenes[self.asked.counted[0].picture if self.asked.counted else 0]


class Examiner:
    """Makes cases of every task under one condition; the seeds are none that training uses."""

    def __init__(self, condition: str, task: str = "", seed: int = 990_001) -> None:
        self.condition = condition
        self.rng = random.Random(f"{condition}/{task}/{seed}")
        self.held_out = condition == "held-out wordings"

    def picture(self, wanted: Callable[[Scene], bool]) -> Scene:
        """A picture with a property, drawn until one comes up."""
        while True:
            if self.condition == "second renderer":
                count = self.rng.randint(1, FIRST.most_shapes)
                pool = names.SHAPES if self.rng.random() < 0.7 else self.rng.sample(names.SHAPES, 2)
                kinds = ["text"] if self.rng.random() < 0.25 else self.rng.choices(pool, k=count)
                scene = draw_scene(kinds, self.rng)
            else:
                scene = make_picture(
                    *pick_grids(self.rng, world=FIRST).picture, self.rng, world=FIRST
                )
            if not scene.photograph and wanted(scene):
                return scene

    def one(self, kind: str, wanted: Callable[[Scene], bool] = lambda _: True) -> Case:
        """A question of a kind about one picture."""
        scene = self.picture(lambda scene: kind in possible(scene) and wanted(scene))
        return Case([scene], (), ask_about(scene, self.rng, kind, held_out=self.held_out))

    def several(self, kind: str) -> Case:
        """A question of a kind about two to four pictures, with or without vision ids."""
        while True:
            scenes = [
                self.picture(lambda s: 0 < len(s.things) < 3)
                for _ in range(self.rng.choice((2, 2, 3, 4)))
            ]
            try:
                asked = ask_about_several(scenes, self.rng, kind, self.held_out)
            except IndexError:  # no picture fits the question
                continue
            return Case(scenes, (), asked, vision_ids=self.rng.random() < 0.5)

    def clip(self, kind: str) -> Case:
        """A question about a clip."""
        scene = (
            draw_clip(self.rng)
            if self.condition == "second renderer"
            else make_clip(*pick_grids(self.rng, world=FIRST).clip, self.rng, FIRST)
        )
        return Case([scene], (), ask_about_clip(scene, self.rng, kind, held_out=self.held_out))

    def follow_up(self, kind: str) -> Case:
        """A question that leans on the one before."""
        while True:
            first = self.one(
                self.rng.choice(("colour", "where")), lambda scene: len(scene.things) < 4
            )
            after = follow_up(first.scenes[0], first.asked, self.rng, held_out=self.held_out)
            if after and after.kind == kind:
                return Case(first.scenes, (first.asked,), after)

    def talk(self, kind: str) -> Case:
        """A message that is no question about an image. Half of them come with an image."""
        with_picture = kind != "no_picture" and self.rng.random() < 0.5
        while True:
            asked = small_talk(self.rng, picture=with_picture, held_out=self.held_out)
            if asked.kind == kind:
                return Case([self.picture(lambda _: True)] if with_picture else [], (), asked)

    def photograph(self) -> Case:
        """A photograph, or an image that looks like one."""
        side = 28 * self.rng.randint(4, 9)
        pixels = photograph(side, side, self.rng).astype("uint8")
        scene = Scene(pixels[None], (), photograph=True)
        return Case([scene], (), ask_about(scene, self.rng, held_out=self.held_out))

    def tasks(self) -> Iterator[tuple[str, Callable[[], Case]]]:
        """Every task's name and a source of its cases."""
        for count in range(1, FIRST.most_shapes + 1):
            yield (
                f"describe, {count} shape{'s' * (count > 1)}",
                lambda n=count: self.one(  # type: ignore[misc]
                    "describe", lambda scene: len(scene.things) == len(scene.shapes) == n
                ),
            )
        for length in range(1, MAX_CHARACTERS + 1):
            yield (
                f"read, {length} character{'s' * (length > 1)}",
                lambda n=length: self.one(  # type: ignore[misc]
                    "read", lambda scene: scene.text is not None and len(scene.text.text) == n
                ),
            )
        for kind in ("colour", "shape", "count", "count_by", "where", "exists", "is_colour", "locate", "point",
                     "text_colour", "absent"):  # fmt: skip
            yield kind, lambda kind=kind: self.one(kind)  # type: ignore[misc]
        for kind in (
            "pick_describe",
            "which_picture",
            "describe_all",
            "pick_colour",
            "count_pictures",
        ):
            yield kind, lambda kind=kind: self.several(kind)  # type: ignore[misc]
        for kind in ("describe_clip", "direction"):
            yield kind, lambda kind=kind: self.clip(kind)  # type: ignore[misc]
        for kind in ("follow_up", "follow_up_box"):
            yield kind, lambda kind=kind: self.follow_up(kind)  # type: ignore[misc]
        for kind in ("hello", "self", "refuse", "no_picture"):
            yield kind, lambda kind=kind: self.talk(kind)  # type: ignore[misc]
        yield "photograph", self.photograph


def answer(backend: LocalBackend, case: Case, folder: Path) -> str:
    """The application's greedy answer, with its default settings."""
    talk = Conversation(system=SYSTEM)
    media = [_saved(list(scene.frames), folder, number) for number, scene in enumerate(case.scenes)]
    for exchange in case.before:
        talk = talk.with_user_turn(*media, Text(exchange.question)).with_reply(exchange.answer)
        media = []
    talk = talk.with_user_turn(*media, Text(case.asked.question))
    return _said(backend, talk, case.vision_ids)


def answer_about_drawings(backend: LocalBackend, asked: Question, folder: Path) -> str:
    """The application's greedy answer to the last turn of a conversation about drawings."""
    talk = Conversation(system=asked.system)
    for number, turn in enumerate(asked.turns):
        drawn = ([np.asarray(frame) for frame in drawing.frames] for drawing in turn.drawings)
        media = [_saved(frames, folder, number) for frames in drawn]
        talk = talk.with_user_turn(*media, Text(turn.text))
        talk = talk.with_reply(turn.answer) if turn.answer else talk
    return _said(backend, talk, vision_ids=False)


def _said(backend: LocalBackend, talk: Conversation, vision_ids: bool) -> str:
    settings = GenerationSettings(max_new_tokens=LONGEST, vision_ids=vision_ids)
    return collected(backend.stream(talk, settings, Cancel()))[0]


def _saved(frames: Sequence[NDArray[np.uint8]], folder: Path, number: int) -> Image | Video:
    paths = []
    for index, frame in enumerate(frames):
        paths.append(folder / f"{number}-{index}.png")
        PilImage.fromarray(frame).save(paths[-1])
    # Two frames per second, as many as the service samples by default: it takes every one.
    return Video(frames=tuple(paths), fps=2.0) if len(paths) > 1 else Image(paths[0])


def is_right(case: Case, said: str) -> bool:
    """Whether an answer is right; boxes by overlap, descriptions by what they name, in any order."""
    kind, asked = case.asked.kind, case.asked
    said = re.sub(r"\bcenter\b", "centre", re.sub(r"\b([Cc])olor", r"\1olour", said))
    if kind in ("locate", "follow_up_box"):
        box = _numbers(said, 4)
        return box is not None and overlap(box, _thousandths(case)) >= 0.5
    if kind == "point":
        point = _numbers(said, 2)
        x1, y1, x2, y2 = _thousandths(case)
        return point is not None and x1 <= point[0] <= x2 and y1 <= point[1] <= y2
    if any(name in asked.answer for row in ENGLISH.table["places"] for name in row):
        return said in _places(case)
    if kind == "describe_clip":
        return sorted(_sentences(said)) == sorted(_sentences(asked.answer))
    if kind in ("describe", "pick_describe", "describe_all"):
        return _named(said) == _named(asked.answer)
    if kind in ("refuse", "photograph"):  # in many words or in few
        return said.startswith(asked.answer.split(":")[0])
    return said == asked.answer


def _named(text: str) -> list[list[str]]:
    """What a description names, picture by picture: `red circle`, `"AB12"`."""
    things = rf"(?:{'|'.join(names.COLOURS)}) (?:{'|'.join(names.SHAPES)}|text)|\"[^\"]*\"|blank|Picture \d"
    return [sorted(re.findall(things, sentence)) for sentence in _sentences(text)]


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=\.) ", text)


def _places(case: Case) -> set[str]:
    """The place as it is, and its neighbour where the thing's centre is within 3 % of the border."""
    thing, scene = case.scene.things[case.asked.counted[0].thing], case.scene
    accepted = set()
    for dx in (-0.03, 0, 0.03):
        for dy in (-0.03, 0, 0.03):
            x1, y1, x2, y2 = thing.box
            shift = (dx * scene.width, dy * scene.height)
            moved = replace(thing, box=(x1 + shift[0], y1 + shift[1], x2 + shift[0], y2 + shift[1]))
            accepted.add(case.asked.answer.replace(place(scene, thing), place(scene, moved)))
    return accepted


def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    corner = r"\((\d+),(\d+)\)"
    found = re.search(rf"<\|box_start\|>{corner}{(',' + corner) * (count == 4)}<\|box_end\|>", text)
    return tuple(float(number) for number in found.groups()) if found else None


def _thousandths(case: Case) -> tuple[float, ...]:
    thing, scene = case.scene.things[case.asked.counted[0].thing], case.scene
    sides = (scene.width, scene.height) * 2
    return tuple(1000 * a / b for a, b in zip(thing.box, sides, strict=True))


def jobs(conditions: tuple[str, ...] = CONDITIONS) -> list[tuple[str, str]]:
    """(condition, task) of everything that can be asked."""
    found = []
    for condition in (one for one in conditions if one != THIRD):
        examiner = Examiner(condition)
        for task, _ in examiner.tasks():
            if not examiner.held_out or _has_held_out_wordings(task):
                found.append((condition, task))
    return found + [(THIRD, kind) for kind in KINDS if THIRD in conditions]


def evaluate(
    backend: LocalBackend, condition: str, task: str, n: int, seconds: float | None = None
) -> Score:
    """One task with n cases, fewer where `seconds` run out."""
    one = _about_drawings(task) if condition == THIRD else _about_scenes(condition, task)
    score, started = Score(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        while score.asked < n and (seconds is None or time.monotonic() - started < seconds):
            right, mistake = one(backend, Path(folder))
            score.asked += 1
            score.right += right
            score.mistake = score.mistake or mistake
    return score


def _about_scenes(condition: str, task: str) -> Asker:
    make = dict(Examiner(condition, task).tasks())[task]

    def one(backend: LocalBackend, folder: Path) -> tuple[bool, str]:
        case = make()
        said = answer(backend, case, folder)
        if is_right(case, said):
            return True, ""
        return False, f"{case.asked.question!r}: {said!r} instead of {case.asked.answer!r}"

    return one


def _about_drawings(kind: str) -> Asker:
    make = questions(kind)

    def one(backend: LocalBackend, folder: Path) -> tuple[bool, str]:
        asked = make()
        said = answer_about_drawings(backend, asked, folder)
        return (True, "") if asked.right(said) else (False, f"{asked.turns[-1].text!r}: {said!r}")

    return one


def _has_held_out_wordings(task: str) -> bool:
    return task.split(",")[0] in ENGLISH.held_out or task in ("follow_up", "follow_up_box")
