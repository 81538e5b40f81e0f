"""Dialogues -> arrays: token ids, three-part positions, labels, pixels, all padded to one batch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from tools.tiny.dense import IGNORE, Dense
from tools.tiny.dialogue import Dialogue, Words
from tools.tiny.exchange import Target
from tools.tiny.scene import TOKEN, Scene

PATCH, MERGE = 14, 2
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
MARKS = 4  # counted things are marked on a grid of MARKS x MARKS


@dataclass
class Row:
    """One run of tokens: the beginning of a dialogue or one of its branches."""

    ids: list[int]
    positions: NDArray[np.int64]  # (3, tokens)
    labels: list[int]  # the token itself where it is part of an answer, else IGNORE
    boxes: NDArray[np.float32]  # (tokens, 4): where the thing talked about is, 0..1; NaN elsewhere
    pictures: list[int]  # the number of the picture talked about, else IGNORE
    marks: NDArray[
        np.float32
    ]  # (tokens, MARKS * MARKS): where the counted things are; NaN elsewhere
    more: list[int]  # after one of a list or a text whether another follows, else IGNORE


@dataclass
class Batch:
    """D dialogues as tensors, their T tokens one after the other without padding.

    Only attention needs rectangles: D prefixes of at most P tokens, and K slots of at most S tokens, each with one
    or more branches of one dialogue. Their tables hold the number of a token, or -1 for padding.
    """

    frames: list[Tensor]  # per group of equal grids: bytes, (frame pairs, 2, height, width, 3)
    grids: list[tuple[int, int]]  # rows and columns of visual tokens of each group
    visual_order: Tensor  # (V,) the row of the concatenated groups that goes to each visual token of the batch
    visual_spots: Tensor  # (V,) which tokens are visual
    ids: Tensor  # (T,)
    positions: Tensor  # (3, T)
    dialogue: Tensor  # (T,)
    branch: Tensor  # (T,) 0 in the prefix, 1.. in the branches
    prefixes: Tensor  # (D, P) tokens of each prefix
    slots: Tensor  # (K, S) tokens of each slot
    label_spots: Tensor  # (N,) the tokens that predict a learnt token
    labels: Tensor  # (N,)
    boxes: Tensor  # (N, 4)
    pictures: Tensor  # (N,)
    marks: Tensor  # (N, MARKS * MARKS)
    more: Tensor  # (N,)
    dense: dict[str, Tensor]  # the fields of `Dense` by name, each (V, ...)


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


def encode_words(
    words: Words,
    scenes: list[Scene],
    tokenizer: PreTrainedTokenizerFast,
    start: int,
    first_scene: int,
) -> tuple[Row, int, int]:
    """Tokens of a prefix or branch that starts at a position; returns also the next position and scene."""
    encoding = tokenizer.backend_tokenizer.encode(words.text, add_special_tokens=False)
    pads = _pads(tokenizer)
    learnt: list[tuple[bool, Target | None]] = _per_character(words)
    counted, goes_on = dict(words.counted), dict(words.more)
    ids: list[int] = []
    labels: list[int] = []
    targets: list[Target | None] = []
    sets: list[tuple[Target, ...] | None] = []
    more: list[int] = []
    positions: list[NDArray[np.int64]] = []
    position = start
    read = 0  # tokens that have their positions
    for token, (begin, _) in zip(encoding.ids, encoding.offsets, strict=True):
        is_learnt, target = learnt[begin]
        count = 1
        if token in pads:
            positions.append(_counting_up(position, len(ids) - read))
            position += len(ids) - read
            pairs, rows, columns = scenes[first_scene].grid
            positions.append(np.indices((pairs, rows, columns)).reshape(3, -1) + position)
            position += max(rows, columns)
            first_scene += 1
            count = pairs * rows * columns
            read = len(ids) + count
        ids += [token] * count
        labels += [token if is_learnt else IGNORE] * count
        targets += [target] * count
        sets += [counted.get(begin)] * count
        more += [int(goes_on.get(begin, IGNORE))] * count
    positions.append(_counting_up(position, len(ids) - read))
    position += len(ids) - read
    boxes = np.full((len(ids), 4), np.nan, np.float32)
    pictures = [IGNORE] * len(ids)
    marks = np.full((len(ids), MARKS * MARKS), np.nan, np.float32)
    found = {target: _relative_box(scenes, target) for target in set(targets) if target}
    for k, (target, things) in enumerate(zip(targets, sets, strict=True)):
        if target:
            boxes[k] = found[target]
            pictures[k] = target.picture
        if things is not None and scenes:
            marks[k] = 0
            for thing in things:
                x1, y1, x2, y2 = _relative_box(scenes, thing)
                marks[
                    k,
                    int((y1 + y2) / 2 * 0.999 * MARKS) * MARKS + int((x1 + x2) / 2 * 0.999 * MARKS),
                ] = 1
    row = Row(ids, np.concatenate(positions, 1), labels, boxes, pictures, marks, more)
    return row, position, first_scene


def _counting_up(start: int, count: int) -> NDArray[np.int64]:
    """The positions of text: the same in all three parts; (3, count)."""
    return np.tile(np.arange(start, start + count), (3, 1))


@cache
def _pads(tokenizer: PreTrainedTokenizerFast) -> frozenset[int]:
    """The tokens that stand for visual ones; kept, since transformers looks them up slowly."""
    return frozenset(tokenizer.convert_tokens_to_ids(["<|image_pad|>", "<|video_pad|>"]))


def _per_character(words: Words) -> list[tuple[bool, Target | None]]:
    learnt: list[tuple[bool, Target | None]] = [(False, None)] * (len(words.text) + 1)
    for a, b, target in words.answers:
        learnt[a:b] = [(True, target)] * (b - a)
    return learnt


def _relative_box(scenes: list[Scene], target: Target) -> NDArray[np.float32]:
    scene = scenes[target.picture]
    thing = scene.things[target.thing]
    x1, y1, x2, y2 = (
        thing.box if target.character is None else thing.characters[target.character][1]
    )
    width, height = scene.width, scene.height
    return np.asarray((x1 / width, y1 / height, x2 / width, y2 / height), np.float32)


def _packed(rows: list[Row], size: int) -> list[list[int]]:
    """First fit, longest first: which branches share a slot of `size` tokens."""
    slots: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(rows)), key=lambda k: -len(rows[k].ids)):
        length = len(rows[index].ids)
        slot = next((k for k, free in enumerate(room) if free >= length), None)
        if slot is None:
            slots.append([])
            room.append(size)
            slot = len(slots) - 1
        slots[slot].append(index)
        room[slot] -= length
    return slots


def _best_size(branches: list[list[Row]], prefix: int) -> int:
    """The size of slots that costs attention least: large ones waste less, small ones look at less."""
    longest = max(len(row.ids) for rows in branches for row in rows)

    def cost(size: int) -> int:
        slots = sum(len(_packed(rows, size)) for rows in branches)
        return slots * size * (prefix + size)

    return min(range(-(-longest // 32) * 32, 2 * longest + 64, 32), key=cost)


def _repeated(values: list[int], rows: list[tuple[int, int, Row]]) -> Tensor:
    """Each row's value for each of its tokens."""
    return torch.from_numpy(np.repeat(values, [len(row.ids) for _, _, row in rows]))


