"""How much memory may be kept between turns: pure arithmetic with the sizes of a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PATCHES_PER_TOKEN = 4  # 2x2 patches are merged into one visual token
MAX_VISUAL_TOKENS = 16384  # of one picture, which the vision tower reads in one piece
PREFILL_CHUNK_TOKENS = 2048  # of a prompt that go through a GPU at once
# Of the free memory. On a GPU of what a turn leaves of it: the rest is for the allocator's gaps.
GPU_CACHE_SHARE, CPU_CACHE_SHARE = 0.8, 0.2


@dataclass(frozen=True)
class ModelSizes:
    """Sizes of a checkpoint. `itemsize`: bytes of a number."""

    layers: int
    heads: int
    kv_heads: int
    head_size: int
    hidden: int
    intermediate: int
    context_tokens: int
    vision_hidden: int
    vision_intermediate: int
    patch_values: int
    itemsize: int

    @classmethod
    def of(cls, config: Any, itemsize: int) -> ModelSizes:
        """Of a transformers config of the family."""
        text, vision = config.get_text_config(), config.vision_config
        # Qwen2-VL calls the tower's own width `embed_dim`, and the language model's `hidden_size`.
        width = getattr(vision, "embed_dim", None) or vision.hidden_size
        return cls(
            layers=text.num_hidden_layers,
            heads=text.num_attention_heads,
            kv_heads=text.num_key_value_heads,
            head_size=getattr(text, "head_dim", None)
            or text.hidden_size // text.num_attention_heads,
            hidden=text.hidden_size,
            intermediate=text.intermediate_size,
            context_tokens=text.max_position_embeddings,
            vision_hidden=width,
            vision_intermediate=getattr(vision, "intermediate_size", None)
            or int(width * vision.mlp_ratio),
            patch_values=3 * vision.temporal_patch_size * vision.patch_size**2,
            itemsize=itemsize,
        )

    @property
    def bytes_per_token(self) -> int:
        """Keys and values of every layer."""
        return 2 * self.layers * self.kv_heads * self.head_size * self.itemsize

    @property
    def working_bytes(self) -> int:
        """What a turn needs beside the weights and the KV cache: for its largest picture, or to read behind the
        longest prompt, which follow each other.
        """
        return max(self._vision_bytes, self._prefill_bytes)

    @property
    def _vision_bytes(self) -> int:
        """One layer's tensors for the largest picture, and its pixels as float32 and as the model takes them."""
        numbers = 8 * self.vision_hidden + 2 * self.vision_intermediate + self.patch_values
        rotary = 2 * self.vision_hidden + self.patch_values  # computed in float32
        return MAX_VISUAL_TOKENS * PATCHES_PER_TOKEN * (self.itemsize * numbers + 4 * rotary)

    @property
    def _prefill_bytes(self) -> int:
        """One layer's tensors for a chunk; keys and values repeated for every head, a mask, and the vision features."""
        chunk = PREFILL_CHUNK_TOKENS * (3 * self.intermediate + 8 * self.hidden)
        repeated = 2 * self.context_tokens * self.heads * self.head_size
        mask = PREFILL_CHUNK_TOKENS * self.context_tokens
        return self.itemsize * (chunk + repeated + mask + self.context_tokens * self.hidden)


def cache_budget_bytes(free: int, sizes: ModelSizes, gpus: int) -> int:
    """Bytes for everything that is kept between turns, the conversation that is being answered included.

    free: bytes where the caches live, with the weights loaded; gpus: how many share the model, 0 on a CPU. Several
    have their layers' caches each, and their free memory says little together.
    """
    share = CPU_CACHE_SHARE * free
    if gpus != 1:
        return int(share)
    return int(max(share, GPU_CACHE_SHARE * (free - sizes.working_bytes)))
