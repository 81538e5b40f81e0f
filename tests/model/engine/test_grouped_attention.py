"""On a CPU tokens get the attention that stock gives them, without a copy or a second look at any key."""

from __future__ import annotations

from itertools import groupby
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from model.backend import Cancel
from model.conversation import Conversation, Text
from model.engine.grouped_attention import (
    GROUPED,
    STOCK,
    attend,
    grouped_attention,
    rows_of_block,
)
from model.local import LocalBackend
from model.settings import GenerationSettings

SHAPES = {"2B": (12, 2), "7B": (28, 4), "no shared keys": (4, 4)}  # heads, key heads
HEAD_DIM, BEFORE, ROOM = 32, 700, 80
SCALE = 0.2

pytestmark = pytest.mark.usefixtures("threads_as_before")


class Layer(nn.Module):  # type: ignore[misc]  # mypy does not read torch
    """What stock attention asks the layer that it works for."""

    is_causal = True

    def __init__(self, sharing: int) -> None:
        super().__init__()
        self.num_key_value_groups = sharing


class Kernel(TorchDispatchMode):  # type: ignore[misc]
    """Notes the shapes of the queries and keys that the fused kernel gets."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[tuple[int, ...], ...]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "flash_attention" in str(func):
            self.shapes.append((tuple(args[0].shape), tuple(args[1].shape)))
        return func(*args, **(kwargs or {}))


class Watching(Cancel):
    """Is looked at after each token; notes which attention the model has at that moment."""

    def __init__(self, backend: LocalBackend) -> None:
        super().__init__()
        self.config = backend.model.config.get_text_config()
        self.seen: list[str] = []

    def is_set(self) -> bool:
        self.seen.append(self.config._attn_implementation)
        return super().is_set()


def states(heads: int, key_heads: int, tokens: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Random queries of the new tokens; keys and values of all tokens, with room behind them as in our KV cache."""
    generator = torch.Generator().manual_seed(heads)
    query = torch.randn(1, heads, tokens, HEAD_DIM, generator=generator)
    held = torch.randn(2, 1, key_heads, BEFORE + ROOM, HEAD_DIM, generator=generator)
    key, value = held[..., :BEFORE, :]
    return query, key, value


def behind_a_cache(tokens: int) -> Tensor:
    """Every new token sees all that were there, those before it, and itself."""
    return torch.ones(1, 1, tokens, BEFORE, dtype=torch.bool).tril(BEFORE - tokens)


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_token_gets_what_stock_attention_gives_it(shape: str, threads: int) -> None:
    heads, key_heads = SHAPES[shape]
    torch.set_num_threads(threads)
    layer, given = Layer(heads // key_heads), states(heads, key_heads)
    ours, _ = attend(layer, *given, None, scaling=SCALE)
    stock, _ = sdpa_attention_forward(layer, *given, None, scaling=SCALE)
    torch.testing.assert_close(ours, stock, rtol=1e-5, atol=1e-6)


def test_the_heads_of_a_key_head_go_through_the_keys_together() -> None:
    torch.set_num_threads(2)
    with Kernel() as kernel:
        attend(Layer(6), *states(12, 2), None, scaling=SCALE)
    assert kernel.shapes == [((1, 2, 6, HEAD_DIM), (1, 2, BEFORE, HEAD_DIM))]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_question_gets_exactly_what_stock_attention_gives_it(shape: str) -> None:
    heads, key_heads = SHAPES[shape]
    layer, given, mask = Layer(heads // key_heads), states(heads, key_heads, 9), behind_a_cache(9)
    with Kernel() as kernel:
        ours, _ = attend(layer, *given, mask, scaling=SCALE)
    stock, _ = sdpa_attention_forward(layer, *given, mask, scaling=SCALE)
    assert torch.equal(ours, stock)
    assert kernel.shapes == [((1, heads, 9, HEAD_DIM), (1, key_heads, BEFORE, HEAD_DIM))], "no copy"


@pytest.mark.parametrize(
    ("heads", "key_heads", "threads", "rows"),
    [(12, 2, 1, 6), (12, 2, 2, 6), (12, 2, 4, 3), (12, 2, 8, 2), (12, 2, 12, 1),
     (28, 4, 2, 7), (28, 4, 16, 7), (28, 4, 28, 1), (4, 4, 1, 1), (4, 4, 8, 1)],
)  # fmt: skip
def test_no_more_heads_are_packed_than_keep_every_block_in_a_thread(
    heads: int, key_heads: int, threads: int, rows: int
) -> None:
    assert rows_of_block(heads, key_heads, threads) == rows


@pytest.mark.parametrize(("tokens", "masked"), [(BEFORE, False), (1, True)])
def test_what_stock_groups_itself_is_left_to_it(tokens: int, masked: bool) -> None:
    layer, given = Layer(6), states(12, 2, tokens)
    mask = torch.rand(1, 1, tokens, BEFORE) < 0.5 if masked else None
    ours, _ = attend(layer, *given, mask, scaling=SCALE)
    stock, _ = sdpa_attention_forward(layer, *given, mask, scaling=SCALE)
    assert torch.equal(ours, stock)


def test_an_answer_is_read_and_decoded_with_it_and_the_model_is_stock_again_behind_it(
    backend: LocalBackend,
) -> None:
    cancel = Watching(backend)
    talk = Conversation().with_user_turn(Text("Say something."))
    list(backend.stream(talk, GenerationSettings(max_new_tokens=6), cancel))
    seen = [attention for attention, _ in groupby(cancel.seen)]
    assert seen == [STOCK, GROUPED, STOCK, GROUPED, STOCK], (
        "waiting, reading, between, decoding, ending"
    )
    assert cancel.seen.count(GROUPED) > 6


def test_an_error_in_the_middle_leaves_the_model_stock(qwen2_vl: LocalBackend) -> None:
    config = qwen2_vl.model.config.get_text_config()
    with pytest.raises(RuntimeError, match="in the middle"), grouped_attention(qwen2_vl.model):
        assert config._attn_implementation == GROUPED
        raise RuntimeError("in the middle")
    assert config._attn_implementation == STOCK


def test_a_model_with_another_attention_keeps_it(qwen2_vl: LocalBackend) -> None:
    config = qwen2_vl.model.config.get_text_config()
    config._attn_implementation = "eager"
    try:
        with grouped_attention(qwen2_vl.model):
            assert config._attn_implementation == "eager"
        assert config._attn_implementation == "eager"
    finally:
        config._attn_implementation = STOCK


def test_a_model_on_another_device_keeps_its_attention(qwen2_vl: LocalBackend) -> None:
    config = qwen2_vl.model.config
    with grouped_attention(SimpleNamespace(config=config, device=torch.device("cuda"))):
        assert config.get_text_config()._attn_implementation == STOCK
