"""The model's own arithmetic, batched for training: over its parameters, but not through its code.

Two things make it several times faster than `model(...)` on many short prompts: pictures of one size
go through the vision tower stacked instead of one long sequence, and the branches of a dialogue share
the beginning's keys and values. `tests/tools/tiny/test_training.py` holds it equal to processor + model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from tools.tiny.encoding import MERGE, Batch, patches


@dataclass
class Outputs:
    """Hidden states: of the visual tokens, after every text layer, and after the last norm."""

    visual: Tensor  # (V, hidden)
    layers: list[Tensor]  # each (D * T, hidden)
    final: Tensor  # (D * T, hidden)


def _apply_rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions on the last dimension; cos and sin hold one half, since both halves are equal."""
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def _rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Root-mean-square norm with the sum in float32; the library's own takes ten times as long on a CPU."""
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
    return x * (length.square() / x.shape[-1] + eps).rsqrt().to(x.dtype) * weight


def _attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """Plain softmax attention: at these sizes its backward pass is twice as fast as the fused kernel's on a CPU."""
    if bias is None:
        return (query @ key.transpose(-1, -2)).softmax(-1) @ value
    shape = query.shape
    query, key, value = (x.flatten(0, 1) for x in (query, key, value))
    scores = torch.baddbmm(bias, query, key.transpose(-1, -2))
    return (scores.softmax(-1) @ value).view(shape)


def vision_angles(visual: Any, rows: int, columns: int) -> Tensor:
    """Rotary angles of a picture's patches in the processor's order, 2x2 blocks; (patches, head_dim / 2)."""
    y, x = torch.meshgrid(torch.arange(rows * MERGE), torch.arange(columns * MERGE), indexing="ij")

    def blocks(grid: Tensor) -> Tensor:
        return grid.view(rows, MERGE, columns, MERGE).transpose(1, 2).reshape(-1, 1).float()

    frequencies = visual.rotary_pos_emb.inv_freq.cpu()
    return torch.cat((blocks(y) * frequencies, blocks(x) * frequencies), -1)


