"""Boxes and points in an answer, in pixels of the original picture.

Three conventions, from the model family's documentation: Qwen2-VL's control tokens with thousandths of width and
height, Qwen2.5-VL's JSON in pixels of the resized picture, Qwen3-VL's JSON in thousandths. Answers are untrusted
and often cut off: what is malformed is left out, what lies outside is brought to the border.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Convention = Literal["qwen2_vl", "qwen2_5_vl", "qwen3_vl"]
Size = tuple[int, int]  # width, height
THOUSANDTHS = (1000, 1000)
LONGEST_LABEL = 200  # characters

_NUMBER = r"\s*(-?\d{1,9}(?:\.\d{1,9})?)\s*"
_CORNER = rf"\({_NUMBER},{_NUMBER}\)"
_NUMBERS = re.compile(_NUMBER)
# A name, or one place, which belongs to the name before it.
_TOKENS = re.compile(
    rf"<\|object_ref_start\|>(?P<label>(?:(?!<\|).){{0,200}})<\|object_ref_end\|>"
    rf"|<\|box_start\|>(?P<box>\s*{_CORNER}(?:\s*,?\s*{_CORNER})?\s*)<\|box_end\|>"
    rf"|<\|quad_start\|>(?P<quad>\s*{_CORNER}(?:\s*,?\s*{_CORNER}){{3}}\s*)<\|quad_end\|>",
    re.DOTALL,
)
# Braces in a label are not the object's. Possessive, so that no answer is read for longer than it is.
_FLAT_OBJECT = re.compile(r'\{(?:[^{}"]++|"(?:[^"\\\n]++|\\.)*+")*+\}')


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the original picture, upper left and lower right corner."""

    label: str
    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True)
class Point:
    """A pixel of the original picture."""

    label: str
    x: int
    y: int


@dataclass(frozen=True)
class Mention:
    """A place as an answer writes it, in `answer[start:end]`: two numbers or four, x and y by turns."""

    label: str
    numbers: tuple[float, ...]
    start: int
    end: int


def parse(text: str, convention: Convention, *, original: Size, resized: Size) -> list[Box | Point]:
    """Everything that an answer so far points at, in its order. Never raises for what a model writes.

    original, resized: (width, height) of the picture as it was attached and as the model saw it.
    """
    places = (
        place(mention, convention, original=original, resized=resized)
        for mention in mentions(text, convention)
    )
    return [found for found in places if found]


def mentions(text: str, convention: Convention) -> Iterator[Mention]:
    """Every place that an answer so far names, in its order, on whichever picture it is."""
    return _in_tokens(text) if convention == "qwen2_vl" else _in_json(text)


def place(
    mention: Mention, convention: Convention, *, original: Size, resized: Size
) -> Box | Point | None:
    """Where on this picture a mention points; None for a box without an area."""
    unit = resized if convention == "qwen2_5_vl" else THOUSANDTHS
    label = " ".join(mention.label.split())[:LONGEST_LABEL]
    return _shape(label, _scaled(mention.numbers, unit, original))


def _in_tokens(text: str) -> Iterator[Mention]:
    label = ""
    for match in _TOKENS.finditer(text):
        if match["label"] is not None:
            label = match["label"]
            continue
        numbers = [float(number) for number in _NUMBERS.findall(match["box"] or match["quad"])]
        yield Mention(label, tuple(_extent(numbers) if match["quad"] else numbers), *match.span())


def _in_json(text: str) -> Iterator[Mention]:
    """From every flat object, wherever it stands: the list around them may be cut off."""
    for match in _FLAT_OBJECT.finditer(text):
        try:
            item = json.loads(match.group())
        except (ValueError, RecursionError):
            continue
        for key, count in (("bbox_2d", 4), ("point_2d", 2)):
            numbers = item.get(key)
            if (
                isinstance(numbers, list)
                and len(numbers) == count
                and all(map(_is_number, numbers))
            ):
                label = item.get("label", item.get("text_content", ""))
                known = label if isinstance(label, str) else ""
                yield Mention(known, tuple(numbers), *match.span())


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and value == value  # NaN is not


def _extent(corners: Sequence[float]) -> list[float]:
    """The upright rectangle around a quadrangle."""
    xs, ys = corners[::2], corners[1::2]
    return [min(xs), min(ys), max(xs), max(ys)]


def _scaled(numbers: Sequence[float], unit: Size, original: Size) -> list[int]:
    """X and y by turns, brought into the picture first: a number may be too large to be computed with."""
    scaled = []
    for place, number in enumerate(numbers):
        side, whole = unit[place % 2], original[place % 2]
        scaled.append(round(min(max(number, 0), side) * whole / side))
    return scaled


def _shape(label: str, pixels: Sequence[int]) -> Box | Point | None:
    if len(pixels) == 2:
        return Point(label, *pixels)
    x1, y1, x2, y2 = _extent(pixels)
    return Box(label, int(x1), int(y1), int(x2), int(y2)) if x1 < x2 and y1 < y2 else None
