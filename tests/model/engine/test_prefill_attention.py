"""A prefill on a GPU passes no mask to torch, behind a KV cache neither. The same code runs here on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.attention.bias import CausalBias
from torch.overrides import TorchFunctionMode

from model.backend import Cancel
from model.engine import prefill
from model.engine.cache.kv_cache import KVCache
from model.engine.grouped_attention import GROUPED, STOCK
from model.engine.prefill_attention import LOWER_RIGHT, prefill_attention
from model.local import LocalBackend

TOKENS, CHUNK = 40, 16


class Calls(TorchFunctionMode):  # type: ignore[misc]  # mypy does not read torch
    """Notes of each attention over a cache: new tokens, all tokens, and what was given as a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int, str]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is nn.functional.scaled_dot_product_attention:
            mask = kwargs["attn_mask"]
            kind = (
                "triangle" if isinstance(mask, CausalBias) else "none" if mask is None else "mask"
            )
            self.seen.append((args[0].shape[2], args[1].shape[2], kind))
        return func(*args, **(kwargs or {}))


@pytest.fixture
def as_on_a_gpu(backend: LocalBackend) -> Iterator[LocalBackend]:
    """A backend whose text model has the attention that it has on a GPU."""
    config = backend.model.config.get_text_config()
    config._attn_implementation = LOWER_RIGHT
    yield backend
    config._attn_implementation = STOCK


def read(backend: LocalBackend, padding: torch.Tensor | None = None) -> tuple[KVCache, Calls]:
    """Read some tokens in chunks."""
    cache, calls = KVCache(), Calls()
    ids = torch.arange(TOKENS)[None] % 7 + 10
    positions = torch.arange(TOKENS).expand(4, 1, -1)
    with torch.inference_mode(), calls:
        prefill.prefill_in_chunks(
            backend.model, ids, positions, cache, [], lambda _: pytest.fail("no items"),
            until=TOKENS, chunk=CHUNK, cancel=Cancel(), report=lambda *_: None, mask=padding,
        )  # fmt: skip
    return cache, calls


def test_no_mask_is_made_behind_a_cache(as_on_a_gpu: LocalBackend) -> None:
    _, calls = read(as_on_a_gpu)
    assert set(calls.seen) == {
        (16, 16, "none"),
        (16, 32, "triangle"),
        (8, 40, "triangle"),
    }


def test_the_cache_becomes_the_one_that_stock_attention_gives(as_on_a_gpu: LocalBackend) -> None:
    ours, _ = read(as_on_a_gpu)
    config = as_on_a_gpu.model.config.get_text_config()
    config._attn_implementation = STOCK
    stock, calls = read(as_on_a_gpu)
    assert (16, 32, "mask") in calls.seen
    for our, their in zip(ours.layers, stock.layers, strict=True):
        torch.testing.assert_close(our.keys, their.keys, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(our.values, their.values, rtol=1e-5, atol=1e-5)


def test_padding_still_needs_its_mask(as_on_a_gpu: LocalBackend) -> None:
    padding = torch.ones(1, TOKENS, dtype=torch.int)
    padding[0, :5] = 0
    _, calls = read(as_on_a_gpu, padding)
    assert {kind for *_, kind in calls.seen} == {"mask"}


@pytest.mark.parametrize(
    ("device", "inside"), [("cuda", LOWER_RIGHT), ("cpu", GROUPED), ("mps", STOCK)]
)
def test_each_device_reads_with_its_own_attention_and_is_stock_again_behind_it(
    qwen2_vl: LocalBackend, device: str, inside: str
) -> None:
    config = qwen2_vl.model.config
    text = config.get_text_config()
    model = SimpleNamespace(config=config, device=torch.device(device))
    with pytest.raises(RuntimeError, match="in the middle"), prefill_attention(model):
        assert text._attn_implementation == inside
        raise RuntimeError("in the middle")
    assert text._attn_implementation == STOCK
