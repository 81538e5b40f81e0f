"""Pictures and clips as people draw them: the third renderer, which training never sees."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageColor

from tools.tiny.exam import svg

COLOURS = tuple(svg.PAINTS)
CONTRAST = 110  # between a paint and its ground, out of 441 from black to white
Place = tuple[float, float, float]  # x, y, radius in pixels


@dataclass(frozen=True)
class Mark:
    """One shape that was drawn, around (x, y) in pixels."""

    shape: str
    colour: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Drawing:
    """A picture (one frame) or a clip, its shapes, and its text."""

    frames: tuple[Image.Image, ...]
    marks: tuple[Mark, ...] = ()
    text: str = ""


def page(rng: random.Random) -> tuple[int, int]:
    """A picture's width and height."""
    return rng.randint(180, 440), rng.randint(180, 440)


def spread(
    count: int, size: tuple[int, int], rng: random.Random, parts: Sequence[float] = ()
) -> list[Place]:
    """Places all over the page, none of which touches another. parts: how much of its cell each fills."""
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    wide, tall = size[0] / columns, size[1] / rows
    cells = rng.sample([(c, r) for c in range(columns) for r in range(rows)], count)
    places = []
    for (column, row), part in zip(cells, parts or [0.0] * count, strict=True):
        radius = max(15.0, (part or rng.uniform(0.5, 0.85)) * min(wide, tall) / 2)
        loose_x, loose_y = max(0.0, wide / 2 - radius - 3), max(0.0, tall / 2 - radius - 3)
        places.append((wide * (column + 0.5) + rng.uniform(-loose_x, loose_x),
                       tall * (row + 0.5) + rng.uniform(-loose_y, loose_y), radius))  # fmt: skip
    return places


def line_up(count: int, across: bool, size: tuple[int, int], rng: random.Random) -> list[Place]:
    """Places one beside the other, or one below the other, roughly in line."""
    length, other = size if across else size[::-1]
    places = []
    for number in range(count):
        radius = rng.uniform(0.55, 0.8) * min(length / count, 0.8 * other) / 2
        along = length * (number + 0.5) / count
        beside = other / 2 + rng.uniform(-0.08, 0.08) * other
        places.append((along, beside, radius) if across else (beside, along, radius))
    return places


def unequal(count: int, size: tuple[int, int], rng: random.Random) -> list[Place]:
    """Places of clearly different sizes, the largest first and the smallest last: they leave no doubt."""
    return spread(count, size, rng, (0.9, *[0.56] * (count - 2), 0.32))


def overlapping(size: tuple[int, int], rng: random.Random) -> list[Place]:
    """Two places of which the second covers a part of the first."""
    radius = min(size) * rng.uniform(0.2, 0.26)
    turn = rng.uniform(0, 2 * math.pi)
    apart = radius * rng.uniform(1.15, 1.4)
    x, y = size[0] / 2 - apart / 2 * math.cos(turn), size[1] / 2 - apart / 2 * math.sin(turn)
    return [(x, y, radius), (x + apart * math.cos(turn), y + apart * math.sin(turn), radius * rng.uniform(0.8, 1))]  # fmt: skip


def draw(
    things: Sequence[tuple[str, str]],
    places: Sequence[Place],
    size: tuple[int, int],
    rng: random.Random,
    style: str | None = None,
    on_photograph: bool = False,
) -> Drawing:
    """(shape, colour) at each place, in order. style: of `svg.STYLES`; None takes one for all."""
    style = style or rng.choice(("flat", "flat", "gradient", "pencil"))
    if on_photograph:
        ground, photo, body = _photograph_for(things, places, size, rng)
    else:
        ground = _paper_for([colour for _, colour in things], rng)
        body = svg.paper_svg(ground, *size, rng)
    marks = []
    for (shape, colour), place in zip(things, places, strict=True):
        local = _mean(photo, place) if on_photograph else ImageColor.getrgb(ground)
        paint = rng.choice([p for p in svg.PAINTS[colour] if _far(p, local)])
        body += svg.shape_svg(shape, paint, style, *place, rng)
        marks.append(Mark(shape, colour, *place))
    return Drawing((svg.rendered(body, *size),), tuple(marks))


