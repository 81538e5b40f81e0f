"""Which things a picture or clip is to show, and where: nothing that could be taken for something else."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from tools.tiny import names
from tools.tiny.canvas import Font, Pen, Pixels
from tools.tiny.lettering import pick_font, some_word
from tools.tiny.outlines import Point, outline
from tools.tiny.palette import Colour, distance, shade
from tools.tiny.world import World


@dataclass(frozen=True)
class Plan:
    """A thing before it is drawn: what, where, how."""

    kind: str
    colour: str
    paint: Colour
    x: float
    y: float
    half: float  # of the width
    tall: float  # half of the height
    text: str = ""
    points: tuple[Point, ...] = ()
    pen: Pen | None = None
    font: Font = None
    hand: int = 0


def clear_track(
    kinds: list[str], motion: str, count: int, pixels: Pixels, rng: random.Random, world: World
) -> list[list[Plan]]:
    """What lies where in each of `count` frames, the mover first; nothing overlaps in any of them.

    After 40 attempts the mover is alone.
    """
    for _ in range(40):
        plans = arrange(kinds, pixels, rng, world, largest=0.42)
        rng.shuffle(plans)
        mover, *others = plans
        width = pixels.shape[1]
        path = _track(mover, motion, count, pixels, rng)
        clear = all(_free(step, other) for step in path for other in others)
        if clear and all(_apart(path[-1], other, width) for other in others):
            break
    else:
        others = []
    return [[step, *others] for step in path]


def _track(plan: Plan, motion: str, count: int, pixels: Pixels, rng: random.Random) -> list[Plan]:
    """A thing in `count` frames."""
    if motion in names.DIRECTIONS:
        return _path(plan, motion, count, pixels, rng)
    if motion == "still":
        return [plan] * count
    least = rng.uniform(0.3, 0.6)
    sizes = [least + (1 - least) * k / (count - 1) for k in range(count)]
    sizes = sizes if motion == "grow" else sizes[::-1]
    return [replace(plan, half=plan.half * size, tall=plan.tall * size) for size in sizes]


def _path(plan: Plan, motion: str, count: int, pixels: Pixels, rng: random.Random) -> list[Plan]:
    """A thing's places in `count` frames: from somewhere in the first half, evenly, well across the picture."""
    height, width = pixels.shape[:2]
    dx, dy = names.DIRECTIONS[motion]
    side, reach = (width, plan.half) if dx else (height, plan.tall)
    start = rng.uniform(0, max(0.0, (side - 2 * reach - 4) * 0.45)) + reach + 2
    length = rng.uniform(0.5, 1.0) * max(side - reach - 2 - start, 0.4 * side)
    found = []
    for k in range(count):
        along = start + length * k / (count - 1)
        along = along if dx + dy > 0 else side - along
        found.append(replace(plan, x=along if dx else plan.x, y=along if dy else plan.y))
    return found


