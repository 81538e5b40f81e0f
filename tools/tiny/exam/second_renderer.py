"""Draws the same world with other code, to measure what was learnt beyond the training's renderer.

It shares no drawing code and no font with `scene.py`: it draws three times too large with Pillow and shrinks, on plain or
two-tone backgrounds, at any size, with fonts that training never sees. The colours are named colours of CSS, most of which
training contains too.
"""

from __future__ import annotations

import math
import random
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from tools.tiny import names
from tools.tiny.scene import Scene, Thing

_LARGER = 3
_PAINTS = {
    "red": ("red", "crimson", "firebrick"),
    "green": ("green", "limegreen", "forestgreen"),
    "blue": ("blue", "royalblue", "dodgerblue"),
    "yellow": ("yellow", "gold"),
    "orange": ("orange", "darkorange"),
    "purple": ("purple", "darkviolet", "darkorchid"),
    "black": ("black", "#101010"),
    "white": ("white", "#fafafa"),
}
_PAPERS = ("white", "lightgrey", "whitesmoke", "ivory", "lavender", "lightblue", "mistyrose", "honeydew", "dimgrey",
           "darkslategrey", "tan", "black", "pink", "teal", "beige", "silver")  # fmt: skip


@cache
def _font(size: int, style: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """DejaVu from matplotlib's wheel or from the system; Pillow's own font as a last resort."""
    files = ("DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf", "DejaVuSans.ttf")
    spec = find_spec("matplotlib")
    folder = (
        Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" if spec and spec.origin else None
    )
    try:
        return ImageFont.truetype(str(folder / files[style]) if folder else files[style], size)
    except OSError:
        return ImageFont.load_default(size)


def _corners(kind: str, rng: random.Random) -> list[tuple[float, float]]:
    """Corners around (0, 0) within radius 1."""

    def ring(count: int, radii: tuple[float, ...], turn: float) -> list[tuple[float, float]]:
        angles = [turn + 2 * math.pi * k / count for k in range(count)]
        return [
            (radii[k % len(radii)] * math.cos(a), radii[k % len(radii)] * math.sin(a))
            for k, a in enumerate(angles)
        ]

    if kind == "square":
        return ring(4, (1.0,), math.pi / 4)
    if kind == "triangle":
        return ring(3, (1.0,), -math.pi / 2)
    if kind == "diamond":
        slim = rng.uniform(0.6, 0.9)
        return [(x * slim, y) for x, y in ring(4, (1.0,), math.pi / 2)]
    if kind == "star":
        return ring(10, (1.0, rng.uniform(0.38, 0.5)), -math.pi / 2)
    if kind == "cross":
        arm = rng.uniform(0.2, 0.36)
        return [(-arm, -1), (arm, -1), (arm, -arm), (1, -arm), (1, arm), (arm, arm),
                (arm, 1), (-arm, 1), (-arm, arm), (-1, arm), (-1, -arm), (-arm, -arm)]  # fmt: skip
    return ring(90, (1.0,), 0.0)


def draw_scene(kinds: list[str], rng: random.Random, size: tuple[int, int] | None = None) -> Scene:
    """A picture with these kinds of things in it, `text` or shapes, left to right in clear order."""
    width, height = size or (rng.randint(130, 420), rng.randint(130, 420))
    paper = ImageColor.getrgb(rng.choice(_PAPERS))[:3]
    big = Image.new("RGB", (width * _LARGER, height * _LARGER), paper)
    draw = ImageDraw.Draw(big)
    if rng.random() < 0.25:
        other = tuple(max(0, channel - 25) for channel in paper)
        draw.rectangle((0, rng.randint(height, 2 * height), big.width, big.height), fill=other)
    usable = [
        c
        for c in names.FIRST_COLOURS
        if all(_far(ImageColor.getrgb(p)[:3], paper) for p in _PAINTS[c])
    ]
    column = big.width / max(1, len(kinds))
    things = []
    for index, kind in enumerate(kinds):
        colour = rng.choice(usable)
        paint = rng.choice(_PAINTS[colour])
        radius = max(rng.uniform(0.22, 0.42) * min(column, big.height), 12.0 * _LARGER)
        x = column * index + rng.uniform(radius, column - radius)
        y = rng.uniform(radius + 3, big.height - radius - 3)
        if kind == "text":
            things.append(_write(draw, colour, paint, x, y, radius, column, rng))
            continue
        points = [(x + radius * px, y + radius * py) for px, py in _corners(kind, rng)]
        if rng.random() < 0.2:
            draw.line(
                [*points, *points[:2]], fill=paint, width=max(9, int(radius / 6)), joint="curve"
            )
        else:
            draw.polygon(points, fill=paint)
        xs, ys = [px for px, _ in points], [py for _, py in points]
        box = (min(xs) / _LARGER, min(ys) / _LARGER, max(xs) / _LARGER, max(ys) / _LARGER)
        things.append(Thing(kind, colour, box))
    small = big.resize((width, height), Image.Resampling.LANCZOS)
    return Scene(np.asarray(small)[None], tuple(things))


def _far(paint: tuple[int, ...], paper: tuple[int, ...]) -> bool:
    return sum(abs(a - b) for a, b in zip(paint, paper, strict=True)) > 150


def _write(
    draw: ImageDraw.ImageDraw,
    colour: str,
    paint: str,
    x: float,
    y: float,
    radius: float,
    column: float,
    rng: random.Random,
) -> Thing:
    count = rng.randint(1, 4)
    text = "".join(rng.choices(names.CHARACTERS, k=count))
    size = int(min(1.6 * radius, 1.3 * column / count))
    style = rng.randrange(4)
    widest = draw.textlength(text, font=_font(size, style))
    font = _font(int(min(size, size * 0.95 * draw.im.size[0] / widest)), style)
    x1, y1, x2, y2 = draw.textbbox((0, 0), text, font=font)
    left = min(max(x - (x2 - x1) / 2, 2), draw.im.size[0] - (x2 - x1) - 2)
    top = y - (y2 - y1) / 2
    draw.text((left - x1, top - y1), text, fill=paint, font=font)
    box = (left / _LARGER, top / _LARGER, (left + x2 - x1) / _LARGER, (top + y2 - y1) / _LARGER)
    return Thing("text", colour, box, text)


def draw_clip(rng: random.Random) -> Scene:
    """Four to eight frames of one shape that moves in one direction."""
    side, radius = 140, rng.randint(16, 30)
    kind, motion = rng.choice(names.SHAPES), rng.choice(list(names.DIRECTIONS))
    colour = rng.choice(("red", "green", "blue", "purple", "black"))
    paint, corners = rng.choice(_PAINTS[colour]), _corners(kind, rng)
    dx, dy = names.DIRECTIONS[motion]
    count = rng.choice((4, 6, 8))
    still = rng.uniform(radius, side - radius)
    frames = []
    box = (0.0, 0.0, 0.0, 0.0)
    for k in range(count):
        along = radius + (side - 2 * radius) * k / (count - 1)
        along = along if dx + dy > 0 else side - along
        x, y = (along if dx else still), (along if dy else still)
        image = Image.new(
            "RGB", (side * _LARGER, side * _LARGER), "lightgrey" if colour != "black" else "white"
        )
        points = [((x + radius * px) * _LARGER, (y + radius * py) * _LARGER) for px, py in corners]
        ImageDraw.Draw(image).polygon(points, fill=paint)
        frames.append(np.asarray(image.resize((side, side), Image.Resampling.LANCZOS)))
        box = (x - radius, y - radius, x + radius, y + radius)
    return Scene(np.stack(frames), (Thing(kind, colour, box),), motion=motion)
