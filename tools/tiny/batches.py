"""An endless supply of batches; number n of a seed is always the same, so training can resume anywhere."""

from __future__ import annotations

import random

from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerFast

from tools.tiny.dialogue import OTHERS, Dialogue, Grids, MarkedText, make_dialogue, pick_grids
from tools.tiny.encoding import Batch, encode
from tools.tiny.scene import FULL, make_picture
from tools.tiny.world import World

BRANCHES = 8
BATCH_COST = 1.9  # see `_cost`
MAX_PICTURES_SCALE = 3.0  # the scale beyond which a GPU waits for crowded pictures to be drawn


class Batches(Dataset[Batch]):  # type: ignore[misc]  # mypy does not read torch
    """Batches by (number, whether it is for the vision tower alone)."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        seed: int,
        rank: int,
        scale: float = 1.0,
        world: World = FULL,
    ) -> None:
        self.tokenizer, self.seed, self.rank = tokenizer, seed, rank
        self.scale, self.world = scale, world.practised()

    def __getitem__(self, index: tuple[int, bool]) -> Batch:
        """One kind of dialogue and few sizes a batch, so that little of it is padding."""
        number, vision_only = index
        rng = random.Random(f"{self.seed}/{number}/{self.rank}")
        return self._pictures(rng) if vision_only else self._dialogues(rng)

    def _pictures(self, rng: random.Random) -> Batch:
        """Crowded pictures without a question, for the vision tower alone."""
        rows, columns = pick_grids(rng, 256, self.world).picture
        scale = min(self.scale, MAX_PICTURES_SCALE)
        count = max(1, round(scale * min(32.0, 1100 / (rows * columns))))
        scenes = [
            make_picture(rows, columns, rng, rng.random() < 0.8, self.world) for _ in range(count)
        ]
        return encode(
            [Dialogue([scene], MarkedText("\n"), [MarkedText("\n\n")]) for scene in scenes],
            self.tokenizer,
        )

    def _dialogues(self, rng: random.Random) -> Batch:
        kind = rng.choices(list(self.world.kinds), list(self.world.kinds.values()))[0]
        grids = pick_grids(rng, world=self.world)
        count = max(1, round(self.scale * min(16.0, BATCH_COST / _cost(kind, grids))))
        return encode(
            [make_dialogue(kind, grids, rng, BRANCHES) for _ in range(count)], self.tokenizer
        )


def _cost(kind: str, grids: Grids) -> float:
    """About how many seconds of one core a dialogue takes: where processes wait for each other, all their batches
    should take equally long.
    """
    sizes = [rows * columns for rows, columns in grids.others]
    pictures = {"several": 2.8, "later": 2.9, "tools": 1.0}.get(kind, 0.0)
    visual = pictures * sum(s * size for s, size in zip(OTHERS, sizes, strict=True))
    seen = pictures * sum(s * _vision_cost(size) for s, size in zip(OTHERS, sizes, strict=True))
    if kind == "picture":
        visual = grids.picture[0] * grids.picture[1]
        seen = _vision_cost(visual)
    elif kind == "clip":
        pairs, rows, columns = grids.clip
        visual, seen = pairs * rows * columns, pairs * _vision_cost(rows * columns)
    read = (
        visual + 240 + 500 * (kind == "tools")
    )  # with the tokens of the branches, and the signatures of tools
    return seen + 3.5e-4 * read + 5e-7 * read**2


def _vision_cost(tokens: float) -> float:
    """The vision tower's part, for one picture: each patch passes through it and looks at every other."""
    return 9e-4 * tokens + 4.8e-6 * tokens**2
