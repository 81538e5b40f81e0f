"""Questions about the third renderer's drawings, by kind, each with what a right answer says."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tools.tiny import names
from tools.tiny.exam import svg
from tools.tiny.exam.people import as_in, in_language, question, read, texts
from tools.tiny.exam.third_renderer import (
    Drawing,
    draw,
    grow,
    line_up,
    overlapping,
    page,
    spread,
    unequal,
    write,
)

NUMBERS = set("123456")
TOOLS = {
    "get_date": {"type": "function", "function": {"name": "get_date", "description": "Today's date.",
                 "parameters": {"type": "object", "properties": {}}}},
    "crop": {"type": "function", "function": {"name": "crop", "description": "A part of the picture, enlarged.",
             "parameters": {"type": "object", "properties": {"bbox_2d": {"type": "array", "items": {"type": "integer"},
             "description": "x1, y1, x2, y2 in thousandths of the picture"}}, "required": ["bbox_2d"]}}},
}  # fmt: skip
# The Qwen family's wording (Qwen2.5's chat template); the tools stand between.
_OFFER = (
    "You are a helpful assistant.\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n{tools}\n</tools>\n\n"
    "For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n"
    '<tool_call>\n{{"name": <function-name>, "arguments": <args-json-object>}}\n</tool_call>'
)


@dataclass(frozen=True)
class Turn:
    """What a person says, with the drawings that come with it, and what was answered."""

    drawings: tuple[Drawing, ...]
    text: str
    answer: str = ""


@dataclass(frozen=True)
class Question:
    """A conversation whose last turn has no answer yet, and the judge of that answer."""

    turns: tuple[Turn, ...]
    right: Callable[[str], bool]
    system: str = "You are a helpful assistant."


def _things(count: int, rng: random.Random, colours: tuple[str, ...] = svg.BASIC) -> list[tuple[str, str]]:  # fmt: skip
    """Shapes and colours, all different; the colours of the larger world have questions of their own."""
    return list(zip(rng.sample(names.SHAPES, count), rng.sample(colours, count), strict=True))


def _about(drawing: Drawing, rng: random.Random, kind: str = "", language: str = "en") -> Question:
    """A plain question about one of a drawing's shapes, or all of them."""
    kind = kind or rng.choice(("describe", "colour", "shape"))
    mark = rng.choice(drawing.marks)
    asked = question(kind, language, rng, **{slot: word for slot, word in (("shape", mark.shape), ("colour", mark.colour)) if slot in _slots(kind)})  # fmt: skip
    shapes, colours = ({getattr(m, side) for m in drawing.marks} for side in ("shape", "colour"))
    sure, possible = {
        "describe": (shapes | colours, NUMBERS),
        "colour": ({mark.colour}, {mark.shape}),
        "shape": ({mark.shape}, {mark.colour}),
        "count": ({str(len(drawing.marks))}, shapes | colours),
    }[kind]
    return _one(drawing, asked, sure, possible, language)


def _slots(kind: str) -> tuple[str, ...]:
    return {"colour": ("shape",), "shape": ("colour",)}.get(kind, ())


def _one(drawing: Drawing, asked: str, sure: set[str], possible: set[str], language: str = "en") -> Question:  # fmt: skip
    """A question about one drawing whose answer names certain things."""
    right = partial(as_in, sure=set(sure), possible=set(possible), language=language)
    return Question((Turn((drawing,), asked),), right)


def styled(style: str, rng: random.Random) -> Question:
    """One or two shapes drawn in a style."""
    size, count = page(rng), rng.choice((1, 1, 2))
    return _about(draw(_things(count, rng), spread(count, size, rng), size, rng, style), rng)


def reading(letterings: tuple[str, ...], kind: str, rng: random.Random) -> Question:
    """A text in some lettering: of a kind in `people.toml`, or some letters and digits."""
    text = rng.choice(texts(kind)) if kind else _characters(4, rng)
    drawing = write(text, rng.choice(letterings), rng)
    asked = question("read", "en", rng)
    return Question((Turn((drawing,), asked),), partial(read, text=text))


def _characters(most: int, rng: random.Random) -> str:
    return "".join(rng.choices(names.CHARACTERS, k=rng.randint(1, most)))


def beside(rng: random.Random) -> Question:
    """Two shapes in line: what is left, right, above or below of the other."""
    across, size = rng.random() < 0.5, page(rng)
    drawing = draw(_things(2, rng), line_up(2, across, size, rng), size, rng)
    first = rng.random() < 0.5
    kind = (("left", "right") if across else ("above", "below"))[not first]
    wanted, other = drawing.marks if first else drawing.marks[::-1]
    asked = question(kind, "en", rng, shape=other.shape)
    return _one(drawing, asked, {wanted.shape}, {wanted.colour, other.shape, other.colour})


