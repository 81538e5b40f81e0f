"""Muon for the matrices of both towers, AdamW for everything else."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

RATE = 2e-3


def make_optimizers(model: nn.Module, heads: nn.Module) -> list[Optimizer]:
    """Muon turns each matrix's update into one that moves all directions alike: half the steps of AdamW here."""
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, weight in model.named_parameters():
        (matrices if weight.ndim == 2 and "embed_tokens" not in name else others).append(weight)
    return [
        # The size of its updates is then AdamW's, so that both take the same rate.
        Muon(matrices, lr=RATE, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        AdamW(others, lr=RATE, betas=(0.9, 0.97), weight_decay=0.0),
        AdamW(heads.parameters(), lr=RATE, betas=(0.9, 0.97), weight_decay=0.0),
    ]


def set_rate(optimizers: list[Optimizer], model: float, heads: float) -> None:
    """Factors for the model's weights and for the heads'."""
    for optimizer, factor in zip(optimizers, (model, model, heads), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = RATE * factor


class Average:
    """A running average of the weights; it is what gets shipped."""

    def __init__(self, model: nn.Module, decay: float = 0.996) -> None:
        self.decay = decay
        self.weights = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the model; faster at the beginning."""
        pull = 1 - min(self.decay, (1 + step) / (10 + step))
        weights = dict(model.named_parameters())
        now = [weights[name] for name in self.weights]
        with torch.no_grad():
            torch._foreach_lerp_(list(self.weights.values()), now, pull)

    def copy_to(self, model: nn.Module) -> None:
        """Overwrite the model's weights with the average."""
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.copy_(self.weights[name])
