"""Dialogues -> arrays: token ids, three-part positions, labels, pixels, all padded to one batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from tools.tiny import names
from tools.tiny.dialogue import Dialogue, Words
from tools.tiny.exchange import Target
from tools.tiny.scene import TOKEN, Scene

IGNORE = -100
PATCH, MERGE = 14, 2
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
MARKS = 4  # counted things are marked on a grid of MARKS x MARKS
CLASSES = {name: k for k, name in enumerate((*names.SHAPES, *names.CHARACTERS))}
NOTHING = len(CLASSES)


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


@dataclass
class Batch:
    """Several dialogues as tensors.

    The text of a dialogue is one prefix of P tokens and K slots of S tokens; a slot holds one or more branches.
    Tokens are numbered prefix first, then slot after slot: L = P + K * S per dialogue.
    """

    frames: list[Tensor]  # per group of equal grids: bytes, (frame pairs, 2, height, width, 3)
    grids: list[tuple[int, int]]  # rows and columns of visual tokens of each group
    visual_order: Tensor  # (V,) the row of the concatenated groups that goes to each visual token of the batch
    visual_spots: Tensor  # (V,) flat index into batch * L of each visual token
    ids: Tensor  # (batch, L)
    positions: Tensor  # (3, batch, L)
    branch: Tensor  # (batch, L): 0 in the prefix, 1.. in the branches, -1 for padding
    prefix: int  # P
    slots: int  # K
    label_spots: Tensor  # (N,) flat indices of the tokens that predict a learnt token
    labels: Tensor  # (N,)
    boxes: Tensor  # (N, 4)
    pictures: Tensor  # (N,)
    marks: Tensor  # (N, MARKS * MARKS)
    dense_class: Tensor  # (V,) what each visual token shows, NOTHING for background
    dense_colour: Tensor  # (V,)
    dense_box: (
        Tensor  # (V, 4) its sides relative to the token's centre, in tokens; NaN for background
    )
    dense_place: Tensor  # (V, 3) frame pair, row, column of each visual token, 0..1


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


def dense_targets(
    scene: Scene,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """What each visual token of a picture or clip shows: class, colour, box, place; one row per token."""
    pairs, rows, columns = scene.grid
    classes = np.full((pairs, rows, columns), NOTHING)
    colours = np.full((pairs, rows, columns), IGNORE)
    boxes = np.full((pairs, rows, columns, 4), np.nan, np.float32)
    best = np.zeros((pairs, rows, columns), np.float32)
    for index, thing in enumerate(scene.things):
        parts = thing.characters if not scene.is_clip else ()
        for pair in range(pairs):
            where = scene.frame_boxes[2 * pair + 1][index] if scene.frame_boxes else thing.box
            for name, (x1, y1, x2, y2) in parts or ((thing.kind, where),):
                if name not in CLASSES:
                    continue
                wide = np.clip(
                    np.minimum(np.arange(1, columns + 1) * TOKEN, x2)
                    - np.maximum(np.arange(columns) * TOKEN, x1),
                    0,
                    None,
                )
                tall = np.clip(
                    np.minimum(np.arange(1, rows + 1) * TOKEN, y2)
                    - np.maximum(np.arange(rows) * TOKEN, y1),
                    0,
                    None,
                )
                area = tall[:, None] * wide[None]
                own = (area > best[pair]) & (
                    area >= 0.2 * min(TOKEN * TOKEN, (x2 - x1) * (y2 - y1))
                )
                best[pair][own] = area[own]
                classes[pair][own] = CLASSES[name]
                colours[pair][own] = names.COLOURS.index(thing.colour)
                y, x = np.nonzero(own)
                middle = np.stack([x, y, x, y], -1) + 0.5
                boxes[pair][own] = np.asarray([x1, y1, x2, y2]) / TOKEN - middle
    place = np.stack(
        np.meshgrid(*(np.arange(n) / max(n - 1, 1) for n in (pairs, rows, columns)), indexing="ij"),
        -1,
    )
    return (
        classes.ravel(),
        colours.ravel(),
        boxes.reshape(-1, 4),
        place.reshape(-1, 3).astype(np.float32),
    )


def encode_words(
    words: Words,
    scenes: list[Scene],
    tokenizer: PreTrainedTokenizerFast,
    start: int,
    first_scene: int,
) -> tuple[Row, int, int]:
    """Tokens of a prefix or branch that starts at a position; returns also the next position and scene."""
    encoding = tokenizer.backend_tokenizer.encode(words.text, add_special_tokens=False)
    pads = set(tokenizer.convert_tokens_to_ids(["<|image_pad|>", "<|video_pad|>"]))
    learnt: list[tuple[bool, Target | None]] = _per_character(words)
    counted = dict(words.counted)
    ids: list[int] = []
    labels: list[int] = []
    targets: list[Target | None] = []
    sets: list[tuple[Target, ...] | None] = []
    positions: list[NDArray[np.int64]] = []
    position = start
    for token, (begin, _) in zip(encoding.ids, encoding.offsets, strict=True):
        is_learnt, target = learnt[begin]
        if token in pads:
            pairs, rows, columns = scenes[first_scene].grid
            block = np.stack(
                np.meshgrid(np.arange(pairs), np.arange(rows), np.arange(columns), indexing="ij")
            )
            positions.append(block.reshape(3, -1) + position)
            position += max(rows, columns)
            first_scene += 1
            count = pairs * rows * columns
        else:
            positions.append(np.full((3, 1), position))
            position += 1
            count = 1
        ids += [token] * count
        labels += [token if is_learnt else IGNORE] * count
        targets += [target] * count
        sets += [counted.get(begin)] * count
    boxes = np.full((len(ids), 4), np.nan, np.float32)
    pictures = [IGNORE] * len(ids)
    marks = np.full((len(ids), MARKS * MARKS), np.nan, np.float32)
    for k, (target, things) in enumerate(zip(targets, sets, strict=True)):
        if target:
            boxes[k] = _relative_box(scenes, target)
            pictures[k] = target.picture
        if things is not None and scenes:
            marks[k] = 0
            for thing in things:
                x1, y1, x2, y2 = _relative_box(scenes, thing)
                marks[
                    k,
                    int((y1 + y2) / 2 * 0.999 * MARKS) * MARKS + int((x1 + x2) / 2 * 0.999 * MARKS),
                ] = 1
    row = Row(ids, np.concatenate(positions, 1), labels, boxes, pictures, marks)
    return row, position, first_scene


def _per_character(words: Words) -> list[tuple[bool, Target | None]]:
    learnt: list[tuple[bool, Target | None]] = [(False, None)] * (len(words.text) + 1)
    for a, b, target in words.answers:
        learnt[a:b] = [(True, target)] * (b - a)
    return learnt


def _relative_box(scenes: list[Scene], target: Target) -> NDArray[np.float32]:
    scene = scenes[target.picture]
    x1, y1, x2, y2 = scene.things[target.thing].box
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


def encode(
    dialogues: list[Dialogue], tokenizer: PreTrainedTokenizerFast, slot_size: int = 64
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
    longest = max(len(row.ids) for rows in branches for row in rows)
    size = max(slot_size, longest)
    packed = [_packed(rows, size) for rows in branches]
    width = max(len(row.ids) for row in prefixes)
    slots = max(len(slots) for slots in packed)
    length = width + slots * size
    pad = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    count = len(dialogues)
    ids = np.full((count, length), pad)
    positions = np.zeros((3, count, length), np.int64)
    branch = np.full((count, length), -1)
    spots: list[int] = []
    labels: list[NDArray[np.int64]] = []
    boxes, pictures, marks = [], [], []
    pads = tokenizer.convert_tokens_to_ids(["<|image_pad|>", "<|video_pad|>"])
    for d in range(count):
        placed = [(0, 0, prefixes[d])]
        for k, slot in enumerate(packed[d]):
            at = width + k * size
            for index in slot:
                placed.append((at, index + 1, branches[d][index]))
                at += len(branches[d][index].ids)
        for at, number, row in placed:
            end = at + len(row.ids)
            ids[d, at:end], positions[:, d, at:end], branch[d, at:end] = (
                row.ids,
                row.positions,
                number,
            )
            learnt = np.flatnonzero(np.asarray(row.labels) != IGNORE)
            spots += (d * length + at + learnt - 1).tolist()
            labels.append(np.asarray(row.labels)[learnt])
            boxes.append(row.boxes[learnt])
            pictures.append(np.asarray(row.pictures)[learnt])
            marks.append(row.marks[learnt])
    visual = _visual(dialogues)
    return Batch(
        *visual[:3],
        visual_spots=torch.from_numpy(np.flatnonzero(np.isin(ids.ravel(), pads))),
        ids=torch.from_numpy(ids),
        positions=torch.from_numpy(positions),
        branch=torch.from_numpy(branch),
        prefix=width,
        slots=slots,
        label_spots=torch.tensor(spots),
        labels=torch.from_numpy(np.concatenate(labels)),
        boxes=torch.from_numpy(np.concatenate(boxes)),
        pictures=torch.from_numpy(np.concatenate(pictures)),
        marks=torch.from_numpy(np.concatenate(marks)),
        dense_class=visual[3],
        dense_colour=visual[4],
        dense_box=visual[5],
        dense_place=visual[6],
    )


def _visual(
    dialogues: list[Dialogue],
) -> tuple[list[Tensor], list[tuple[int, int]], Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Frames grouped by grid, the way back to reading order, and the dense targets in reading order."""
    groups: dict[tuple[int, int], list[Tensor]] = {}
    entries: list[tuple[tuple[int, int], int, int]] = []  # grid, first pair within its group, pairs
    dense: list[
        tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]
    ] = []
    for dialogue in dialogues:
        for scene in dialogue.scenes:
            grid = scene.grid[1:]
            members = groups.setdefault(grid, [])
            pairs = frame_pairs(scene.frames)
            entries.append((grid, sum(len(part) for part in members), len(pairs)))
            members.append(pairs)
            dense.append(dense_targets(scene))
    grids = list(groups)
    offsets, offset = {}, 0
    for grid in grids:
        offsets[grid] = offset
        offset += sum(len(part) for part in groups[grid]) * grid[0] * grid[1]
    order = [torch.arange(0)]
    for grid, first, pairs_in in entries:
        tokens = grid[0] * grid[1]
        order.append(
            torch.arange(
                offsets[grid] + first * tokens, offsets[grid] + (first + pairs_in) * tokens
            )
        )
    columns = [np.concatenate([d[k] for d in dense]) if dense else np.zeros((0, *shape), kind)
               for k, (shape, kind) in enumerate([((), np.int64), ((), np.int64), ((4,), np.float32), ((3,), np.float32)])]  # fmt: skip
    stacked = [torch.cat(groups[grid]) for grid in grids]
    targets = [torch.from_numpy(column) for column in columns]
    return stacked, grids, torch.cat(order), targets[0], targets[1], targets[2], targets[3]