def outermost(rng: random.Random) -> Question:
    """Three shapes in line: which is furthest to one side."""
    across, size = rng.random() < 0.5, page(rng)
    drawing = draw(_things(3, rng), line_up(3, across, size, rng), size, rng)
    first = rng.random() < 0.5
    kind = (("at_left", "at_right") if across else ("at_top", "at_bottom"))[not first]
    wanted = drawing.marks[0 if first else -1]
    return _one(drawing, question(kind, "en", rng), {wanted.shape}, {wanted.colour})


def extreme(rng: random.Random) -> Question:
    """Shapes of different sizes: which is the biggest, or the smallest."""
    size, count, kind = page(rng), rng.randint(2, 4), rng.choice(("biggest", "smallest"))
    drawing = draw(_things(count, rng), unequal(count, size, rng), size, rng)
    wanted = drawing.marks[0 if kind == "biggest" else -1]
    return _one(drawing, question(kind, "en", rng), {wanted.shape}, {wanted.colour})


def unusual(colour: str, rng: random.Random) -> Question:
    """A shape in a colour that the smaller world lacks."""
    size = page(rng)
    things = [(rng.choice(names.SHAPES), colour)]
    return _about(draw(things, spread(1, size, rng), size, rng), rng, rng.choice(("describe", "colour")))  # fmt: skip


def covered(rng: random.Random) -> Question:
    """Two shapes, one of which covers a part of the other."""
    size = page(rng)
    return _about(draw(_things(2, rng), overlapping(size, rng), size, rng), rng)


def pictured(rng: random.Random) -> Question:
    """Shapes on a photograph."""
    size, count = page(rng), rng.choice((1, 2))
    drawing = draw(_things(count, rng), spread(count, size, rng), size, rng, "flat", True)
    return _about(drawing, rng, rng.choice(("describe", "colour", "shape")))


def counted(rng: random.Random) -> Question:
    """One to six shapes, some of them alike."""
    size, count = page(rng), rng.randint(1, 6)
    things = [(rng.choice(names.SHAPES), rng.choice(svg.BASIC)) for _ in range(count)]
    return _about(draw(things, spread(count, size, rng), size, rng), rng, "count")


def growing(rng: random.Random) -> Question:
    """A clip in which a shape grows or shrinks."""
    shape, colour = _things(1, rng)[0]
    larger = rng.random() < 0.5
    clip = grow(shape, colour, larger, rng)
    asked = question("grow", "en", rng, shape=shape)
    return _one(clip, asked, {"grow" if larger else "shrink"}, {shape, colour})


def one_word(rng: random.Random) -> Question:
    """A colour or a shape, and nothing but the word."""
    size, kind = page(rng), rng.choice(("colour_word", "shape_word"))
    drawing = draw(_things(1, rng), spread(1, size, rng), size, rng)
    mark = drawing.marks[0]
    word = mark.colour if kind == "colour_word" else mark.shape
    asked = question(kind, "en", rng, **({"shape": mark.shape} if kind == "colour_word" else {}))
    return Question((Turn((drawing,), asked),), partial(_is_word, word=word))


def _is_word(answer: str, word: str) -> bool:
    said = re.findall(r"\w+", answer.lower().replace("gray", "grey"))
    return said == [word]


def colours(rng: random.Random) -> Question:
    """All colours of two or three shapes."""
    size, count = page(rng), rng.choice((2, 3))
    drawing = draw(_things(count, rng), spread(count, size, rng), size, rng)
    all_colours = {mark.colour for mark in drawing.marks}
    shapes = {mark.shape for mark in drawing.marks}
    return _one(drawing, question("colours", "en", rng), all_colours, shapes)


def later(rng: random.Random) -> Question:
    """Three to five turns with a picture each; the question is about the last."""
    turns = []
    for _ in range(rng.randint(2, 4)):
        drawing, asked = _plain(rng)
        mark = drawing.marks[0]
        turns.append(Turn((drawing,), asked.turns[0].text, f"The {mark.shape} is {mark.colour}."))
    _, last = _plain(rng)
    return Question((*turns, *last.turns), last.right)


def _plain(rng: random.Random) -> tuple[Drawing, Question]:
    """One shape in a colour of the smaller world, drawn flat, and its colour or description asked for."""
    size = page(rng)
    drawing = draw(_things(1, rng), spread(1, size, rng), size, rng, "flat")
    return drawing, _about(drawing, rng, rng.choice(("describe", "colour")))


