"""The colours that people call red, blue and so on: ranges of hue, saturation and value."""

from __future__ import annotations

import colorsys
import random

Colour = tuple[int, int, int]

# name -> (hue in degrees, saturation, value), each a range. The gaps between the hues are left out
# on purpose: nobody agrees on what to call them.
_RANGES = {
    "red": ((-9, 7), (0.72, 1.0), (0.62, 1.0)),
    "orange": ((20, 38), (0.80, 1.0), (0.88, 1.0)),
    "yellow": ((49, 62), (0.62, 1.0), (0.86, 1.0)),
    "green": ((88, 155), (0.50, 1.0), (0.36, 0.95)),
    "blue": ((198, 244), (0.58, 1.0), (0.45, 1.0)),
    "purple": ((268, 308), (0.42, 1.0), (0.42, 0.92)),
    "black": ((0, 360), (0.0, 0.35), (0.0, 0.16)),
    "white": ((0, 360), (0.0, 0.05), (0.94, 1.0)),
    "grey": ((0, 360), (0.0, 0.06), (0.35, 0.86)),
    "pink": ((322, 350), (0.25, 0.58), (0.90, 1.0)),
    "brown": ((14, 32), (0.45, 0.85), (0.26, 0.55)),
}
# What a paint program's palette or a CSS name gives: exactly these values are the likeliest ones.
_EXACT = {
    "red": ((255, 0, 0), (220, 20, 60), (237, 28, 36), (204, 0, 0), (230, 40, 40)),
    "orange": ((255, 165, 0), (255, 127, 39), (255, 140, 0), (255, 128, 0)),
    "yellow": ((255, 255, 0), (255, 242, 0), (255, 215, 0), (250, 220, 40)),
    "green": ((0, 128, 0), (0, 255, 0), (34, 177, 76), (50, 205, 50), (0, 160, 0), (34, 139, 34)),
    "blue": (
        (0, 0, 255),
        (63, 72, 204),
        (30, 144, 255),
        (0, 0, 200),
        (65, 105, 225),
        (0, 112, 192),
    ),
    "purple": ((128, 0, 128), (163, 73, 164), (148, 0, 211), (160, 32, 240), (112, 48, 160)),
    "black": ((0, 0, 0), (0, 0, 0), (20, 20, 20)),
    "white": ((255, 255, 255), (255, 255, 255), (250, 250, 250)),
    "pink": ((255, 192, 203), (255, 105, 180), (255, 174, 201), (240, 128, 170)),
    "brown": ((139, 69, 19), (160, 82, 45), (101, 67, 33), (150, 75, 0), (92, 51, 23)),
    "grey": ((128, 128, 128), (192, 192, 192), (211, 211, 211), (195, 195, 195), (230, 230, 230)),
}


def shade(name: str, rng: random.Random) -> Colour:
    """A colour that people would call `name`."""
    if rng.random() < 0.4:
        return rng.choice(_EXACT[name])
    hue, saturation, value = (rng.uniform(*limits) for limits in _RANGES[name])
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def any_colour(rng: random.Random) -> Colour:
    """A colour that needs no name: mostly pale or dull, as backgrounds are."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.random() ** 1.6, rng.random() ** 0.5)
    return round(255 * red), round(255 * green), round(255 * blue)


def distance(one: Colour, other: Colour) -> float:
    """How different two colours look, roughly: 0 for equal, 765 from black to white."""
    red = (one[0] + other[0]) / 2
    weights = (2 + red / 256, 4.0, 2 + (255 - red) / 256)
    return float(sum(w * (a - b) ** 2 for w, a, b in zip(weights, one, other, strict=True)) ** 0.5)
