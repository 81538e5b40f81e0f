"""The six shapes as polygons inside the square from -1 to 1, in the many ways people draw them."""

from __future__ import annotations

import math
import random

Point = tuple[float, float]


def outline(shape: str, rng: random.Random) -> list[Point]:
    """The corners of one drawing of a shape."""
    points = _OUTLINES[shape](rng)
    turn = math.radians(rng.gauss(0, 5) if rng.random() < 0.5 else 0)
    if shape == "star" and rng.random() < 0.35:
        turn = rng.uniform(0, 2 * math.pi)
    if shape == "triangle" and rng.random() < 0.3:
        turn = rng.choice((0.5, 1.0, 1.5)) * math.pi
    if shape == "cross" and rng.random() < 0.3:
        turn += math.pi / 4
    stretch = math.exp(rng.gauss(0, 0.09)) if rng.random() < 0.6 else 1.0
    points = [(x * stretch, y) for x, y in points]
    cos, sin = math.cos(turn), math.sin(turn)
    points = [(x * cos - y * sin, x * sin + y * cos) for x, y in points]
    if rng.random() < 0.25:
        points = _by_hand(points, rng)
    return _fitted(points)


def _circle(_: random.Random) -> list[Point]:
    turns = [2 * math.pi * k / 48 for k in range(48)]
    return [(math.cos(turn), math.sin(turn)) for turn in turns]


def _square(_: random.Random) -> list[Point]:
    return [(-1, -1), (1, -1), (1, 1), (-1, 1)]


def _triangle(rng: random.Random) -> list[Point]:
    tip = rng.uniform(-1, 1) if rng.random() < 0.3 else 0.0
    height = rng.uniform(0.75, 1.1)
    return [(tip, -height), (1, height), (-1, height)]


def _diamond(rng: random.Random) -> list[Point]:
    width = rng.uniform(0.55, 1.0)
    return [(0, -1), (width, 0), (0, 1), (-width, 0)]


def _cross(rng: random.Random) -> list[Point]:
    arm = rng.uniform(0.16, 0.42)
    corner = [(arm, -1.0), (arm, -arm), (1.0, -arm)]
    points: list[Point] = []
    for _ in range(4):
        points += corner
        corner = [(-y, x) for x, y in corner]
    return points


def _star(rng: random.Random) -> list[Point]:
    tips = 5 if rng.random() < 0.85 else rng.choice((6, 7, 8))
    inner = rng.uniform(0.34, 0.52) if tips == 5 else rng.uniform(0.45, 0.62)
    points = []
    for k in range(2 * tips):
        radius, turn = 1.0 if k % 2 == 0 else inner, math.pi * k / tips
        points.append((radius * math.sin(turn), -radius * math.cos(turn)))
    return points


_OUTLINES = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "diamond": _diamond,
    "cross": _cross,
    "star": _star,
}


def _by_hand(points: list[Point], rng: random.Random) -> list[Point]:
    """Wavering sides, as drawn with a mouse."""
    amount = 0.006 * 8 ** rng.random()  # up to 0.05: an unsteady hand
    turn = 2 * math.pi
    phases = [(rng.uniform(0, turn), rng.uniform(0, turn), rng.uniform(2, 6)) for _ in range(2)]
    wavering = []
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True):
        steps = max(1, round(math.hypot(x2 - x1, y2 - y1) / 0.12))
        for k in range(steps):
            x, y = x1 + (x2 - x1) * k / steps, y1 + (y2 - y1) * k / steps
            dx = sum(math.sin(f * y * 2 + a) for a, _, f in phases)
            dy = sum(math.sin(f * x * 2 + b) for _, b, f in phases)
            wavering.append((x + amount * dx, y + amount * dy))
    return wavering


def _fitted(points: list[Point]) -> list[Point]:
    """Centred, the longer side from -1 to 1."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    half = max(max(xs) - min(xs), max(ys) - min(ys)) / 2
    x0, y0 = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return [((x - x0) / half, (y - y0) / half) for x, y in points]
