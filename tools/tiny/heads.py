"""Throw-away heads: they tell the towers what is where, and are not part of the checkpoint.

The language-model loss alone teaches the vision tower next to nothing for a very long time: a wrong
letter in an answer says little about the thousand patches it came from.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from tools.tiny import names
from tools.tiny.dense import IGNORE, MAX_THINGS, NOTHING
from tools.tiny.encoding import MARKS, Batch
from tools.tiny.forward import Outputs

# Widths of the linear readings of visual tokens as they leave the vision tower; their targets are the fields of `Dense`.
VISUAL = {"things": NOTHING + 1, "colours": len(names.COLOURS), "orders": MAX_THINGS, "letters": names.MAX_CHARACTERS,
          "boxes": 4, "moves": 2}  # fmt: skip
# Of the tokens that begin or continue an answer: the text layer behind which they are read, and the width. In later
# turns there may be one more picture than side by side.
LEARNT = {"targets": (2, 4), "pictures": (2, names.MAX_PICTURES + 1), "marks": (2, MARKS * MARKS), "more": (3, 2)}  # fmt: skip
PLACE_LAYER = 1  # behind the second text layer visual tokens know where they are
WEIGHTS = {"language": 1.0, "things": 0.6, "colours": 0.3, "boxes": 0.6, "places": 1.0, "targets": 1.5, "pictures": 0.3,
           "marks": 0.8, "more": 0.5, "moves": 0.5, "orders": 0.3, "letters": 0.3}  # fmt: skip


class Heads(nn.Module):  # type: ignore[misc]  # mypy does not read torch
    """One linear reading for each thing that a token is to know."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        widths = VISUAL | {"places": 3} | {name: width for name, (_, width) in LEARNT.items()}
        self.read = nn.ModuleDict({name: nn.Linear(hidden, width) for name, width in widths.items()})  # fmt: skip

    def visual_losses(self, visual: Tensor, batch: Batch) -> dict[str, Tensor]:
        """What each visual token shows; visual: (V, hidden)."""
        states = dict.fromkeys(VISUAL, _normed(visual))
        return self._losses(states if len(visual) else {}, batch.dense)

    def text_losses(self, outputs: Outputs, batch: Batch) -> dict[str, Tensor]:
        """Where each visual token is, what each learnt token talks about, and whether more of that follows."""
        states = {name: _normed(outputs.layers[layer][batch.label_spots]) for name, (layer, _) in LEARNT.items()}  # fmt: skip
        losses = self._losses(states, batch.told)
        if len(batch.visual_spots):
            places = {"places": _normed(outputs.layers[PLACE_LAYER][batch.visual_spots])}
            losses |= self._losses(places, batch.dense)
        return losses

    def _losses(self, states: dict[str, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """By name; where no token has a target there is no loss."""
        losses = {}
        for name, state in states.items():
            target = targets[name]
            there = ~target[:, 0].isnan() if target.is_floating_point() else target != IGNORE
            if there.any():
                losses[name] = _loss(name, self.read[name](state[there]), target[there])
        return losses

    def readings(self, visual: Tensor, batch: Batch) -> dict[str, float]:
        """How often the readings of what is shown are right, for the log."""
        if not len(visual):
            return {}
        visual, things, colours = _normed(visual), batch.dense["things"], batch.dense["colours"]
        right = self.read["things"](visual).argmax(-1) == things
        shapes = (things >= 0) & (things < len(names.SHAPES))
        characters = (things >= len(names.SHAPES)) & (things < NOTHING)
        right_colour = self.read["colours"](visual).argmax(-1) == colours
        found = {"shape_right": right[shapes], "character_right": right[characters], "colour_right": right_colour[colours != IGNORE]}  # fmt: skip
        return {name: hits.float().mean().item() for name, hits in found.items() if len(hits)}


def _loss(name: str, read: Tensor, target: Tensor) -> Tensor:
    if name == "marks":
        return F.binary_cross_entropy_with_logits(read, target)
    if target.is_floating_point():
        return F.smooth_l1_loss(read, target, beta=0.2 if name in VISUAL else 0.05)
    weights = torch.ones(read.shape[-1], device=read.device)
    if name == "things":
        weights[NOTHING] = 0.3  # most tokens show nothing
    return F.cross_entropy(read, target, weights)


def _normed(state: Tensor) -> Tensor:
    return F.rms_norm(state.float(), state.shape[-1:])