def vision_forward(
    visual: Any, pixels: Tensor, rows: int, columns: int, dtype: torch.dtype
) -> Tensor:
    """The vision tower on equally large frame pairs; (pairs, patches, 1176) -> (pairs, tokens, hidden)."""
    heads = visual.config.num_heads
    projection = visual.patch_embed.proj.weight

    def linear(layer: Any, x: Tensor) -> Tensor:
        return F.linear(x, layer.weight.to(dtype), layer.bias.to(dtype))

    def norm(layer: Any, x: Tensor) -> Tensor:
        return F.layer_norm(x, (width,), layer.weight.to(dtype), layer.bias.to(dtype), 1e-6)

    x = F.linear(pixels.to(dtype), projection.flatten(1).to(dtype))
    frames, count, width = x.shape
    angles = vision_angles(visual, rows, columns).to(pixels.device)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    scale = (width // heads) ** -0.5
    for block in visual.blocks:
        qkv = linear(block.attn.qkv, norm(block.norm1, x)).view(frames, count, 3, heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        query, key = _apply_rotary(query, cos * scale, sin * scale), _apply_rotary(key, cos, sin)
        mixed = _attend(query, key, value, None).transpose(1, 2).reshape(frames, count, width)
        x = x + linear(block.attn.proj, mixed)
        # quick_gelu(z) = z * sigmoid(1.702 z) = silu(1.702 z) / 1.702: scaling the small weights saves two passes.
        first, second = block.mlp.fc1, block.mlp.fc2
        wide, offset = (1.702 * first.weight).to(dtype), (1.702 * first.bias).to(dtype)
        gate = F.silu(F.linear(norm(block.norm2, x), wide, offset))
        x = x + F.linear(gate, (second.weight / 1.702).to(dtype), second.bias.to(dtype))
    merger = visual.merger
    y = norm(merger.ln_q, x).reshape(frames, count // MERGE**2, width * MERGE**2)
    return linear(merger.mlp[2], F.gelu(linear(merger.mlp[0], y)))


def visual_tokens(model: Any, batch: Batch, dtype: torch.dtype) -> Tensor:
    """The visual tokens of a batch in reading order; (V, hidden)."""
    visual, hidden = model.model.visual, model.config.text_config.hidden_size
    groups = [
        vision_forward(visual, patches(frames), rows, columns, dtype).flatten(0, 1)
        for frames, (rows, columns) in zip(batch.frames, batch.grids, strict=True)
    ]
    nothing = torch.zeros(0, hidden, dtype=dtype, device=batch.ids.device)
    return torch.cat([nothing, *groups])[batch.visual_order]


def _text_angles(language: Any, positions: Tensor) -> Tensor:
    """M-RoPE angles: the first frequencies turn with time, then rows, the slowest with columns; (D, T, head_dim / 2)."""
    rotary = language.rotary_emb
    angles = positions[..., None].float() * rotary.inv_freq
    parts = angles.split(list(rotary.mrope_section), -1)
    return torch.cat([part[k % 3] for k, part in enumerate(parts)], -1)


def _bias(batch: Batch, dtype: torch.dtype, heads: int, groups: int) -> Tensor:
    """Who may look at whom: a beginning is causal, a branch sees the beginning and its own past.

    0, or so negative that a softmax makes it 0: infinities would breed NaN in rows of padding. Of the query heads that
    share a key head one lies below the other; (D * groups, heads / groups * T, T).
    """
    branch, length = batch.branch, batch.branch.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=branch.device).tril()
    seen = (branch[:, None] == 0) | (branch[:, None] == branch[:, :, None])
    values = torch.zeros(seen.shape, dtype=dtype, device=branch.device)
    values.masked_fill_(~(seen & causal), -1e4)
    return values.repeat_interleave(groups, 0).repeat(1, heads // groups, 1)


def text_forward(
    language: Any, embedded: Tensor, batch: Batch, dtype: torch.dtype
) -> tuple[list[Tensor], Tensor]:
    """The text model on a batch's tokens; (D, T, hidden) -> its states after every layer, and normed."""
    config = language.config
    heads, groups = config.num_attention_heads, config.num_key_value_heads
    size, eps = config.hidden_size // heads, config.rms_norm_eps
    angles = _text_angles(language, batch.positions)[:, :, None]
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    bias, x, states = _bias(batch, dtype, heads, groups), embedded, []
    count, length = batch.ids.shape
    for layer in language.layers:
        y = _rms_norm(x, layer.input_layernorm.weight.to(dtype), eps)
        attention = layer.self_attn
        parts = [attention.q_proj, attention.k_proj, attention.v_proj]
        # The softmax's scale goes into the small weights instead of the many scores.
        scales = (size**-0.5, 1.0, 1.0)
        weight = torch.cat([p.weight * scale for p, scale in zip(parts, scales, strict=True)])
        offset = torch.cat([p.bias * scale for p, scale in zip(parts, scales, strict=True)])
        mixed = F.linear(y, weight.to(dtype), offset.to(dtype)).unflatten(-1, (-1, size))
        turned = _apply_rotary(mixed[:, :, : heads + groups], cos, sin)
        query, key = turned.transpose(1, 2).split((heads, groups), 1)
        value = mixed[:, :, heads + groups :].transpose(1, 2)
        read = _attend(query.reshape(count, groups, -1, size), key, value, bias)
        read = read.view(count, heads, length, size).transpose(1, 2).flatten(2)
        x = x + F.linear(read, attention.o_proj.weight.to(dtype))
        y = _rms_norm(x, layer.post_attention_layernorm.weight.to(dtype), eps)
        mlp = layer.mlp
        both = F.linear(y, torch.cat((mlp.gate_proj.weight, mlp.up_proj.weight)).to(dtype))
        gate, up = both.chunk(2, -1)
        x = x + F.linear(F.silu(gate) * up, mlp.down_proj.weight.to(dtype))
        states.append(x)
    return states, _rms_norm(x, language.norm.weight.to(dtype), eps)


def forward(model: Any, batch: Batch, dtype: torch.dtype = torch.float32) -> Outputs:
    """Both towers on a batch. Logits are `final @ embeddings.T`, since the embeddings are tied."""
    visual = visual_tokens(model, batch, dtype)
    language = model.model.language_model
    embedded = F.embedding(batch.ids, language.embed_tokens.weight).to(dtype)
    embedded = embedded.flatten(0, 1).index_copy(0, batch.visual_spots, visual).view_as(embedded)
    states, final = text_forward(language, embedded, batch, dtype)
    return Outputs(visual, [state.flatten(0, 1) for state in states], final.flatten(0, 1))
