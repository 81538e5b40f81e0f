"""A prefill on a GPU passes no mask to torch, behind a KV cache neither. The same code runs here on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.attention.bias import CausalBias
from torch.overrides import TorchFunctionMode
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_flash_attention_utils import _is_packed_sequence
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from model.backend import Cancel, collected
from model.conversation import Conversation, Image, Text
from model.engine import generation, prefill
from model.engine.cache.kv_cache import KVCache
from model.engine.grouped_attention import GROUPED, STOCK
from model.engine.prefill_attention import LOWER_RIGHT, prefill_attention
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support import media_files

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


def test_flash_attention_2_gets_neither_a_mask_nor_positions_that_look_like_several_sequences(
    backend: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[tuple[bool, bool, bool]] = set()

    def noting(module: Any, query: Any, key: Any, value: Any, mask: Any, **kwargs: Any) -> Any:
        new, tokens = query.shape[2], key.shape[2]
        packed = bool(_is_packed_sequence(kwargs.pop("position_ids", None), query.shape[0]))
        seen.add((new < tokens, mask is not None, packed))
        triangle = torch.ones(1, 1, new, tokens, dtype=torch.bool).tril(tokens - new)
        return sdpa_attention_forward(module, query, key, value, triangle, **kwargs)

    picture = Image(media_files.photo(tmp_path / "a.png", (308, 140)), media_files.SMALL)
    talk = Conversation().with_user_turn(picture, Text("What is this?"))
    settings = GenerationSettings(max_new_tokens=4)
    stock, _ = collected(backend.stream(talk, settings, Cancel()))
    config = backend.model.config.get_text_config()
    monkeypatch.setitem(generation.PREFILL_CHUNK_TOKENS, "cpu", CHUNK)
    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS, "flash_attention_2", noting)
    monkeypatch.setattr(config, "_attn_implementation_internal", "flash_attention_2")
    assert collected(backend.stream(talk, settings, Cancel()))[0] == stock
    assert seen == {(False, False, False), (True, False, False)}
