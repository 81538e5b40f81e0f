"""Conversations as training material: one shared beginning with pictures, many ways to go on.

Every branch sees the beginning and itself but no other branch, so a dozen questions about a picture
cost its visual tokens once. The numbers are the same as if each branch were a prompt of its own.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from functools import partial

from tools.tiny.exchange import Exchange, Target
from tools.tiny.names import MAX_PICTURES
from tools.tiny.other_questions import ask_a_tool, ask_about_clip, follow_up, small_talk, tool_offer
from tools.tiny.questions import ask_about
from tools.tiny.scene import FULL, Scene, make_clip, make_picture
from tools.tiny.several_questions import ask_about_several
from tools.tiny.wordings import ENGLISH, LANGUAGES, Language, language
from tools.tiny.world import World

SYSTEM = "You are a helpful assistant."
_SYSTEMS = ("You are a helpful assistant. Answer briefly.", "You are a friendly assistant.", "Answer the questions.",
            "You answer questions about pictures.", "Be short and precise.")  # fmt: skip


@dataclass
class MarkedText:
    """Text with its control tokens, and the parts of it that are learnt.

    answers: (start, end, subject) of each range of characters to learn; counted: the start of an answer, and the things
    that it counts; more: the end of an item of a list or a text, and whether another item follows.
    """

    text: str = ""
    answers: list[tuple[int, int, Target | None]] = field(default_factory=list)
    counted: list[tuple[int, tuple[Target, ...]]] = field(default_factory=list)
    more: list[tuple[int, bool]] = field(default_factory=list)

    def add(self, text: str) -> MarkedText:
        """Append text that is not learnt."""
        self.text += text
        return self

    def answer(self, exchange: Exchange) -> MarkedText:
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


@dataclass
class Dialogue:
    """Pictures in the order of their tokens, the beginning, and the branches."""

    scenes: list[Scene]
    prefix: MarkedText
    branches: list[MarkedText]


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
            rows = max(2, round((tokens * shape) ** 0.5))
            columns = max(2, round((tokens / shape) ** 0.5))
            if rows * columns <= limit:
                return rows, columns

    pairs = rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 8))
    others = (one(min(64, largest)), one(min(64, largest)), one(largest), one(min(9, largest)))
    return Grids(one(largest), others, (pairs, *one(36 if pairs < 5 else 20)), world)


def make_dialogue(kind: str, grids: Grids, rng: random.Random, branches: int = 8) -> Dialogue:
    """A conversation of one kind: `picture`, `several`, `clip`, `later` (a new picture in each turn), `tools` or `talk`."""
    makers = {"picture": _picture, "several": _several, "clip": _clip, "later": _later, "tools": _tools, "talk": _talk}  # fmt: skip
    return makers[kind](grids, rng, branches)


def _head(rng: random.Random, tools: str = "") -> MarkedText:
    system = SYSTEM if rng.random() < 0.92 else rng.choice(_SYSTEMS)
    return MarkedText(f"<|im_start|>system\n{system}{tools}<|im_end|>\n<|im_start|>user\n")


def _media(scene: Scene, number: int, vision_ids: bool) -> str:
    kind, name = ("video", "Video") if scene.is_clip else ("image", "Picture")
    return f"{name} {number}: " * vision_ids + f"<|vision_start|><|{kind}_pad|><|vision_end|>"


_REPLY = "<|im_end|>\n<|im_start|>assistant\n"
_NEXT = "\n<|im_start|>user\n"
ABROAD = 0.16  # of the questions; the answers are in their language


def _language(rng: random.Random) -> Language:
    return language(rng.choice(LANGUAGES[1:])) if rng.random() < ABROAD else ENGLISH


SHOUTED = 0.08  # of the questions; their words in capitals are tokens of their own


def _branch(exchanges: list[Exchange], rng: random.Random, before: str = "") -> MarkedText:
    words = MarkedText(before)
    for index, exchange in enumerate(exchanges):
        question = exchange.question.upper() if rng.random() < SHOUTED else exchange.question
        words.add(_NEXT * bool(index) + question + _REPLY).answer(exchange)
    return words


def _picture(grids: Grids, rng: random.Random, branches: int) -> Dialogue:
    size = grids.picture if rng.random() < 0.8 else grids.others[0]
    scene, unasked = make_picture(*size, rng, world=grids.world), grids.world.unasked
    ask = partial(ask_about, scene, rng, unasked=unasked)
    first, head, media = rng.random(), _head(rng), _media(scene, 1, rng.random() < 0.3)
    if first < 0.12:  # the question before the picture: then there is only this one
        exchange = ask(language=_language(rng))
        prefix = head.add(exchange.question + media + _REPLY).answer(exchange)
        rest = [ask(language=_language(rng)) for _ in range(branches - 2)]
        return Dialogue([scene], prefix, [_branch([one], rng, _NEXT) for one in rest])
    prefix = head.add((ENGLISH.lead_in(rng) if first < 0.2 else "") + media)
    branches = 3 if scene.photograph else branches
    # What it refuses elsewhere it answers here by what it sees: a photograph.
    talks = rng.random() < 0.25 and not scene.photograph
    found = [_branch([small_talk(rng, True, language=_language(rng))], rng)] if talks else []
    while len(found) < branches:
        # "The other one" has a meaning where there are two.
        pair = len(scene.shapes) == 2 and scene.shapes[0].kind != scene.shapes[1].kind
        kind = "colour" if pair and rng.random() < 0.3 else None
        exchanges = [ask(kind, language=_language(rng))]
        often = 0.8 if exchanges[0].kind == "colour" else 0.45
        after = follow_up(scene, exchanges[0], rng, unasked=unasked) if rng.random() < often else None  # fmt: skip
        if after:
            exchanges.append(after)
        elif rng.random() < 0.08 and not scene.photograph:
            exchanges = [small_talk(rng, True, language=_language(rng)), *exchanges]
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
    prefix = _head(rng).add(ENGLISH.lead_in(rng) if rng.random() < 0.1 else "")
    for number, scene in enumerate(scenes):
        prefix.add(_media(scene, number + 1, vision_ids))
    asked = [ask_about_several(scenes, rng, language=_language(rng)) for _ in range(branches + 1)]
    return Dialogue(scenes, prefix, [*(_branch([one], rng) for one in asked[2:]), _branch(asked[:2], rng)])  # fmt: skip


def _clip(grids: Grids, rng: random.Random, branches: int) -> Dialogue:
    pairs, rows, columns = grids.clip
    # Two frames are one pair: which came first is then seen in one place only, by the patch embedding.
    scene = make_clip(1 if rng.random() < 0.3 else pairs, rows, columns, rng, grids.world)
    prefix = _head(rng).add(_media(scene, 1, rng.random() < 0.4))
    asked = [ask_about_clip(scene, rng, language=_language(rng)) for _ in range(max(4, branches - 2))]  # fmt: skip
    return Dialogue([scene], prefix, [_branch([one], rng) for one in asked])


def _later(grids: Grids, rng: random.Random, branches: int) -> Dialogue:
    """A new picture in each of two to five turns: `the picture` now means the newest."""
    scenes = [_other(grids, rng) for _ in range(rng.choice((2, 2, 3, 4, 5)))]
    vision_ids, unasked, prefix = rng.random() < 0.5, grids.world.unasked, _head(rng)
    for number, scene in enumerate(scenes[:-1]):
        said = ask_about(scene, rng, picture=number, unasked=unasked)
        prefix.add(_media(scene, number + 1, vision_ids) + said.question + _REPLY).answer(said).add(_NEXT)  # fmt: skip
    newest = len(scenes) - 1
    prefix.add(_media(scenes[newest], newest + 1, vision_ids))
    # By their number only as many pictures are asked for as stand beside each other elsewhere.
    across = 0 if newest >= MAX_PICTURES or any(scene.photograph for scene in scenes) else 3
    asked = [ask_about_several(scenes, rng) for _ in range(across)]
    ask = partial(ask_about, scenes[newest], rng, picture=newest, unasked=unasked)
    asked += [ask(language=_language(rng)) for _ in range(branches - across)]
    return Dialogue(scenes, prefix, [_branch([one], rng) for one in asked])


def _tools(grids: Grids, rng: random.Random, branches: int) -> Dialogue:
    """Tools are offered: what one of them answers is a call, everything else is answered as ever."""
    scene = _other(grids, rng)
    offer, offered = tool_offer(rng)
    prefix = _head(rng, offer).add(_media(scene, 1, rng.random() < 0.3))
    called = [ask_a_tool(scene, rng, offered) for _ in range(branches // 2)]
    asked = [one for one in called if one]
    asked += [ask_about(scene, rng, unasked=grids.world.unasked) for _ in range(branches - len(asked))]  # fmt: skip
    return Dialogue([scene], prefix, [_branch([one], rng) for one in asked])


def _talk(_: Grids, rng: random.Random, branches: int) -> Dialogue:
    said = [small_talk(rng, False, language=_language(rng)) for _ in range(2 * branches)]
    return Dialogue([], _head(rng), [_branch([one], rng) for one in said])
