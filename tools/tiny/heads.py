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

PLACE_LAYER, TARGET_LAYER, MORE_LAYER = 1, 2, 3  # after the second, third and fourth text layer


class Heads(nn.Module):  # type: ignore[misc]  # mypy does not read torch
    """Linear readings of visual tokens and of the tokens that begin or continue an answer."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.things = nn.Linear(hidden, NOTHING + 1)
        self.colours = nn.Linear(hidden, len(names.COLOURS))
        self.orders = nn.Linear(hidden, MAX_THINGS)
        self.letters = nn.Linear(hidden, names.MAX_CHARACTERS)
        self.boxes = nn.Linear(hidden, 4)
        self.moves = nn.Linear(hidden, 2)
        self.places = nn.Linear(hidden, 3)
        self.targets = nn.Linear(hidden, 4)
        self.pictures = nn.Linear(hidden, names.MAX_PICTURES)
        self.marks = nn.Linear(hidden, MARKS * MARKS)
        self.more = nn.Linear(hidden, 1)

    def dense_losses(self, visual: Tensor, batch: Batch) -> dict[str, Tensor]:
        """What each visual token shows; visual: (V, hidden)."""
        if not len(visual):
            return {}
        visual = F.rms_norm(visual.float(), visual.shape[-1:])
        kinds = batch.dense["kinds"]
        weights = torch.ones(NOTHING + 1, device=visual.device)
        weights[NOTHING] = 0.3
        losses = {"things": F.cross_entropy(self.things(visual), kinds, weights, ignore_index=IGNORE)}  # fmt: skip
        for name in ("colours", "orders", "letters"):
            shown = batch.dense[name] != IGNORE
            if shown.any():
                head = getattr(self, name)
                losses[name] = F.cross_entropy(head(visual[shown]), batch.dense[name][shown])
        for name, head in (("boxes", self.boxes), ("moves", self.moves)):
            there = ~batch.dense[name][:, 0].isnan()
            if there.any():
                losses[name] = F.smooth_l1_loss(
                    head(visual[there]), batch.dense[name][there], beta=0.2
                )
        return losses

    def text_losses(self, outputs: Outputs, batch: Batch) -> dict[str, Tensor]:
        """Where each visual token is, what each learnt token talks about, and whether more of that follows."""
        losses: dict[str, Tensor] = {}
        if len(batch.visual_spots):
            state = _normed(outputs.layers[PLACE_LAYER])[batch.visual_spots]
            losses["places"] = F.smooth_l1_loss(
                self.places(state), batch.dense["places"], beta=0.05
            )
        state = _normed(outputs.layers[TARGET_LAYER])[batch.label_spots]
        aimed, marked = batch.pictures != IGNORE, ~batch.marks[:, 0].isnan()
        if aimed.any():
            losses["targets"] = F.smooth_l1_loss(
                self.targets(state[aimed]), batch.boxes[aimed], beta=0.05
            )
            losses["pictures"] = F.cross_entropy(self.pictures(state[aimed]), batch.pictures[aimed])
        if marked.any():
            losses["marks"] = F.binary_cross_entropy_with_logits(
                self.marks(state[marked]), batch.marks[marked]
            )
        listed = batch.more != IGNORE
        if listed.any():
            state = _normed(outputs.layers[MORE_LAYER])[batch.label_spots[listed]]
            losses["more"] = F.binary_cross_entropy_with_logits(
                self.more(state)[:, 0], batch.more[listed].float()
            )
        return losses

    def readings(self, visual: Tensor, batch: Batch) -> dict[str, float]:
        """How often the dense heads are right, for the log."""
        if not len(visual):
            return {}
        colours = batch.dense["colours"]
        shown = colours != IGNORE
        if not shown.any():
            return {}
        visual = F.rms_norm(visual.float(), visual.shape[-1:])[shown]
        truth = batch.dense["kinds"][shown]
        right = self.things(visual).argmax(-1) == truth
        letters = truth >= len(names.SHAPES)
        right_colour = self.colours(visual).argmax(-1) == colours[shown]
        found = {"colour_right": right_colour.float().mean().item()}
        if (~letters).any():
            found["shape_right"] = right[~letters].float().mean().item()
        if letters.any():
            found["character_right"] = right[letters].float().mean().item()
        return found


def _normed(state: Tensor) -> Tensor:
    return F.rms_norm(state.float(), state.shape[-1:])