def abroad(language: str, rng: random.Random) -> Question:
    """A question in another language, answered in it."""
    kind = rng.choice(("describe", "colour", "count", "read"))
    if kind == "read":
        drawing = write(_characters(3, rng), "serif", rng)
        judge = partial(_read_abroad, text=drawing.text, language=language)
        return Question((Turn((drawing,), question(kind, language, rng)),), judge)
    size, count = page(rng), rng.choice((1, 2))
    drawing = draw(_things(count, rng), spread(count, size, rng), size, rng, "flat")
    return _about(drawing, rng, kind, language)


def _read_abroad(answer: str, text: str, language: str) -> bool:
    return in_language(answer, language) and read(answer, text)


def tool(name: str, rng: random.Random) -> Question:
    """A request that one of two offered tools answers."""
    size = page(rng)
    drawing = draw(_things(2, rng), spread(2, size, rng), size, rng, "flat")
    mark = drawing.marks[0]
    offered = "\n".join(json.dumps(TOOLS[one]) for one in TOOLS)
    asked = question("date", "en", rng) if name == "get_date" else question("crop", "en", rng, shape=mark.shape)  # fmt: skip
    box = (mark.x - mark.radius, mark.y - mark.radius, mark.x + mark.radius, mark.y + mark.radius)
    thousandths = tuple(1000 * side / size[k % 2] for k, side in enumerate(box))
    right = partial(_calls, name=name, box=thousandths if name == "crop" else None)
    return Question((Turn((drawing,), asked),), right, _OFFER.format(tools=offered))


def _calls(answer: str, name: str, box: tuple[float, ...] | None) -> bool:
    """Whether an answer is one call of a tool, its box about where the thing is."""
    found = re.fullmatch(r"\s*<tool_call>\s*(\{.*\})\s*</tool_call>\s*", answer, re.DOTALL)
    try:
        call = json.loads(found[1]) if found else {}
        given = [float(side) for side in call.get("arguments", {}).get("bbox_2d", ())]
    except (ValueError, TypeError, AttributeError):
        return False
    if call.get("name") != name:
        return False
    return given == [] if box is None else len(given) == 4 and overlap(tuple(given), box) >= 0.4


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    wide = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    tall = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    union = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)) - wide * tall
    return wide * tall / union if union > 0 else 0.0


def cannot(rng: random.Random) -> Question:
    """Something out of its world, with or without a picture: said so in one short sentence."""
    drawing = _plain(rng)[0]
    drawings = (drawing,) if rng.random() < 0.5 else ()
    return Question((Turn(drawings, question("cannot", "en", rng)),), _short_refusal)


def _short_refusal(answer: str) -> bool:
    sentences = re.findall(r"[^.!?]+[.!?]", answer)
    refuses = re.search(r"\b(cannot|can't|only know|do not know|don't know)\b", answer)
    return refuses is not None and len(sentences) == 1 and len(answer.split()) <= 20


KINDS: dict[str, Callable[[random.Random], Question]] = {
    "thick outlines": partial(styled, "outline"),
    "scribbled": partial(styled, "scribble"),
    "gradients and shading": partial(styled, "gradient"),
    "drawn by hand": partial(styled, "pencil"),
    **{f"text, {one}": partial(reading, (one,), "") for one in svg.FONTS},
    "words of 5 letters": partial(reading, tuple(svg.FONTS), "words_5"),
    "words of 6 to 8 letters": partial(reading, tuple(svg.FONTS), "words_6_8"),
    "two words": partial(reading, tuple(svg.FONTS), "two_words"),
    "left of, right of, above, below": beside,
    "leftmost, topmost, ...": outermost,
    "biggest, smallest": extreme,
    **{one: partial(unusual, one) for one in ("pink", "brown", "grey")},
    "one covers another": covered,
    "on a photograph": pictured,
    "counts to six": counted,
    "clips: grows, shrinks": growing,
    "in one word": one_word,
    "the colours": colours,
    "a new picture in each turn": later,
    "asked in Chinese": partial(abroad, "zh"),
    "asked in Korean": partial(abroad, "ko"),
    "calls get_date": partial(tool, "get_date"),
    "calls crop": partial(tool, "crop"),
    "says briefly what it cannot": cannot,
}


def questions(kind: str, seed: int = 770_001) -> Callable[[], Question]:
    """A source of questions of a kind, the same for the same seed."""
    return partial(KINDS[kind], random.Random(f"third/{kind}/{seed}"))
