"""Drawing on an array of floats: masks with or without antialiasing, blended in place."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tools.tiny.glyphs import STROKES
from tools.tiny.outlines import Point
from tools.tiny.palette import Colour

Pixels = NDArray[np.float32]  # (height, width, 3), 0..255
Mask = NDArray[np.float32]  # (height, width), 0..1
Box = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels
Font = ImageFont.FreeTypeFont | None  # None stands for the stroke font of `glyphs.py`


@dataclass(frozen=True)
class Pen:
    """How a shape is drawn: filled or not, with or without an edge, smooth or in steps."""

    fill: Colour | None
    edge: Colour | None
    edge_width: float  # as a part of half the shape's size
    smooth: bool
    shading: float = 0.0  # brightness from one side of the filling to the other
    ball: bool = False  # the brightness changes from a bright spot outwards instead
    # Scribbled: angle, distance and width of the lines, in pixels.
    hatch: tuple[float, float, float] | None = None


def polygon_mask(
    points: list[Point], size: tuple[int, int], smooth: bool, line: float = 0.0
) -> Mask:
    """Coverage of a polygon in pixels, or of its outline `line` pixels wide."""
    factor = 1 if not smooth else 4 if max(size) < 120 else 2
    image = Image.new("L", (size[0] * factor, size[1] * factor))
    corners = [(x * factor, y * factor) for x, y in points]
    draw = ImageDraw.Draw(image)
    if line:
        width = max(1, round(line * factor))
        draw.line([*corners, *corners[:2]], fill=255, width=width, joint="curve")
    else:
        draw.polygon(corners, fill=255)
    if factor > 1:
        image = image.reduce(factor)
    return coverage(image)


def coverage(image: Image.Image) -> Mask:
    """A grey picture's values from 0 to 1."""
    return np.asarray(image, np.float32) / np.float32(255)


def blend(pixels: Pixels, mask: Mask, left: int, top: int, colour: Colour | Pixels) -> None:
    """Lay a colour over the picture where the mask says so; what sticks out is cut off."""
    height, width = pixels.shape[:2]
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + mask.shape[1], width), min(top + mask.shape[0], height)
    if x1 >= x2 or y1 >= y2:
        return
    part = mask[y1 - top : y2 - top, x1 - left : x2 - left, None]
    paint = np.asarray(colour, np.float32)
    if paint.ndim == 3:
        paint = paint[y1 - top : y2 - top, x1 - left : x2 - left]
    region = pixels[y1:y2, x1:x2]
    region += part * (paint - region)


def draw_polygon(
    pixels: Pixels, points: list[Point], x: float, y: float, half: float, pen: Pen
) -> Box:
    """Draw a unit polygon around (x, y); returns the box of what became visible."""
    line = pen.edge_width * half if pen.edge else 0.0
    reach = half + line / 2 + 2
    left, top = int(x - reach), int(y - reach)
    size = (int(2 * reach) + 2, int(2 * reach) + 2)
    inner = half - line / 2 if pen.edge else half
    corners = [(x - left + inner * px, y - top + inner * py) for px, py in points]
    seen = np.zeros((size[1], size[0]), np.float32)
    if pen.fill is not None:
        mask = polygon_mask(corners, size, pen.smooth)
        paint = np.asarray(pen.fill, np.float32) + pen.shading * _light(size, pen.ball)
        drawn = mask * _hatched(size, pen.hatch) if pen.hatch else mask
        blend(pixels, drawn, left, top, np.clip(paint, 0, 255))
        seen = mask
    if pen.edge is not None:
        mask = polygon_mask(corners, size, pen.smooth, max(line, 1.0))
        blend(pixels, mask, left, top, pen.edge)
        seen = np.maximum(seen, mask)
    return visible_box(seen, left, top)


def _light(size: tuple[int, int], ball: bool) -> Pixels:
    """-1 to 1 from left to right, or down from a bright spot at the upper left; (height, width, 1)."""
    x, y = (np.linspace(-1, 1, side, dtype=np.float32) for side in size)
    if ball:
        light: Pixels = 1 - np.hypot(x + 0.35, (y + 0.4)[:, None])[..., None] * 1.3
        return light
    return np.repeat(x[None, :, None], size[1], 0)


def _hatched(size: tuple[int, int], hatch: tuple[float, float, float]) -> Mask:
    """Lines of a pen that goes to and fro, a little unsteadily; (height, width)."""
    angle, step, width = hatch
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    across = across + 0.15 * step * np.sin(along / (2.3 * step)) + along * 0.04
    off = np.abs((across + step / 2) % step - step / 2)
    lines: Mask = np.clip(width / 2 + 0.5 - off, 0, 1).astype(np.float32)
    return lines


def visible_box(mask: Mask, left: int, top: int) -> Box:
    """The box around everything that covers at least half a pixel."""
    rows, columns = np.flatnonzero((mask >= 0.5).any(1)), np.flatnonzero((mask >= 0.5).any(0))
    if not len(rows):
        return (left, top, left + mask.shape[1], top + mask.shape[0])
    return (left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1)


def shrunk(mask: Mask, factor: float) -> Mask:
    """A mask at `factor` of its size."""
    size = (max(1, int(mask.shape[1] * factor)), max(1, int(mask.shape[0] * factor)))
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BOX), np.float32)


def glyph_mask(character: str, font: Font, height: float, hand: int) -> Mask:
    """One character's coverage, narrow at its sides and with room above and below.

    `hand` is the number of who writes without a font: the same for all of a word.
    """
    tall = max(1, int(height * 1.3))
    if character == " ":  # nothing, for a third of the height
        return np.zeros((tall, max(1, int(height / 3))), np.float32)
    if font is None:
        return _stroke_mask(character, height, random.Random(hand))
    x1, _, x2, _ = font.getbbox(character, anchor="ls")
    image = Image.new("L", (max(1, int(x2 - x1) + 2), tall))
    ImageDraw.Draw(image).text((1 - x1, height * 1.1), character, fill=255, font=font, anchor="ls")
    return coverage(image)


def _stroke_mask(character: str, height: float, hand: random.Random) -> Mask:
    weight, slant = hand.uniform(0.09, 0.2), hand.uniform(-0.1, 0.25)
    width = hand.uniform(0.5, 0.72)
    wobble = hand.choice((0.0, 0.0, 0.02, 0.035))
    factor = 4 if height < 60 else 2
    pen = max(1, round(weight * height * factor))
    size = (int((width + 0.35) * height * factor) + pen, int(height * 1.3 * factor))
    image = Image.new("L", size)
    draw = ImageDraw.Draw(image)
    for stroke in STROKES[character]:
        line = []
        for px, py in stroke:
            px, py = px + hand.uniform(-wobble, wobble) * 1.5, py + hand.uniform(-wobble, wobble)
            x = (px * width + (0.5 - py) * slant + 0.12) * height * factor + pen / 2
            line.append((x, (0.1 + py * (1 - weight)) * height * factor + pen / 2))
        draw.line(line, fill=255, width=pen, joint="curve")
        for x, y in (line[0], line[-1]):  # round ends
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    return coverage(image.reduce(factor))
