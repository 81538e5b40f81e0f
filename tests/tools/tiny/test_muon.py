"""The optimizer is torch's Muon, in any precision, and its work can be shared."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from tools.tiny.muon import Muon, orthogonal

pytestmark = pytest.mark.slow

SHAPES = [(24, 8), (8, 24), (16, 16), (40, 8), (8, 24), (8, 8)]


def _stepped(kind: str, dtype: torch.dtype = torch.bfloat16, steps: int = 3) -> list[Tensor]:
    """Matrices after a few steps, the same gradients for everybody."""
    torch.manual_seed(0)
    matrices = [torch.randn(shape, requires_grad=True) for shape in SHAPES]
    if kind == "torch":
        optimizer = torch.optim.Muon(
            matrices, lr=0.02, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"
        )
    else:
        optimizer = Muon(matrices, lr=0.02, weight_decay=0.05, momentum=0.95, dtype=dtype)
    for _ in range(steps):
        for matrix in matrices:
            matrix.grad = torch.randn(matrix.shape)
        optimizer.step()
    return [matrix.detach() for matrix in matrices]


def _share(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2
    )
    torch.save(_stepped("ours", torch.float32), folder / f"{rank}.pt")


def test_steps_equal_torchs_own_muon() -> None:
    for mine, stock in zip(_stepped("ours"), _stepped("torch"), strict=True):
        torch.testing.assert_close(mine, stock, atol=2e-3, rtol=0)


@pytest.mark.parametrize("shape", sorted(set(SHAPES)))
def test_singular_values_are_brought_near_to_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(1)
    values = torch.linalg.svdvals(orthogonal(torch.randn(3, *shape), torch.float32))
    assert float(values.min()) > 0.5 and float(values.max()) < 1.3


def test_two_processes_share_the_work_and_agree(tmp_path: Path) -> None:
    torch.multiprocessing.start_processes(_share, (tmp_path,), nprocs=2, start_method="spawn")
    alone = _stepped("ours", torch.float32)
    for rank in (0, 1):
        for mine, other in zip(alone, torch.load(tmp_path / f"{rank}.pt"), strict=True):
            torch.testing.assert_close(mine, other)
