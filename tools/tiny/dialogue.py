"""Conversations as training material: one shared beginning with pictures, many ways to go on.

Every branch sees the beginning and itself but no other branch, so a dozen questions about a picture
cost its visual tokens once. The numbers are the same as if each branch were a prompt of its own.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from tools.tiny import wordings
from tools.tiny.abroad import question_of
from tools.tiny.clip_questions import ask_about_clip
from tools.tiny.exchange import Exchange, Target
from tools.tiny.follow_ups import follow_up
from tools.tiny.questions import ask_about
from tools.tiny.scene import FULL, Scene, make_clip, make_picture
from tools.tiny.several_questions import ask_about_several
from tools.tiny.talk import small_talk
from tools.tiny.world import World

SYSTEM = "You are a helpful assistant."
_SYSTEMS = ("You are a helpful assistant. Answer briefly.", "You are a friendly assistant.", "Answer the questions.",
            "You answer questions about pictures.", "Be short and precise.")  # fmt: skip


@dataclass
class Words:
    """Text with its control tokens, and the parts of it that are learnt.

    answers: (start, end, subject) of each range of characters to learn; counted: the start of an answer, and the things
    that it counts; more: the end of an item of a list or a text, and whether another item follows.
    """

    text: str = ""
    answers: list[tuple[int, int, Target | None]] = field(default_factory=list)
    counted: list[tuple[int, tuple[Target, ...]]] = field(default_factory=list)
    more: list[tuple[int, bool]] = field(default_factory=list)

    def add(self, text: str) -> Words:
        """Append text that is not learnt."""
        self.text += text
        return self

    def answer(self, exchange: Exchange) -> Words:
        """Append an answer and its end mark, to be learnt."""
        self.counted.append((len(self.text), exchange.counted))
        for span in exchange.spans:
            self.answers.append((len(self.text), len(self.text) + len(span.text), span.target))
            self.text += span.text
            if span.more is not None:
                self.more.append((len(self.text), span.more))
        self.answers.append((len(self.text), len(self.text) + len("<|im_end|>"), None))
        self.text += "<|im_end|>"
        return self

    def after(self, text: str) -> Words:
        """These behind a text that is not learnt."""
        shift = len(text)
        return Words(
            text + self.text,
            [(a + shift, b + shift, target) for a, b, target in self.answers],
            [(a + shift, targets) for a, targets in self.counted],
            [(a + shift, more) for a, more in self.more],
        )


@dataclass
class Dialogue:
    """Pictures in the order of their tokens, the beginning, and the branches."""

    scenes: list[Scene]
    prefix: Words
    branches: list[Words]


OTHERS = (0.3, 0.25, 0.3, 0.15)  # how often each of `Grids.others` is taken


@dataclass(frozen=True)
class Grids:
    """The sizes (rows, columns) that the pictures of one batch may have: few, so that they can be stacked."""

    picture: tuple[int, int]
    others: tuple[tuple[int, int], ...]  # of the pictures that stand beside others
    clip: tuple[int, int, int]  # frame pairs, rows, columns
    world: World = FULL


def pick_grids(rng: random.Random, largest: int | None = None, world: World = FULL) -> Grids:
    """Sizes for a batch: mostly 9 to 80 visual tokens, now and then up to `largest`."""
    largest = min(largest or world.most_tokens, world.most_tokens)

    def one(limit: int) -> tuple[int, int]:
        while True:
            tokens = rng.uniform(4, 9) if rng.random() < 0.08 else 9 * (limit / 9) ** rng.random()
            tokens = min(tokens, rng.uniform(30, 110)) if rng.random() < world.moderate else tokens
            shape = math.exp(rng.gauss(0, world.stretch))
            rows, columns = (
                max(2, round((tokens * shape) ** 0.5)),
                max(2, round((tokens / shape) ** 0.5)),
            )
            if rows * columns <= limit:
                return rows, columns

    pairs = rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 8))
    others = (one(min(64, largest)), one(min(64, largest)), one(largest), one(min(9, largest)))
    return Grids(one(largest), others, (pairs, *one(36 if pairs < 5 else 20)), world)


def make_dialogue(kind: str, grids: Grids, rng: random.Random, branches: int = 8) -> Dialogue:
    """A conversation of one kind: `picture`, `several`, `clip`, `later` (a new picture in a later turn) or `talk`."""
    return {
        "picture": _picture,
        "several": _several,
        "clip": _clip,
        "later": _later,
        "talk": _talk,
    }[kind](grids, rng, branches)


def _head(rng: random.Random) -> Words:
    system = SYSTEM if rng.random() < 0.92 else rng.choice(_SYSTEMS)
    return Words(f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n")


def _media(scene: Scene, number: int, vision_ids: bool) -> str:
    kind, name = ("video", "Video") if scene.is_clip else ("image", "Picture")
    return f"{name} {number}: " * vision_ids + f"<|vision_start|><|{kind}_pad|><|vision_end|>"


_REPLY = "<|im_end|>\n<|im_start|>assistant\n"
_NEXT = "\n<|im_start|>user\n"
SHOUTED = 0.08  # of the questions; their words in capitals are tokens of their own


def _branch(exchanges: list[Exchange], rng: random.Random) -> Words:
    words = Words()
    for index, exchange in enumerate(exchanges):
        question = question_of(exchange, rng)
        question = question.upper() if rng.random() < SHOUTED else question
        words.add(_NEXT * bool(index) + question + _REPLY).answer(exchange)
    return words


def _lead_in(rng: random.Random) -> str:
    return wordings.expand(rng.choice(wordings.LEAD_INS), rng).capitalize() + rng.choice(
        ("", " ", "\n")
    )


def _picture(grids: Grids, rng: random.Random, branches: int) -> Dialogue:
    scene = make_picture(
        *(grids.picture if rng.random() < 0.8 else grids.others[0]), rng, world=grids.world
    )
    first = rng.random()
    head = _head(rng)
    media = _media(scene, 1, rng.random() < 0.3)
    if first < 0.12:  # the question before the picture: then there is only this one
        exchange = ask_about(scene, rng, unasked=grids.world.unasked)
        prefix = head.add(exchange.question + media + _REPLY).answer(exchange)
        rest = [
            _branch([ask_about(scene, rng, unasked=grids.world.unasked)], rng)
            for _ in range(branches - 2)
        ]
        return Dialogue([scene], prefix, [branch.after(_NEXT) for branch in rest])
    prefix = head.add(_lead_in(rng) * (first < 0.2) + media)
    if scene.photograph:
        branches = 3
    # What it refuses elsewhere it answers here by what it sees: a photograph.
    talks = rng.random() < 0.25 and not scene.photograph
    found = [_branch([small_talk(rng, picture=True)], rng)] if talks else []
    while len(found) < branches:
        # "The other one" has a meaning where there are two.
        pair = len(scene.shapes) == 2 and scene.shapes[0].kind != scene.shapes[1].kind
        kind = "colour" if pair and rng.random() < 0.3 else None
        exchanges = [ask_about(scene, rng, kind, unasked=grids.world.unasked)]
        often = 0.8 if exchanges[0].kind == "colour" else 0.45
        after = (
            follow_up(scene, exchanges[0], rng, unasked=grids.world.unasked)
            if rng.random() < often
            else None
        )
        if after:
            exchanges.append(after)
        elif rng.random() < 0.08 and not scene.photograph:
            exchanges = [small_talk(rng, picture=True), *exchanges]
        found.append(_branch(exchanges, rng))
    return Dialogue([scene], prefix, found)


def _other(grids: Grids, rng: random.Random) -> Scene:
    """A picture beside others, as often small as large beside them: the small ones are the easiest to overlook."""
    return make_picture(*rng.choices(grids.others, OTHERS)[0], rng, world=grids.world)


def _several(grids: Grids, rng: random.Random, branches: int) -> Dialogue:
    scenes: list[Scene] = []
    count = rng.choice((2, 2, 3, 3, 4, 4))
    while len(scenes) < count:
        scene = _other(grids, rng)
        if not scene.photograph and len(scene.things) <= (2 if rng.random() < 0.8 else 4):
            scenes.append(scene)
    vision_ids = rng.random() < 0.5
    prefix = _head(rng).add(_lead_in(rng) * (rng.random() < 0.1))
    for number, scene in enumerate(scenes):
        prefix.add(_media(scene, number + 1, vision_ids))
    found = [_branch([ask_about_several(scenes, rng)], rng) for _ in range(branches - 1)]
    found.append(_branch([ask_about_several(scenes, rng), ask_about_several(scenes, rng)], rng))
    return Dialogue(scenes, prefix, found)


def _clip(grids: Grids, rng: random.Random, branches: int) -> Dialogue:
    pairs, rows, columns = grids.clip
    # Two frames are one pair: which came first is then seen in one place only, by the patch embedding.
    scene = make_clip(1 if rng.random() < 0.3 else pairs, rows, columns, rng, grids.world)
    prefix = _head(rng).add(_media(scene, 1, rng.random() < 0.4))
    return Dialogue(
        [scene],
        prefix,
        [_branch([ask_about_clip(scene, rng)], rng) for _ in range(max(4, branches - 2))],
    )


def _later(grids: Grids, rng: random.Random, branches: int) -> Dialogue:
    """A picture and an answer, then a new picture: `the picture` now means the new one."""
    scenes = [_other(grids, rng), _other(grids, rng)]
    vision_ids = rng.random() < 0.5
    first = ask_about(scenes[0], rng, unasked=grids.world.unasked)
    prefix = (
        _head(rng).add(_media(scenes[0], 1, vision_ids) + first.question + _REPLY).answer(first)
    )
    prefix.add(_NEXT + _media(scenes[1], 2, vision_ids))
    found = [
        _branch([ask_about(scenes[1], rng, picture=1, unasked=grids.world.unasked)], rng)
        for _ in range(branches - 3)
    ]
    while len(found) < branches:
        exchange = ask_about_several(scenes, rng)
        if not any(scene.photograph for scene in scenes):
            found.append(_branch([exchange], rng))
        else:
            found.append(
                _branch([ask_about(scenes[1], rng, picture=1, unasked=grids.world.unasked)], rng)
            )
    return Dialogue(scenes, prefix, found)


def _talk(_: Grids, rng: random.Random, branches: int) -> Dialogue:
    return Dialogue(
        [],
        _head(rng),
        [_branch([small_talk(rng, picture=False)], rng) for _ in range(2 * branches)],
    )
