"""The KV cache holds what transformers' own does, and copies little of it."""

from __future__ import annotations

import pytest
import torch
from transformers import Cache, DynamicCache

from model.engine.cache.kv_cache import GROWTH_DIVISOR, KVCache

HEADS, HEAD_DIM, LAYERS = 2, 4, 3


def grow(cache: Cache, tokens: int, seed: int = 0, device: str = "cpu") -> list[torch.Tensor]:
    """Add random keys and values to every layer; what attention gets of the last one."""
    generator = torch.Generator().manual_seed(seed)
    returned: tuple[torch.Tensor, ...] = ()
    for layer in range(LAYERS):
        keys, values = torch.randn(2, 1, HEADS, tokens, HEAD_DIM, generator=generator).to(device)
        returned = cache.update(keys, values, layer)
    return list(returned)


def test_attention_gets_what_it_would_get_from_transformers() -> None:
    ours, theirs = KVCache(), DynamicCache()
    for seed, step in enumerate([40, 1, 1, 7, -5, 1, -38, 1, 1, 300, 1]):
        if step < 0:
            ours.crop(step)
            theirs.crop(step)
            continue
        for mine, stock in zip(grow(ours, step, seed), grow(theirs, step, seed), strict=True):
            assert torch.equal(mine, stock)
        assert ours.get_seq_length() == theirs.get_seq_length()


def test_few_tokens_move_what_is_held() -> None:
    cache = KVCache()
    grow(cache, 1000)
    places = set()
    for _ in range(1000):
        grow(cache, 1)
        places.add(cache.layers[0].keys.data_ptr())
    assert len(places) <= 8


@pytest.mark.parametrize("tokens", [1, 30, 1000])
def test_its_bytes_are_what_it_takes(tokens: int) -> None:
    cache = KVCache()
    assert cache.nbytes == 0
    grow(cache, tokens)
    needed = tokens * 2 * LAYERS * HEADS * HEAD_DIM * 4
    assert needed <= cache.nbytes <= needed * (1 + 1 / GROWTH_DIVISOR)
    cache.crop(-tokens // 4)
    assert cache.nbytes >= needed


def test_a_conversation_that_became_short_gives_its_room_back() -> None:
    cache = KVCache()
    grow(cache, 1000)
    full = cache.nbytes
    cache.crop(-900)
    grow(cache, 1)
    assert cache.nbytes < full / 8


def test_elsewhere_than_on_a_cpu_attention_gets_whole_tensors() -> None:
    cache = KVCache()
    grow(cache, 1000, device="meta")
    assert all(states.is_contiguous() for states in grow(cache, 1, device="meta"))
