"""Boxes and points of an answer, in pixels of the original image.

Three conventions, from the model family's documentation: Qwen2-VL's control tokens with thousandths of width and
height, Qwen2.5-VL's JSON in pixels of the resized image, Qwen3-VL's JSON in thousandths. Answers are untrusted and
often cut off: unreadable places are left out, and places outside the image are moved to its border.
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from model.grounding.json_places import in_json
from model.grounding.mention import Mention, extent
from model.grounding.tags import in_tags

Convention = Literal["qwen2_vl", "qwen2_5_vl", "qwen3_vl"]
# Width and height in pixels.
Size = tuple[int, int]
THOUSANDTHS = (1000, 1000)
MAX_LABEL_CHARACTERS = 200

# Blocks and spans of code; what they begin with, and their language, tells whether they hold data.
_CODE = re.compile(
    r"(?P<fence>```|~~~)(?P<language>[^\n`~]{0,99}+)\n(?P<code>.*?)(?:(?P=fence)|\Z)|`(?P<span>[^`\n]++)`",
    re.DOTALL,
)
_DATA = re.compile(r"\s*+[\[{<]")
_DATA_LANGUAGES = re.compile(r"json|xml|html|ya?ml|text|txt|plain|markdown|md\b", re.IGNORECASE)


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the original image, upper left and lower right corner."""

    label: str
    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True)
class Point:
    """A pixel of the original image."""

    label: str
    x: int
    y: int


def parse(text: str, convention: Convention, *, original: Size, resized: Size) -> list[Box | Point]:
    """The boxes and points of an answer so far, in its order. Never raises, whatever the text.

    original, resized: (width, height) of the image as it was attached and as the model saw it. By `qwen2_vl`,
    `<|box_start|>(100,200),(300,400)<|box_end|>` on an image of 640x480 is `Box("", 64, 96, 192, 192)`.
    """
    places = (
        place(mention, convention, original=original, resized=resized) for mention in mentions(text)
    )
    return [found for found in places if found]


def mentions(text: str) -> Iterator[Mention]:
    """Every place that an answer so far names, in its order, on any image.

    All spellings are read whatever the convention: fine-tuned checkpoints write those of their training data.
    """
    data = _CODE.sub(_only_data, text)
    return heapq.merge(in_tags(data), in_json(data), key=lambda mention: mention.start)


def _only_data(block: re.Match[str]) -> str:
    """The same block, or as much white space for a program."""
    language, code = block["language"], block["code"] or block["span"] or ""
    if _DATA.match(code) or (language and _DATA_LANGUAGES.match(language.strip())):
        return block.group()
    return " " * len(block.group())


def place(
    mention: Mention, convention: Convention, *, original: Size, resized: Size
) -> Box | Point | None:
    """The mention in pixels of this image; None for a box without an area."""
    unit = resized if convention == "qwen2_5_vl" else THOUSANDTHS
    numbers = mention.numbers
    if all(0 <= number <= 1 for number in numbers) and not all(map(float.is_integer, numbers)):
        unit = (1, 1)  # parts of width and height: no convention's, but nothing else makes sense
    label = " ".join(mention.label.split())[:MAX_LABEL_CHARACTERS]
    if len(numbers) == 2:
        x, y = (_scaled(n, unit[i], original[i]) for i, n in enumerate(numbers))
        return Point(label, round(x), round(y))
    x1, y1, x2, y2 = extent(numbers)
    across = _side(_scaled(x1, unit[0], original[0]), _scaled(x2, unit[0], original[0]))
    down = _side(_scaled(y1, unit[1], original[1]), _scaled(y2, unit[1], original[1]))
    return Box(label, across[0], down[0], across[1], down[1]) if across and down else None


def _scaled(number: float, side: int, whole: int) -> float:
    """Clamped to the image before it is scaled: the number may overflow."""
    return min(max(number, 0), side) * whole / side


def _side(low: float, high: float) -> tuple[int, int] | None:
    """First and end pixel; at least one pixel, however thin the box is."""
    if low >= high:
        return None
    first, end = round(low), round(high)
    return (first, end) if first < end else (math.floor(low), math.floor(low) + 1)
