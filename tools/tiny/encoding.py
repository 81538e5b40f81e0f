"""Dialogues -> arrays: token ids, three-part positions, labels, pixels, all padded to one batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from tools.tiny.dense import IGNORE, Dense
from tools.tiny.dialogue import Dialogue, MarkedText
from tools.tiny.exchange import Target
from tools.tiny.scene import TOKEN, Scene

PATCH, MERGE = 14, 2
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
# Counted things are marked on a grid of MARKS x MARKS cells.
MARKS = 4
PADDING = -1  # the branch of tokens that only fill a row


@dataclass
class Row:
    """One run of tokens: the beginning of a dialogue or one of its branches, T tokens long."""

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]  # (3, T)
    labels: NDArray[np.int64]  # the token itself where it is part of an answer, else IGNORE
    # What the throw-away heads are told about each token.
    targets: NDArray[np.float32]  # (T, 4) where the thing talked about is, 0..1; NaN elsewhere
    pictures: NDArray[np.int64]  # the number of the picture talked about, else IGNORE
    marks: NDArray[np.float32]  # (T, MARKS * MARKS) where the counted things are; NaN elsewhere
    more: NDArray[np.int64]  # after one of a list or a text whether another follows, else IGNORE


@dataclass
class Batch:
    """D dialogues of at most T tokens: each its beginning, then all its branches, then padding."""

    frames: list[Tensor]  # per group of equal grids: bytes, (frame pairs, 2, height, width, 3)
    grids: list[tuple[int, int]]  # rows and columns of visual tokens of each group
    visual_order: Tensor  # (V,) the row of the concatenated groups that goes to each visual token of the batch
    visual_spots: Tensor  # (V,) which of the D * T tokens are visual
    ids: Tensor  # (D, T)
    positions: Tensor  # (3, D, T)
    branch: Tensor  # (D, T) 0 in the beginning, 1.. in the branches, PADDING behind them
    label_spots: Tensor  # (N,) which of the D * T tokens predict a learnt token
    labels: Tensor  # (N,)
    told: dict[str, Tensor]  # of `Row` what the heads are told, by name, each (N, ...)
    dense: dict[str, Tensor]  # the fields of `Dense` by name, each (V, ...)

    def moved(self, move: Callable[[Tensor], Tensor]) -> Batch:
        """The same with every tensor moved, say to a GPU."""
        tensors: dict[str, Any] = {k: move(v) for k, v in vars(self).items() if isinstance(v, Tensor)}  # fmt: skip
        tensors["frames"] = [move(frames) for frames in self.frames]
        for name in ("told", "dense"):
            tensors[name] = {key: move(target) for key, target in getattr(self, name).items()}
        return replace(self, **tensors)


def frame_pairs(frames: NDArray[np.uint8]) -> Tensor:
    """(frames, height, width, 3) -> (frame pairs, 2, height, width, 3); a picture is its own pair."""
    if len(frames) == 1:
        frames = np.repeat(frames, 2, 0)
    return torch.tensor(frames).unflatten(0, (-1, 2))


def patches(pairs: Tensor) -> Tensor:
    """(frame pairs, 2, height, width, 3) -> (frame pairs, patches, 1176), normalized, cut and ordered as the
    real processor does.
    """
    scale = torch.tensor(DEVIATION, device=pairs.device) * 255
    shift = torch.tensor(MEAN, device=pairs.device) * 255
    pixels = (pairs.float() - shift) / scale
    count, _, height, width, _ = pairs.shape
    rows, columns = height // TOKEN, width // TOKEN
    cut = pixels.view(count, 2, rows, MERGE, PATCH, columns, MERGE, PATCH, 3)
    # (pair, row, column, row in block, column in block, channel, frame, y, x)
    return cut.permute(0, 2, 5, 3, 6, 8, 1, 4, 7).reshape(count, rows * columns * MERGE * MERGE, -1)


@dataclass
class _Tokens:
    """The tokens of a text, each pad token repeated for all visual tokens of its scene."""

    ids: list[int] = field(default_factory=list)
    learnt: list[bool] = field(default_factory=list)
    targets: list[Target | None] = field(default_factory=list)
    counted: list[tuple[Target, ...] | None] = field(default_factory=list)
    more: list[int] = field(default_factory=list)
    # The first visual token of each scene, and its (frame pairs, rows, columns).
    grids: list[tuple[int, tuple[int, int, int]]] = field(default_factory=list)


def encode_words(
    words: MarkedText,
    scenes: list[Scene],
    tokenizer: PreTrainedTokenizerFast,
    start: int,
    first_scene: int,
) -> tuple[Row, int, int]:
    """Encode a prefix or a branch.

    start: the position of its first token. first_scene: the index of the scene for its first pad token.
    Gives the row, the position after it, and the index of the next scene.
    """
    tokens = _expand(words, scenes, tokenizer, first_scene)
    positions, end = _positions(tokens, start)
    ids = np.asarray(tokens.ids)
    boxes = np.full((len(ids), 4), np.nan, np.float32)
    pictures = np.full(len(ids), IGNORE)
    found = {target: _relative_box(scenes, target) for target in set(tokens.targets) if target}
    for k, target in enumerate(tokens.targets):
        if target:
            boxes[k], pictures[k] = found[target], target.picture
    labels = np.where(tokens.learnt, ids, IGNORE)
    marks = _marks(tokens.counted, scenes)
    row = Row(ids, positions, labels, boxes, pictures, marks, np.asarray(tokens.more))
    return row, end, first_scene + len(tokens.grids)


def _expand(
    words: MarkedText, scenes: list[Scene], tokenizer: PreTrainedTokenizerFast, first_scene: int
) -> _Tokens:
    encoding = tokenizer.backend_tokenizer.encode(words.text, add_special_tokens=False)
    learnt: list[tuple[bool, Target | None]] = [(False, None)] * (len(words.text) + 1)
    for a, b, target in words.answers:
        learnt[a:b] = [(True, target)] * (b - a)
    pads, counted, goes_on = _pads(tokenizer), dict(words.counted), dict(words.more)
    tokens = _Tokens()
    for token, (begin, _) in zip(encoding.ids, encoding.offsets, strict=True):
        count = 1
        if token in pads:
            grid = scenes[first_scene + len(tokens.grids)].grid
            tokens.grids.append((len(tokens.ids), grid))
            count = math.prod(grid)
        tokens.ids += [token] * count
        tokens.learnt += [learnt[begin][0]] * count
        tokens.targets += [learnt[begin][1]] * count
        tokens.counted += [counted.get(begin)] * count
        tokens.more += [int(goes_on.get(begin, IGNORE))] * count
    return tokens


def _positions(tokens: _Tokens, start: int) -> tuple[NDArray[np.int64], int]:
    """M-RoPE positions, (3, tokens): frame pair, row and column of visual tokens. Gives the position after them too."""
    parts: list[NDArray[np.int64]] = []
    position, done = start, 0
    for begin, grid in [*tokens.grids, (len(tokens.ids), (0, 0, 0))]:
        # The positions of text are the same in all three parts.
        parts.append(np.tile(np.arange(position, position + begin - done), (3, 1)))
        position += begin - done
        parts.append(np.indices(grid).reshape(3, -1) + position)
        position += max(grid[1:])
        done = begin + math.prod(grid)
    return np.concatenate(parts, 1), position


def _marks(counted: list[tuple[Target, ...] | None], scenes: list[Scene]) -> NDArray[np.float32]:
    """(tokens, MARKS * MARKS): 1 in the cells of the counted things, 0 in the others; NaN where nothing is counted."""
    marks = np.full((len(counted), MARKS * MARKS), np.nan, np.float32)
    for k, things in enumerate(counted):
        if things is not None and scenes:
            marks[k] = 0
            for thing in things:
                x1, y1, x2, y2 = _relative_box(scenes, thing)
                row, column = (int((a + b) / 2 * 0.999 * MARKS) for a, b in ((y1, y2), (x1, x2)))
                marks[k, row * MARKS + column] = 1
    return marks


@cache
def _pads(tokenizer: PreTrainedTokenizerFast) -> frozenset[int]:
    """The tokens that stand for visual ones; kept, since transformers looks them up slowly."""
    return frozenset(tokenizer.convert_tokens_to_ids(["<|image_pad|>", "<|video_pad|>"]))


def _relative_box(scenes: list[Scene], target: Target) -> NDArray[np.float32]:
    scene = scenes[target.picture]
    thing = scene.things[target.thing]
    box = thing.box if target.character is None else thing.characters[target.character][1]
    sides = (scene.width, scene.height) * 2
    return np.asarray([a / b for a, b in zip(box, sides, strict=True)], np.float32)


def encode(dialogues: list[Dialogue], tokenizer: PreTrainedTokenizerFast) -> Batch:
    """One batch of dialogues."""
    rows = [_rows(dialogue, tokenizer) for dialogue in dialogues]
    # A multiple of 32, which vector units like.
    length = max(sum(len(row.ids) for row in of_dialogue) for of_dialogue in rows)
    length = -(-length // 32) * 32

    def table(value: Callable[[int, Row], NDArray[Any]], padding: float) -> NDArray[Any]:
        """(D, T, ...): a value of each token of each row of each dialogue."""
        lines = [np.concatenate([value(n, row) for n, row in enumerate(of)]) for of in rows]
        filled = [[(0, length - len(line))] + [(0, 0)] * (line.ndim - 1) for line in lines]
        return np.stack([np.pad(line, pad, constant_values=padding) for line, pad in zip(lines, filled, strict=True)])  # fmt: skip

    ids = table(lambda _, row: row.ids, 0)
    branch = table(lambda number, row: np.full(len(row.ids), number), PADDING)
    positions = table(lambda _, row: row.positions.T, 0)
    labels = table(lambda _, row: row.labels, IGNORE).ravel()
    learnt = np.flatnonzero(labels != IGNORE)

    def told(name: str) -> Tensor:
        values = table(lambda _, row: getattr(row, name), 0)
        return torch.from_numpy(values.reshape(-1, *values.shape[2:])[learnt])

    pads = np.isin(ids, list(_pads(tokenizer))) & (branch != PADDING)
    return Batch(
        *_visual(dialogues),
        visual_spots=torch.from_numpy(np.flatnonzero(pads)),
        ids=torch.from_numpy(ids),
        positions=torch.from_numpy(np.moveaxis(positions, -1, 0).copy()),
        branch=torch.from_numpy(branch),
        label_spots=torch.from_numpy(learnt - 1),
        labels=torch.from_numpy(labels[learnt]),
        told={name: told(name) for name in ("targets", "pictures", "marks", "more")},
        dense=_dense(dialogues),
    )


def _rows(dialogue: Dialogue, tokenizer: PreTrainedTokenizerFast) -> list[Row]:
    """The beginning of a dialogue and its branches, all of which go on from the same position."""
    prefix, position, scene = encode_words(dialogue.prefix, dialogue.scenes, tokenizer, 0, 0)
    return [prefix, *(encode_words(b, dialogue.scenes, tokenizer, position, scene)[0] for b in dialogue.branches)]  # fmt: skip


def _dense(dialogues: list[Dialogue]) -> dict[str, Tensor]:
    """The targets of all pictures and clips in reading order; empty where there are none."""
    found = [Dense.of(scene) for dialogue in dialogues for scene in dialogue.scenes]
    if not found:
        return {}
    return {
        entry.name: torch.from_numpy(np.concatenate([getattr(d, entry.name) for d in found]))
        for entry in fields(Dense)
    }


def _visual(dialogues: list[Dialogue]) -> tuple[list[Tensor], list[tuple[int, int]], Tensor]:
    """Frames grouped by grid, the grids, and the way back to reading order."""
    groups: dict[tuple[int, ...], list[Tensor]] = {}
    numbers: dict[tuple[int, ...], list[int]] = {}  # of the scenes in each group
    scenes = [scene for dialogue in dialogues for scene in dialogue.scenes]
    for number, scene in enumerate(scenes):
        groups.setdefault(scene.grid[1:], []).append(frame_pairs(scene.frames))
        numbers.setdefault(scene.grid[1:], []).append(number)
    grouped = [number for members in numbers.values() for number in members]
    sizes = [math.prod(scenes[number].grid) for number in grouped]
    parts = dict(zip(grouped, torch.arange(sum(sizes)).split(sizes), strict=True)) if sizes else {}
    order = torch.cat([torch.arange(0), *(parts[number] for number in range(len(scenes)))])
    grids = [(rows, columns) for rows, columns in groups]
    return [torch.cat(members) for members in groups.values()], grids, order
