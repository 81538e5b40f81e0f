"""Pictures and clips of the tiny world, drawn at random, with everything in them named and boxed."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from tools.tiny import canvas, names
from tools.tiny.backgrounds import background, photograph
from tools.tiny.canvas import Box, Pixels
from tools.tiny.layout import Plan, arrange, choose_kinds, clear_track
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
    def area(self) -> float:
        """Of the box, in square pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box in pixels."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True)
class Scene:
    """A picture (one frame) or a clip (an even number of frames) and what it shows, from left to right."""

    frames: NDArray[np.uint8]  # (frames, height, width, 3)
    things: tuple[Thing, ...]
    background: str | None = None  # the colour's name, where it has one
    photograph: bool = False
    motion: str | None = None  # one of names.MOTIONS
    mover: int = 0
    palette: tuple[str, ...] = names.FIRST_COLOURS  # the colours that may be asked for
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


def make_picture(
    rows: int, columns: int, rng: random.Random, dense: bool = False, world: World = FULL
) -> Scene:
    """A picture of rows x columns visual tokens. `dense` ones are crowded: more to learn from per pixel."""
    height, width = rows * TOKEN, columns * TOKEN
    chance = rng.random()
    if chance < world.photographs and not dense:
        pixels = photograph(height, width, rng)
        return Scene(_finish(pixels, rng), (), photograph=True)
    blank = chance < world.photographs + 0.03 and not dense
    kinds = [] if blank else choose_kinds(rows * columns, rng, dense, world)
    plans: list[Plan] = []
    if kinds and "text" not in kinds and rng.random() < world.on_photographs:
        pixels, background_name = photograph(height, width, rng), None
        plans = arrange(kinds, pixels, rng, world)
    if not plans:
        pixels, background_name = background(height, width, rng)
        plans = arrange(kinds, pixels, rng, world)
    things = tuple(_draw(pixels, plan) for plan in plans)
    named = background_name if plans or not dense else None
    return Scene(_finish(pixels, rng), things, named, palette=world.colours)


def make_clip(
    pairs: int, rows: int, columns: int, rng: random.Random, world: World = FULL
) -> Scene:
    """A clip of 2 * pairs frames in which one thing moves evenly in one direction, or nothing does."""
    pixels, background_name = background(rows * TOKEN, columns * TOKEN, rng)
    kinds = ["text" if rng.random() < world.clip_texts else rng.choice(names.SHAPES)]
    if rows * columns >= 9 and rng.random() < world.clip_company:
        kinds.append(rng.choice([shape for shape in names.SHAPES if shape not in kinds]))
    motion = "still" if rng.random() < 0.15 else rng.choice(list(names.DIRECTIONS))
    if kinds[0] != "text" and rng.random() < world.growing:
        motion = rng.choice(("grow", "shrink"))
    track = clear_track(kinds, motion, 2 * pairs, pixels, rng, world)
    # From left to right as they lie at the end, like the boxes.
    order = sorted(range(len(track[-1])), key=lambda index: track[-1][index].x)
    frames: list[NDArray[np.uint8]] = []
    shown: list[tuple[Thing, ...]] = []
    for plans in track:
        frame = pixels.copy()
        shown.append(tuple(_draw(frame, plans[index]) for index in order))
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    return Scene(
        np.stack(frames),
        shown[-1],
        background_name,
        motion=motion,
        mover=order.index(0),
        palette=world.colours,
        frame_things=tuple(shown),
    )


def _draw(pixels: Pixels, plan: Plan) -> Thing:
    if plan.pen is not None:
        box = canvas.draw_polygon(pixels, list(plan.points), plan.x, plan.y, plan.half, plan.pen)
        return Thing(plan.kind, plan.colour, _inside(box, pixels))
    height = 2 * plan.tall / 1.1
    masks = [canvas.glyph_mask(c, plan.font, height, plan.hand) for c in plan.text]
    gap = 1 + (plan.hand % 7) / 40 * plan.tall
    fit = min(1.0, 2 * plan.half / sum(mask.shape[1] + gap for mask in masks))
    if fit < 1:  # a wide font: nothing may be cut off or lie on something else
        masks, gap = [canvas.shrunk(mask, fit) for mask in masks], gap * fit
    advance = [mask.shape[1] + gap for mask in masks]
    left = _within(plan.x - sum(advance) / 2, sum(advance), pixels.shape[1])
    top = _within(plan.y - masks[0].shape[0] / 2, masks[0].shape[0], pixels.shape[0])
    characters = []
    for character, mask, step in zip(plan.text, masks, advance, strict=True):
        canvas.blend(pixels, mask, round(left), round(top), plan.paint)
        box = canvas.visible_box(mask, round(left), round(top))
        characters.append((character, _inside(box, pixels)))
        left += step
    x1, y1, x2, y2 = zip(*(box for _, box in characters), strict=True)
    whole = (min(x1), min(y1), max(x2), max(y2))
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
        strength, seed = np.float32(rng.uniform(1, 8)), rng.randrange(1 << 30)
        noise = np.random.default_rng(seed).standard_normal(pixels.shape, np.float32)
        pixels = pixels + strength * noise
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if rng.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    if rng.random() < 0.15:  # smaller or larger and back, as when the picture had another size
        scale = rng.uniform(0.7, 2.5)
        size = [round(side * scale) for side in image.size]
        other = image.resize(size, Image.Resampling.BICUBIC)
        image = other.resize(image.size, Image.Resampling.BICUBIC)
    if rng.random() < 0.12:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=rng.randint(45, 92))
        image = Image.open(file)
    return np.asarray(image)[None]
