"""Muon whose iterations run in any precision and are shared between the training processes.

torch's own (`torch.optim.Muon`) always iterates in bfloat16 and in every process. On a CPU without bfloat16 units one
of its steps takes 7 s for these 4 M weights, three times as long as all the rest of a training step.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor
from torch.optim import Optimizer

# The quintic of Keller Jordan's Muon (https://kellerjordan.github.io/posts/muon/): steepest at zero, so that five
# iterations bring every singular value near to 1.
_QUINTIC = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5


class Muon(Optimizer):  # type: ignore[misc]  # mypy does not read torch
    """Nesterov momentum, made orthogonal; its size is AdamW's (0.2 per weight), so both take the same rate."""

    def __init__(
        self,
        matrices: list[Tensor],
        lr: float,
        weight_decay: float,
        momentum: float,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self.dtype = dtype

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self) -> None:
        """One step; every process calls it with the same gradients."""
        for group in self.param_groups:
            matrices, momentum = group["params"], group["momentum"]
            held = [
                self.state[matrix].setdefault("momentum_buffer", torch.zeros_like(matrix))
                for matrix in matrices
            ]
            torch._foreach_lerp_(held, [matrix.grad for matrix in matrices], 1 - momentum)
            directions = self._directions(matrices, momentum)
            sizes = [-group["lr"] * 0.2 * max(matrix.shape) ** 0.5 for matrix in matrices]
            torch._foreach_mul_(directions, sizes)
            torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(matrices, directions)

    def _directions(self, matrices: list[Tensor], momentum: float) -> list[Tensor]:
        """Each process makes its share orthogonal; the sum over the processes has everybody's."""
        sizes = [matrix.numel() for matrix in matrices]
        together = torch.zeros(sum(sizes), dtype=matrices[0].dtype, device=matrices[0].device)
        parts = together.split(sizes)
        # Those of one shape go through as one batch: a GPU spends longer on starting small products than on them.
        alike: dict[torch.Size, list[int]] = {}
        for number in _share(matrices):
            alike.setdefault(matrices[number].shape, []).append(number)
        for numbers in alike.values():
            ahead = torch.stack([matrices[k].grad for k in numbers])
            held = torch.stack([self.state[matrices[k]]["momentum_buffer"] for k in numbers])
            made = orthogonal(ahead.lerp_(held, momentum), self.dtype)
            torch._foreach_copy_([parts[k] for k in numbers], list(made.flatten(1)))
        if dist.is_initialized():
            dist.all_reduce(together)
        return [part.view_as(matrix) for part, matrix in zip(parts, matrices, strict=True)]


def orthogonal(matrices: Tensor, dtype: torch.dtype) -> Tensor:
    """Each matrix with all its singular values brought near to 1 (0.7 to 1.2); (n, rows, columns), and so returned."""
    a, b, c = _QUINTIC
    x = matrices.to(dtype)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    # No singular value above 1.
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)


def _share(matrices: list[Tensor]) -> list[int]:
    """The numbers of the matrices that are this process's work: dealt out by what they cost."""
    if not dist.is_initialized():
        return list(range(len(matrices)))
    loads = [0] * dist.get_world_size()
    mine = []
    cost = [min(m.shape) ** 2 * max(m.shape) for m in matrices]
    for number in sorted(range(len(matrices)), key=lambda k: -cost[k]):
        owner = loads.index(min(loads))
        loads[owner] += cost[number]
        if owner == dist.get_rank():
            mine.append(number)
    return mine
