"""Pictures and clips of the tiny world, drawn at random, with everything in them named and boxed."""

from __future__ import annotations

import io
import math
import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from tools.tiny import names
from tools.tiny.backgrounds import background, photograph
from tools.tiny.canvas import (
    Box,
    Font,
    Pen,
    Pixels,
    blend,
    draw_polygon,
    glyph_mask,
    shrunk,
    visible_box,
)
from tools.tiny.lettering import pick_font
from tools.tiny.outlines import Point, outline
from tools.tiny.palette import Colour, distance, shade
from tools.tiny.world import WORLDS, World

FULL = WORLDS["full"]
TOKEN = 28  # pixels per visual token and side


@dataclass(frozen=True)
class Thing:
    """One shape or one text. `box` is in pixels; in a clip it is where the thing ends."""

    kind: str  # one of names.SHAPES, or "text"
    colour: str
    box: Box
    text: str = ""
    characters: tuple[tuple[str, Box], ...] = ()

    @property
    def parts(self) -> tuple[tuple[str, Box], ...]:
        """What can be recognised by itself, and where: the shape, or each character."""
        return self.characters or ((self.kind, self.box),)

    @property
    def name(self) -> str:
        """`red circle`."""
        return f"{self.colour} {self.kind}"

    @property
    def centre(self) -> Point:
        """The middle of the box in pixels."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True)
class Scene:
    """A picture (one frame) or a clip (an even number of frames) and what it shows, from left to right."""

    frames: NDArray[np.uint8]  # (frames, height, width, 3)
    things: tuple[Thing, ...]
    background: str | None = None  # the colour's name, where it has one
    photograph: bool = False
    motion: str | None = None  # left, right, up, down or still
    mover: int = 0
    # Of a clip: what each frame shows.
    frame_things: tuple[tuple[Thing, ...], ...] = field(default=(), repr=False)

    @property
    def is_clip(self) -> bool:
        """Whether it moves, or could have moved."""
        return len(self.frames) > 1

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.frames.shape[2])

    @property
    def grid(self) -> tuple[int, int, int]:
        """Frame pairs, rows and columns of visual tokens."""
        return (len(self.frames) + 1) // 2, self.height // TOKEN, self.width // TOKEN

    @property
    def shapes(self) -> list[Thing]:
        """The things that are not texts."""
        return [thing for thing in self.things if thing.kind != "text"]

    @property
    def text(self) -> Thing | None:
        """The text in the picture, if there is one."""
        return next((thing for thing in self.things if thing.kind == "text"), None)


@dataclass(frozen=True)
class _Plan:
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


def make_picture(
    rows: int, columns: int, rng: random.Random, dense: bool = False, world: World = FULL
) -> Scene:
    """A picture of rows x columns visual tokens. `dense` ones are crowded: more to learn from per pixel."""
    height, width = rows * TOKEN, columns * TOKEN
    chance = rng.random()
    if chance < world.photographs and not dense:
        pixels = photograph(height, width, rng)
        return Scene(_finish(pixels, rng), (), photograph=True)
    pixels, background_name = background(height, width, rng)
    blank = chance < world.photographs + 0.03 and not dense
    kinds = [] if blank else _choose_kinds(rows * columns, rng, dense, world)
    plans = _arrange(kinds, pixels, rng, world)
    things = tuple(_draw(pixels, plan) for plan in plans)
    return Scene(_finish(pixels, rng), things, background_name if plans or not dense else None)


def make_clip(
    pairs: int, rows: int, columns: int, rng: random.Random, world: World = FULL
) -> Scene:
    """A clip of 2 * pairs frames in which one thing moves evenly in one direction, or nothing does."""
    pixels, background_name = background(rows * TOKEN, columns * TOKEN, rng)
    kinds = ["text" if rng.random() < world.clip_texts else rng.choice(names.SHAPES)]
    if rows * columns >= 9 and rng.random() < world.clip_company:
        kinds.append(rng.choice([shape for shape in names.SHAPES if shape not in kinds]))
    motion = "still" if rng.random() < 0.15 else rng.choice(list(names.DIRECTIONS))
    track = _clear_track(kinds, motion, 2 * pairs, pixels, rng, world)
    # From left to right as they lie at the end, like the boxes.
    order = sorted(range(len(track[-1])), key=lambda index: track[-1][index].x)
    frames: list[NDArray[np.uint8]] = []
    shown: list[tuple[Thing, ...]] = []
    for plans in track:
        canvas = pixels.copy()
        shown.append(tuple(_draw(canvas, plans[index]) for index in order))
        frames.append(np.clip(canvas, 0, 255).astype(np.uint8))
    return Scene(
        np.stack(frames),
        shown[-1],
        background_name,
        motion=motion,
        mover=order.index(0),
        frame_things=tuple(shown),
    )


def _clear_track(
    kinds: list[str], motion: str, count: int, pixels: Pixels, rng: random.Random, world: World
) -> list[list[_Plan]]:
    """What lies where in each of `count` frames, the mover first; nothing overlaps in any of them.

    After 40 attempts the mover is alone.
    """
    for _ in range(40):
        plans = _arrange(kinds, pixels, rng, world, largest=0.42)
        rng.shuffle(plans)
        mover, *others = plans
        width = pixels.shape[1]
        path = [mover] * count if motion == "still" else _path(mover, motion, count, pixels, rng)
        clear = all(_free(step, other) for step in path for other in others)
        if clear and all(_apart(path[-1], other, width) for other in others):
            break
    else:
        others = []
    return [[step, *others] for step in path]


def _path(plan: _Plan, motion: str, count: int, pixels: Pixels, rng: random.Random) -> list[_Plan]:
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
        found.append(_moved(plan, along if dx else plan.x, along if dy else plan.y))
    return found


def _choose_kinds(tokens: int, rng: random.Random, dense: bool, world: World) -> list[str]:
    """Which shapes, and whether a text; more where there is room for more."""
    if dense:
        count = min(9, 1 + tokens // 4)
        pool = (*names.SHAPES, "text", "text") if world.texts else names.SHAPES
        return [rng.choice(pool) for _ in range(rng.randint(max(1, count // 2), count))]
    most = min(world.most_shapes, 2 if tokens < 12 else 3 if tokens < 20 else 4)
    chance = rng.random() if world.texts else 1.0
    if chance < 0.26 or (chance < 0.38 and most < 3):
        return ["text"]
    if chance < 0.38:
        return ["text", *rng.choices(names.SHAPES, k=rng.randint(1, 2))]
    count = rng.choices(range(1, most + 1), weights=(0.34, 0.24, 0.2, 0.22)[:most])[0]
    # The same shape twice, often: counting needs it.
    few = list(names.SHAPES) if rng.random() < 1 - world.alike else rng.sample(names.SHAPES, 2)
    return rng.choices(few, k=count)


def _arrange(
    kinds: list[str], pixels: Pixels, rng: random.Random, world: World, largest: float = 0.85
) -> list[_Plan]:
    """Find a place for everything: nothing overlaps, and left to right is clear."""
    height, width = pixels.shape[:2]
    colours = list(names.COLOURS) if rng.random() < 0.6 else rng.sample(names.COLOURS, 2)
    plans: list[_Plan] = []
    short = min(height, width)
    crowd = max(1.0, len(kinds) ** 0.6)
    for kind in kinds:
        for attempt in range(40):
            ease = 1 - attempt / 55
            if kind == "text":
                plan = _plan_text(height, width, largest / crowd * ease, colours, rng, world)
            else:
                low, high = (
                    max(world.smallest_pixels / 2, world.smallest * short),
                    max(12.0, 0.5 * largest * short / crowd * ease),
                )
                half = min(
                    math.exp(rng.uniform(math.log(min(low, high)), math.log(high))), short / 2 - 2
                )
                if rng.random() < 0.5:
                    half = max(half, rng.uniform(low, high) if high > low else high)
                x, y = (
                    rng.uniform(half + 1, width - half - 1),
                    rng.uniform(half + 1, height - half - 1),
                )
                plan = _plan_shape(kind, rng.choice(colours), x, y, half, rng, world.hollow)
            if all(_apart(plan, other, width) for other in plans) and _contrast(plan, pixels) > 130:
                plans.append(plan)
                break
    return sorted(plans, key=lambda plan: plan.x)


def _plan_shape(
    kind: str, colour: str, x: float, y: float, half: float, rng: random.Random, hollow: float
) -> _Plan:
    paint = shade(colour, rng)
    style = rng.random()
    smooth = rng.random() < 0.72
    shading = (
        rng.uniform(-35, 35) if rng.random() < 0.2 and colour not in ("black", "white") else 0.0
    )
    edge_width = max(rng.uniform(0.04, 0.2), 1.2 / half)
    if style < 0.84 - hollow:
        pen = Pen(paint, None, 0.0, smooth, shading)
    elif style < 1 - hollow:  # an edge of black, white or a darker tone of the same
        red, green, blue = (round(0.55 * channel) for channel in paint)
        edge = rng.choice([(0, 0, 0), (0, 0, 0), (255, 255, 255), (red, green, blue)])
        pen = Pen(paint, edge, min(edge_width, 0.14), smooth, shading)
    else:  # only a line
        pen = Pen(None, paint, max(edge_width, 0.09, 2.2 / half), smooth, 0.0)
    points = tuple(outline(kind, rng))
    tall = half * max(abs(py) for _, py in points)
    return _Plan(kind, colour, paint, x, y, half, tall, points=points, pen=pen)


def _plan_text(
    height: int, width: int, largest: float, colours: list[str], rng: random.Random, world: World
) -> _Plan:
    room = width * min(1.0, largest * 1.15) / 0.8  # for a row of characters
    count = rng.choices((1, 2, 3, 4), weights=(0.15, 0.2, 0.28, 0.37))[0]
    count = max(1, min(count, int(room / world.smallest_text)))
    text = "".join(rng.choices(names.CHARACTERS, k=count))
    highest = min(height * largest, room / count)
    size = rng.uniform(min(world.smallest_text, highest), highest)
    half, tall = min(0.42 * count * size, width / 2), min(0.55 * size, height / 2)
    x, y = rng.uniform(half, width - half), rng.uniform(tall, height - tall)
    colour = rng.choice(colours)
    return _Plan("text", colour, shade(colour, rng), x, y, half, tall, text=text,
                 font=pick_font(size, rng), hand=rng.randrange(1 << 30))  # fmt: skip


def _moved(plan: _Plan, x: float, y: float) -> _Plan:
    return _Plan(**{**plan.__dict__, "x": x, "y": y})


def _apart(one: _Plan, other: _Plan, width: int) -> bool:
    """Whether neither lies on the other and it is clear which is further to the left."""
    return _free(one, other) and abs(one.x - other.x) > 0.07 * width


def _free(one: _Plan, other: _Plan) -> bool:
    wide, tall = one.half + other.half + 3, one.tall + other.tall + 3
    return abs(one.x - other.x) > wide or abs(one.y - other.y) > tall


def _contrast(plan: _Plan, pixels: Pixels) -> float:
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


def _draw(pixels: Pixels, plan: _Plan) -> Thing:
    if plan.pen is not None:
        box = draw_polygon(pixels, list(plan.points), plan.x, plan.y, plan.half, plan.pen)
        return Thing(plan.kind, plan.colour, _inside(box, pixels))
    height = 2 * plan.tall / 1.1
    masks = [glyph_mask(c, plan.font, height, random.Random(plan.hand)) for c in plan.text]
    gap = 1 + (plan.hand % 7) / 40 * plan.tall
    fit = min(1.0, 2 * plan.half / sum(mask.shape[1] + gap for mask in masks))
    if fit < 1:  # a wide font: nothing may be cut off or lie on something else
        masks, gap = [shrunk(mask, fit) for mask in masks], gap * fit
    advance = [mask.shape[1] + gap for mask in masks]
    left = _within(plan.x - sum(advance) / 2, sum(advance), pixels.shape[1])
    top = _within(plan.y - masks[0].shape[0] / 2, masks[0].shape[0], pixels.shape[0])
    characters = []
    for character, mask, step in zip(plan.text, masks, advance, strict=True):
        blend(pixels, mask, round(left), round(top), plan.paint)
        characters.append((character, _inside(visible_box(mask, round(left), round(top)), pixels)))
        left += step
    boxes = [box for _, box in characters]
    whole = (
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    )
    return Thing("text", plan.colour, whole, plan.text, tuple(characters))


def _within(start: float, length: float, side: float) -> float:
    """Where to begin so that `length` pixels fit into `side`."""
    return max(0.0, min(start, side - length))


def _inside(box: Box, pixels: Pixels) -> Box:
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = (float(side) for side in box)
    return max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))


def _finish(pixels: Pixels, rng: random.Random) -> NDArray[np.uint8]:
    """What cameras, resizing and JPEG do to a drawing; (1, height, width, 3)."""
    if rng.random() < 0.1:
        pixels = pixels + np.float32(rng.uniform(1, 8)) * np.random.default_rng(
            rng.randrange(1 << 30)
        ).standard_normal(pixels.shape, np.float32)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if rng.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    if rng.random() < 0.15:  # smaller or larger and back, as when the picture had another size
        scale = rng.uniform(0.7, 2.5)
        small = image.resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC
        )
        image = small.resize(image.size, Image.Resampling.BICUBIC)
    if rng.random() < 0.12:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=rng.randint(45, 92))
        image = Image.open(file)
    return np.asarray(image)[None]
