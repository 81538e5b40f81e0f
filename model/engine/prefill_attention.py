"""Attention of a prefill on a GPU, which needs no mask behind a KV cache.

Several tokens behind a cache see everything before them and themselves: a triangle at the lower right. Stock makes a
mask for it (transformers 5.24), and torch's flash kernel takes none, so a follow-up turn and the later chunks of a long
prompt ran in another kernel. `causal_lower_right` names the triangle instead. torch then uses its flash kernel for 16-bit
numbers, else its memory-efficient one, without a mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.attention.bias import causal_lower_right
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from model.engine.grouped_attention import grouped_attention, replaced_attention

LOWER_RIGHT = "lower_right_sdpa"


@contextmanager
def prefill_attention(model: Any) -> Iterator[None]:
    """Inside the `with`, a text model reads with `attend` on a GPU and with `grouped_attention` on a CPU.

    Outside it is stock, which Verify compares with.
    """
    with grouped_attention(model), replaced_attention(model, "cuda", LOWER_RIGHT):
        yield


def attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """query: (rows, heads, new tokens, head_dim), key and value: (rows, key heads, tokens, head_dim).

    Returns (rows, new tokens, heads, head_dim).
    """
    (heads, new), (key_heads, tokens) = query.shape[1:3], key.shape[1:3]
    if attention_mask is not None or new in (1, tokens):
        attended: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
        return attended
    # Repeated as stock does behind a mask: the memory-efficient kernel does not group heads.
    output = nn.functional.scaled_dot_product_attention(
        query,
        repeat_kv(key, heads // key_heads),
        repeat_kv(value, heads // key_heads),
        attn_mask=causal_lower_right(new, tokens),
        scale=scaling,
    )
    return output.transpose(1, 2).contiguous(), None


def mask_of(
    batch_size: int, q_length: int, kv_length: int, *args: Any, **kwargs: Any
) -> torch.Tensor | None:
    """None without padding: `attend` takes the new tokens for the last ones, as in a growing KV cache."""
    if kwargs.get("attention_mask") is None:
        return None
    mask: torch.Tensor | None = sdpa_mask(batch_size, q_length, kv_length, *args, **kwargs)
    return mask


AttentionInterface.register(LOWER_RIGHT, attend)
AttentionMaskInterface.register(LOWER_RIGHT, mask_of)