def _table(lines: list[list[range]]) -> Tensor:
    """Token numbers as a rectangle, padded with -1 to a width that vector units like."""
    width = -(-max(sum(len(part) for part in line) for line in lines) // 32) * 32
    table = np.full((len(lines), width), -1)
    for number, line in enumerate(lines):
        flat = [k for part in line for k in part]
        table[number, : len(flat)] = flat
    return torch.from_numpy(table)


def encode(
    dialogues: list[Dialogue], tokenizer: PreTrainedTokenizerFast, slot_size: int | None = None
) -> Batch:
    """Everything the training forward needs, for one batch of dialogues."""
    prefixes: list[Row] = []
    branches: list[list[Row]] = []
    for dialogue in dialogues:
        prefix, position, seen = encode_words(dialogue.prefix, dialogue.scenes, tokenizer, 0, 0)
        prefixes.append(prefix)
        branches.append(
            [
                encode_words(b, dialogue.scenes, tokenizer, position, seen)[0]
                for b in dialogue.branches
            ]
        )
    ordered = [
        (d, number, row)
        for d, prefix in enumerate(prefixes)
        for number, row in enumerate((prefix, *branches[d]))
    ]
    starts = np.cumsum([0, *(len(row.ids) for _, _, row in ordered)])
    begins = {
        (d, number): int(start) for (d, number, _), start in zip(ordered, starts, strict=False)
    }
    ids = np.concatenate([row.ids for _, _, row in ordered])
    labels = np.concatenate([row.labels for _, _, row in ordered])
    learnt = np.flatnonzero(labels != IGNORE)
    tables = [[range(begins[d, 0], begins[d, 0] + len(row.ids))] for d, row in enumerate(prefixes)]
    size = slot_size or _best_size(branches, max(len(row.ids) for row in prefixes))
    slots = [
        [range(begins[d, k + 1], begins[d, k + 1] + len(rows[k].ids)) for k in slot]
        for d, rows in enumerate(branches)
        for slot in _packed(rows, size)
    ]
    return Batch(
        *_visual(dialogues),
        visual_spots=torch.from_numpy(np.flatnonzero(np.isin(ids, list(_pads(tokenizer))))),
        ids=torch.from_numpy(ids),
        positions=torch.from_numpy(np.concatenate([row.positions for _, _, row in ordered], 1)),
        dialogue=_repeated([d for d, _, _ in ordered], ordered),
        branch=_repeated([number for _, number, _ in ordered], ordered),
        prefixes=_table(tables),
        slots=_table(slots),
        label_spots=torch.from_numpy(learnt - 1),
        labels=torch.from_numpy(labels[learnt]),
        boxes=torch.from_numpy(np.concatenate([row.boxes for _, _, row in ordered])[learnt]),
        pictures=torch.from_numpy(np.concatenate([row.pictures for _, _, row in ordered])[learnt]),
        marks=torch.from_numpy(np.concatenate([row.marks for _, _, row in ordered])[learnt]),
        more=torch.from_numpy(np.concatenate([row.more for _, _, row in ordered])[learnt]),
        dense=_dense(dialogues),
    )


def _dense(dialogues: list[Dialogue]) -> dict[str, Tensor]:
    """The targets of all pictures and clips in reading order; empty where there are none."""
    found = [Dense.of(scene) for dialogue in dialogues for scene in dialogue.scenes]
    if not found:
        return {}
    return {
        field.name: torch.from_numpy(np.concatenate([getattr(d, field.name) for d in found]))
        for field in fields(Dense)
    }


def _visual(dialogues: list[Dialogue]) -> tuple[list[Tensor], list[tuple[int, int]], Tensor]:
    """Frames grouped by grid, the grids, and the way back to reading order."""
    groups: dict[tuple[int, int], list[Tensor]] = {}
    entries: list[tuple[tuple[int, int], int, int]] = []  # grid, first pair within its group, pairs
    for dialogue in dialogues:
        for scene in dialogue.scenes:
            grid = scene.grid[1:]
            members = groups.setdefault(grid, [])
            pairs = frame_pairs(scene.frames)
            entries.append((grid, sum(len(part) for part in members), len(pairs)))
            members.append(pairs)
    grids = list(groups)
    offsets, offset = {}, 0
    for grid in grids:
        offsets[grid] = offset
        offset += sum(len(part) for part in groups[grid]) * grid[0] * grid[1]
    order = [torch.arange(0)]
    for (rows, columns), first, count in entries:
        start = offsets[rows, columns] + first * rows * columns
        order.append(torch.arange(start, start + count * rows * columns))
    return [torch.cat(groups[grid]) for grid in grids], grids, torch.cat(order)
