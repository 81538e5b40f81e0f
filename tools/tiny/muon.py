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
            for matrix in matrices:
                held = self.state[matrix].setdefault("momentum_buffer", torch.zeros_like(matrix))
                held.lerp_(matrix.grad, 1 - momentum)
            directions = self._directions(matrices, momentum)
            for matrix, direction in zip(matrices, directions, strict=True):
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(direction, alpha=-group["lr"] * 0.2 * max(matrix.shape) ** 0.5)

    def _directions(self, matrices: list[Tensor], momentum: float) -> list[Tensor]:
        """Each process makes its share orthogonal; the sum over the processes has everybody's."""
        sizes = [matrix.numel() for matrix in matrices]
        together = torch.zeros(sum(sizes), dtype=matrices[0].dtype, device=matrices[0].device)
        parts = together.split(sizes)
        for number in _share(matrices):
            matrix = matrices[number]
            ahead = matrix.grad.lerp(self.state[matrix]["momentum_buffer"], momentum)
            parts[number].copy_(orthogonal(ahead, self.dtype).flatten())
        if dist.is_initialized():
            dist.all_reduce(together)
        return [part.view_as(matrix) for part, matrix in zip(parts, matrices, strict=True)]


def orthogonal(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """The matrix with all its singular values brought near to 1 (0.7 to 1.2); (m, n) -> (m, n)."""
    a, b, c = _QUINTIC
    x = matrix.to(dtype)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / x.norm().clamp(min=1e-7)  # no singular value above 1
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)


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
