"""The content of every visual token of an image or video: the targets of the heads on the vision tower."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.tiny import names
from tools.tiny.canvas import Box
from tools.tiny.scene import TOKEN, Scene

IGNORE = -100
CLASSES = {name: k for k, name in enumerate((*names.SHAPES, *names.CHARACTERS))}
NOTHING = len(CLASSES)
CLASSES |= {"O": CLASSES["0"], "I": CLASSES["1"]}  # which it is the word tells, not the shape
MAX_THINGS = 9  # in the crowded pictures that the vision tower learns from


@dataclass
class Dense:
    """The content of each visual token, one row per token in reading order."""

    # One of CLASSES, NOTHING, or IGNORE where a thing was in the first frame of a pair only.
    things: NDArray[np.int64]
    colours: NDArray[np.int64]  # IGNORE where there is nothing
    # Which thing from the left, and which character of a text, from 0; IGNORE where there is none. Of two equal ones
    # side by side the language model must know which it has named.
    orders: NDArray[np.int64]
    letters: NDArray[np.int64]
    # (4) sides relative to the token's centre, in tokens; NaN where there is nothing.
    boxes: NDArray[np.float32]
    # (2) from the first frame of a pair to the second, in tokens; NaN in pictures and backgrounds.
    moves: NDArray[np.float32]
    places: NDArray[np.float32]  # (3) frame pair, row, column, 0..1

    @classmethod
    def of(cls, scene: Scene) -> Dense:
        """The targets of a picture or clip."""
        grid = pairs, rows, columns = scene.grid
        things = np.full(grid, NOTHING)
        colours, orders, letters = (np.full(grid, IGNORE) for _ in range(3))
        boxes = np.full((*grid, 4), np.nan, np.float32)
        moves = np.full((*grid, 2), np.nan, np.float32)
        best = np.zeros(grid, np.float32)
        for index, thing in enumerate(scene.things):
            for pair in range(pairs):
                shown = thing
                if scene.is_clip:
                    left, shown = (scene.frame_things[2 * pair + k][index] for k in (0, 1))
                    was, now = (_covered(t.box, rows, columns) for t in (left, shown))
                    things[pair][(was > 0) & (things[pair] == NOTHING)] = IGNORE
                    moves[pair][(was > 0) | (now > 0)] = _movement(left.box, shown.box)
                for number, (name, (x1, y1, x2, y2)) in enumerate(shown.parts):
                    if name == " ":
                        continue
                    area = _covered((x1, y1, x2, y2), rows, columns)
                    own = area > best[pair]
                    best[pair][own] = area[own]
                    things[pair][own] = CLASSES[name]
                    colours[pair][own] = names.COLOURS.index(thing.colour)
                    orders[pair][own] = index
                    letters[pair][own] = number if thing.kind == "text" else IGNORE
                    y, x = np.nonzero(own)
                    middle = np.stack([x, y, x, y], -1) + 0.5
                    boxes[pair][own] = np.asarray([x1, y1, x2, y2]) / TOKEN - middle
        steps = [np.arange(n) / max(n - 1, 1) for n in grid]
        places = np.stack(np.meshgrid(*steps, indexing="ij"), -1).astype(np.float32)
        flat = (x.ravel() for x in (things, colours, orders, letters))
        return cls(*flat, *(x.reshape(-1, x.shape[-1]) for x in (boxes, moves, places)))


def _covered(box: Box, rows: int, columns: int) -> NDArray[np.float64]:
    """How many pixels of each visual token a box covers, 0 where it is hardly any; (rows, columns)."""
    x1, y1, x2, y2 = box
    x, y = np.arange(columns) * TOKEN, np.arange(rows) * TOKEN
    wide = np.clip(np.minimum(x + TOKEN, x2) - np.maximum(x, x1), 0, None)
    tall = np.clip(np.minimum(y + TOKEN, y2) - np.maximum(y, y1), 0, None)
    area = tall[:, None] * wide[None]
    return np.where(area >= 0.2 * min(TOKEN * TOKEN, (x2 - x1) * (y2 - y1)), area, 0.0)


def _movement(one: Box, other: Box) -> NDArray[np.float64]:
    """How far the centre went, in visual tokens to the right and down."""
    (left, top, right, bottom), (x1, y1, x2, y2) = one, other
    return np.asarray([x1 + x2 - left - right, y1 + y2 - top - bottom]) / (2 * TOKEN)