def choose_kinds(tokens: int, rng: random.Random, dense: bool, world: World) -> list[str]:
    """Which shapes, and whether a text; more where there is room for more."""
    if dense:
        count = min(9, 1 + tokens // 4)
        pool = (*names.SHAPES, "text", "text") if world.texts else names.SHAPES
        return [rng.choice(pool) for _ in range(rng.randint(max(1, count // 2), count))]
    room = 2 if tokens < 12 else 3 if tokens < 20 else 4 if tokens < 36 else 6
    most = min(world.most_shapes, room)
    chance = rng.random() if world.texts else 1.0
    if chance < 0.26 or (chance < 0.38 and most < 3):
        return ["text"]
    if chance < 0.38:
        return ["text", *rng.choices(names.SHAPES, k=rng.randint(1, 2))]
    count = rng.choices(range(1, most + 1), weights=(0.34, 0.24, 0.2, 0.22, 0.1, 0.1)[:most])[0]
    # The same shape twice, often: counting needs it.
    few = list(names.SHAPES) if rng.random() < 1 - world.alike else rng.sample(names.SHAPES, 2)
    return rng.choices(few, k=count)


def arrange(
    kinds: list[str], pixels: Pixels, rng: random.Random, world: World, largest: float = 0.85
) -> list[Plan]:
    """Find a place for everything: nothing overlaps, and left to right is clear."""
    height, width = pixels.shape[:2]
    colours = list(world.colours) if rng.random() < 0.6 else rng.sample(world.colours, 2)
    covering = len(kinds) > 1 and "text" not in kinds and rng.random() < world.overlaps
    plans: list[Plan] = []
    short = min(height, width)
    crowd = max(1.0, len(kinds) ** 0.6)
    for kind in kinds:
        for attempt in range(40):
            ease = 1 - attempt / 55
            if kind == "text":
                plan = _plan_text(height, width, largest / crowd * ease, colours, rng, world)
            else:
                low = max(world.smallest_pixels / 2, world.smallest * short)
                high = max(12.0, 0.5 * largest * short / crowd * ease)
                size = rng.uniform(math.log(min(low, high)), math.log(high))
                half = min(math.exp(size), short / 2 - 2)
                if rng.random() < 0.5:
                    half = max(half, rng.uniform(low, high) if high > low else high)
                x = rng.uniform(half + 1, width - half - 1)
                y = rng.uniform(half + 1, height - half - 1)
                plan = _plan_shape(kind, rng.choice(colours), x, y, half, rng, world)
            clear = all(_apart(plan, other, width) or (covering and _covers(plan, other, width)) for other in plans)  # fmt: skip
            if clear and _contrast(plan, pixels) > 130:
                plans.append(plan)
                break
    return sorted(plans, key=lambda plan: plan.x)


def _plan_shape(
    kind: str, colour: str, x: float, y: float, half: float, rng: random.Random, world: World
) -> Plan:
    paint = shade(colour, rng)
    style, sketch = rng.random(), rng.random()
    smooth = rng.random() < 0.72
    coloured = colour not in ("black", "white")
    shading = rng.uniform(-35, 35) if rng.random() < 0.2 and coloured else 0.0
    edge_width = max(rng.uniform(0.04, 0.2), 1.2 / half)
    darker = (round(0.55 * paint[0]), round(0.55 * paint[1]), round(0.55 * paint[2]))
    if sketch < world.sketched / 2 and half > 14:  # scribbled, with its outline
        step = half * rng.uniform(0.1, 0.24)
        hatch = (rng.uniform(0, math.pi), step, max(1.3, step * rng.uniform(0.45, 0.75)))
        pen = Pen(paint, paint, max(0.05, 1.5 / half), smooth, hatch=hatch)
    elif sketch < world.sketched and coloured:  # clearly lit
        light = rng.choice((-1, 1)) * rng.uniform(35, 75)
        ball = rng.random() < 0.6
        pen = Pen(paint, None, 0.0, smooth, abs(light) if ball else light, ball)
    elif style < 0.84 - world.hollow:
        pen = Pen(paint, None, 0.0, smooth, shading)
    elif style < 1 - world.hollow:  # an edge of black, white or a darker tone of the same
        edge = rng.choice([(0, 0, 0), (0, 0, 0), (255, 255, 255), darker])
        pen = Pen(paint, edge, min(edge_width, 0.14), smooth, shading)
    else:  # only a line
        thick = rng.uniform(0.14, 0.32) if world.sketched and rng.random() < 0.5 else 0.0
        pen = Pen(None, paint, max(edge_width, 0.09, 2.2 / half, thick), smooth)
    points = tuple(outline(kind, rng))
    tall = half * max(abs(py) for _, py in points)
    return Plan(kind, colour, paint, x, y, half, tall, points=points, pen=pen)


def _plan_text(
    height: int, width: int, largest: float, colours: list[str], rng: random.Random, world: World
) -> Plan:
    room = width * min(1.0, largest * 1.15) / 0.8  # for a row of characters
    most = max(1, int(room / world.smallest_text))
    text = some_word(most, rng) if rng.random() < world.words else ""
    if not text:
        count = min(most, rng.choices((1, 2, 3, 4), weights=(0.15, 0.2, 0.28, 0.37))[0])
        text = "".join(rng.choices(names.CHARACTERS, k=count))
    count = len(text)
    highest = min(height * largest, room / count)
    size = rng.uniform(min(world.smallest_text, highest), highest)
    half, tall = min(0.42 * count * size, width / 2), min(0.55 * size, height / 2)
    x, y = rng.uniform(half, width - half), rng.uniform(tall, height - tall)
    colour = rng.choice(colours)
    return Plan("text", colour, shade(colour, rng), x, y, half, tall, text=text,
                 font=pick_font(size, rng), hand=rng.randrange(1 << 30))  # fmt: skip


def _apart(one: Plan, other: Plan, width: int) -> bool:
    """Whether neither lies on the other and it is clear which is further to the left."""
    return _free(one, other) and abs(one.x - other.x) > 0.07 * width


def _covers(one: Plan, other: Plan, width: int) -> bool:
    """Whether one lies on a part of the other so that both can be told, and which is further to the left."""
    wide = one.half + other.half - abs(one.x - other.x)
    tall = one.tall + other.tall - abs(one.y - other.y)
    smaller = 4 * min(one.half * one.tall, other.half * other.tall)
    seen = 0 < max(0.0, wide) * max(0.0, tall) < 0.3 * smaller and distance(one.paint, other.paint) > 130  # fmt: skip
    return seen and abs(one.x - other.x) > 0.07 * width


def _free(one: Plan, other: Plan) -> bool:
    wide, tall = one.half + other.half + 3, one.tall + other.tall + 3
    return abs(one.x - other.x) > wide or abs(one.y - other.y) > tall


def _contrast(plan: Plan, pixels: Pixels) -> float:
    """How much the paint differs from what lies behind it, at the least of five points."""
    height, width = pixels.shape[:2]
    spots = [(0, 0), (-0.8, -0.8), (0.8, -0.8), (-0.8, 0.8), (0.8, 0.8)]
    found = []
    for dx, dy in spots:
        y = min(max(int(plan.y + dy * plan.tall), 0), height - 1)
        x = min(max(int(plan.x + dx * plan.half), 0), width - 1)
        red, green, blue = (int(channel) for channel in pixels[y, x])
        found.append(distance(plan.paint, (red, green, blue)))
    return min(found)
