"""Dialogues -> arrays: token ids, three-part positions, labels, pixels, all padded to one batch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
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
# Counted things are marked on a grid of MARKS x MARKS cells.
MARKS = 4


@dataclass
class Row:
    """One run of tokens: the beginning of a dialogue or one of its branches."""

    ids: list[int]
    positions: NDArray[np.int64]  # (3, tokens)
    labels: list[int]  # the token itself where it is part of an answer, else IGNORE
    boxes: NDArray[np.float32]  # (tokens, 4): where the thing talked about is, 0..1; NaN elsewhere
    pictures: list[int]  # the number of the picture talked about, else IGNORE
    # (tokens, MARKS * MARKS): where the counted things are; NaN elsewhere
    marks: NDArray[np.float32]
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
    """Encode a prefix or a branch.

    start: the position of its first token. first_scene: the index of the scene for its first pad token.
    Gives the row, the position after it, and the index of the next scene.
    """
    tokens = _expand(words, scenes, tokenizer, first_scene)
    positions, end = _positions(tokens, start)
    boxes = np.full((len(tokens.ids), 4), np.nan, np.float32)
    pictures = [IGNORE] * len(tokens.ids)
    found = {target: _relative_box(scenes, target) for target in set(tokens.targets) if target}
    for k, target in enumerate(tokens.targets):
        if target:
            boxes[k] = found[target]
            pictures[k] = target.picture
    marks = _marks(tokens.counted, scenes)
    row = Row(tokens.ids, positions, tokens.labels, boxes, pictures, marks, tokens.more)
    return row, end, first_scene + len(tokens.grids)


@dataclass
class _Tokens:
    """The tokens of a text, each pad token repeated for all visual tokens of its scene."""

    ids: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    targets: list[Target | None] = field(default_factory=list)
    counted: list[tuple[Target, ...] | None] = field(default_factory=list)
    more: list[int] = field(default_factory=list)
    # The first visual token of each scene, and its (frame pairs, rows, columns).
    grids: list[tuple[int, tuple[int, int, int]]] = field(default_factory=list)


def _expand(
    words: Words, scenes: list[Scene], tokenizer: PreTrainedTokenizerFast, first_scene: int
) -> _Tokens:
    encoding = tokenizer.backend_tokenizer.encode(words.text, add_special_tokens=False)
    learnt = _per_character(words)
    pads = _pads(tokenizer)
    counted, goes_on = dict(words.counted), dict(words.more)
    tokens = _Tokens()
    for token, (begin, _) in zip(encoding.ids, encoding.offsets, strict=True):
        is_learnt, target = learnt[begin]
        count = 1
        if token in pads:
            pairs, rows, columns = scenes[first_scene + len(tokens.grids)].grid
            tokens.grids.append((len(tokens.ids), (pairs, rows, columns)))
            count = pairs * rows * columns
        tokens.ids += [token] * count
        tokens.labels += [token if is_learnt else IGNORE] * count
        tokens.targets += [target] * count
        tokens.counted += [counted.get(begin)] * count
        tokens.more += [int(goes_on.get(begin, IGNORE))] * count
    return tokens


def _positions(tokens: _Tokens, start: int) -> tuple[NDArray[np.int64], int]:
    """M-RoPE positions, (3, tokens): frame pair, row and column of visual tokens. Gives the position after them too."""
    parts: list[NDArray[np.int64]] = []
    position, done = start, 0
    for begin, grid in tokens.grids:
        parts.append(_counting_up(position, begin - done))
        position += begin - done
        parts.append(np.indices(grid).reshape(3, -1) + position)
        position += max(grid[1:])
        done = begin + math.prod(grid)
    rest = len(tokens.ids) - done
    parts.append(_counting_up(position, rest))
    return np.concatenate(parts, 1), position + rest


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
    """One batch of dialogues. slot_size: tokens of a slot; None takes the size that costs attention least."""
    prefixes, branches = _rows(dialogues, tokenizer)
    ordered = [
        (d, number, row)
        for d, prefix in enumerate(prefixes)
        for number, row in enumerate((prefix, *branches[d]))
    ]
    rows = [row for _, _, row in ordered]
    spans = _spans(ordered)
    ids = np.concatenate([row.ids for row in rows])
    labels = np.concatenate([row.labels for row in rows])
    learnt = np.flatnonzero(labels != IGNORE)

    def targets(name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([getattr(row, name) for row in rows])[learnt])

    size = slot_size or _best_size(branches, max(len(row.ids) for row in prefixes))
    slots = [
        [spans[d, k + 1] for k in slot]
        for d, of_dialogue in enumerate(branches)
        for slot in _packed(of_dialogue, size)
    ]
    return Batch(
        *_visual(dialogues),
        visual_spots=torch.from_numpy(np.flatnonzero(np.isin(ids, list(_pads(tokenizer))))),
        ids=torch.from_numpy(ids),
        positions=torch.from_numpy(np.concatenate([row.positions for row in rows], 1)),
        dialogue=_repeated([d for d, _, _ in ordered], ordered),
        branch=_repeated([number for _, number, _ in ordered], ordered),
        prefixes=_table([[spans[d, 0]] for d in range(len(prefixes))]),
        slots=_table(slots),
        label_spots=torch.from_numpy(learnt - 1),
        labels=torch.from_numpy(labels[learnt]),
        **{name: targets(name) for name in ("boxes", "pictures", "marks", "more")},
        dense=_dense(dialogues),
    )


def _rows(
    dialogues: list[Dialogue], tokenizer: PreTrainedTokenizerFast
) -> tuple[list[Row], list[list[Row]]]:
    """The prefix and the branches of each dialogue."""
    prefixes: list[Row] = []
    branches: list[list[Row]] = []
    for dialogue in dialogues:
        scenes = dialogue.scenes
        prefix, position, scene = encode_words(dialogue.prefix, scenes, tokenizer, 0, 0)
        prefixes.append(prefix)
        branches.append(
            [encode_words(b, scenes, tokenizer, position, scene)[0] for b in dialogue.branches]
        )
    return prefixes, branches


def _spans(ordered: list[tuple[int, int, Row]]) -> dict[tuple[int, int], range]:
    """The tokens of each row in the batch, by the numbers of its dialogue and branch (0: the prefix)."""
    spans, start = {}, 0
    for d, number, row in ordered:
        spans[d, number] = range(start, start + len(row.ids))
        start += len(row.ids)
    return spans


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
