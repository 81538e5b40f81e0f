"""The colours that people call red, blue and so on, by `palette.toml`."""

from __future__ import annotations

import colorsys
import random
import tomllib
from pathlib import Path

Colour = tuple[int, int, int]

# Of each colour, in the order in which the training knows them.
TABLE = tomllib.loads(Path(__file__).with_name("palette.toml").read_text(encoding="utf-8"))


def shade(name: str, rng: random.Random) -> Colour:
    """A colour that people would call `name`."""
    if rng.random() < 0.4:
        red, green, blue = rng.choice(TABLE[name]["exact"])
        return red, green, blue
    ranges = (TABLE[name][part] for part in ("hue", "saturation", "value"))
    hue, saturation, value = (rng.uniform(*limits) for limits in ranges)
    return _rgb(hue % 360 / 360, saturation, value)


def any_colour(rng: random.Random) -> Colour:
    """A colour that needs no name: mostly pale or dull, as backgrounds are."""
    return _rgb(rng.random(), rng.random() ** 1.6, rng.random() ** 0.5)


def _rgb(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def distance(one: Colour, other: Colour) -> float:
    """How different two colours look, roughly: 0 for equal, 765 from black to white."""
    red = (one[0] + other[0]) / 2
    weights = (2 + red / 256, 4.0, 2 + (255 - red) / 256)
    return float(sum(w * (a - b) ** 2 for w, a, b in zip(weights, one, other, strict=True)) ** 0.5)