def write(text: str, lettering: str, rng: random.Random) -> Drawing:
    """A line of text, in capitals as wide as a visual token or wider."""
    package, file, family = rng.choice(svg.FONTS[lettering])
    colour = rng.choice(svg.BASIC)
    paper = _paper_for([colour], rng)
    letter = rng.uniform(46, 70)
    width = round(len(text) * letter * 0.95 + rng.uniform(30, 80))
    size = (width, round(letter * rng.uniform(2.2, 3.2)))
    paint = rng.choice([p for p in svg.PAINTS[colour] if _far(p, ImageColor.getrgb(paper))])
    font_size = letter * {"mono": 1.45, "hand-written": 1.5}.get(lettering, 1.25)
    body = svg.paper_svg(paper, *size, rng) + svg.text_svg(
        text, paint, family, "Bold" in file, size[0] / 2, size[1] / 2, font_size, rng.uniform(-3, 3)
    )
    fonts = (svg.font_file(package, file),)
    return Drawing((svg.rendered(body, *size, fonts),), text=text)


def grow(shape: str, colour: str, larger: bool, rng: random.Random) -> Drawing:
    """A clip of four to eight frames in which a shape grows or shrinks where it is."""
    side, count = 140, rng.choice((4, 6, 8))
    paper = _paper_for([colour], rng)
    paint = rng.choice([p for p in svg.PAINTS[colour] if _far(p, ImageColor.getrgb(paper))])
    small, large = rng.uniform(12, 20), rng.uniform(42, 60)
    x, y, hand = rng.uniform(62, 78), rng.uniform(62, 78), rng.randrange(1 << 30)
    frames = []
    for number in range(count):
        part = number / (count - 1)
        radius = small + (large - small) * (part if larger else 1 - part)
        body = svg.paper_svg(paper, side, side, random.Random(hand))
        body += svg.shape_svg(shape, paint, "flat", x, y, radius, random.Random(hand))
        frames.append(svg.rendered(body, side, side))
    return Drawing(tuple(frames), (Mark(shape, colour, x, y, radius),))


def _far(paint: str, ground: tuple[int, ...]) -> bool:
    return math.dist(ImageColor.getrgb(paint), ground[:3]) >= CONTRAST


def _paper_for(colours: list[str], rng: random.Random) -> str:
    fit = [paper for paper in svg.PAPERS if _all_visible(colours, ImageColor.getrgb(paper))]
    return rng.choice(fit or ["#ffffff" if "white" not in colours else "#37474f"])


def _all_visible(colours: list[str], ground: tuple[int, ...]) -> bool:
    return all(any(_far(paint, ground) for paint in svg.PAINTS[colour]) for colour in colours)


def _photograph_for(
    things: Sequence[tuple[str, str]],
    places: Sequence[Place],
    size: tuple[int, int],
    rng: random.Random,
) -> tuple[str, Image.Image, str]:
    """A piece of a photograph on which every colour is seen at its place."""
    while True:
        photo = svg.photograph(*size, rng)
        if all(
            _all_visible([colour], _mean(photo, place))
            for (_, colour), place in zip(things, places, strict=True)
        ):
            return "", photo, svg.photograph_svg(photo)


def _mean(photo: Image.Image, place: Place) -> tuple[int, ...]:
    """The mean colour of what lies under a shape."""
    x, y, radius = place
    box = (round(x - radius), round(y - radius), round(x + radius), round(y + radius))
    mean = np.asarray(photo.crop(box), np.float64).mean((0, 1))
    return tuple(round(channel) for channel in mean)
