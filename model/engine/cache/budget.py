"""The memory budget of what is kept between turns, computed from a checkpoint's sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# The vision tower merges 2x2 patches into one visual token.
PATCHES_PER_TOKEN = 4
# Visual tokens of the largest image, which the vision tower encodes at once.
MAX_VISUAL_TOKENS = 16384
# Prompt tokens per forward pass on a GPU, as in `generation`.
PREFILL_CHUNK_TOKENS = 2048
# Shares of the free memory. On a GPU it is what a turn's own tensors leave free; the rest is for fragmentation.
GPU_CACHE_SHARE, CPU_CACHE_SHARE = 0.8, 0.2


@dataclass(frozen=True)
class ModelSizes:
    """The sizes of a checkpoint's layers.

    intermediate: of an MoE checkpoint, that of the experts that a token goes through, together; visual_features: numbers
    of a visual token; itemsize: bytes of a number in the checkpoint's dtype.
    """

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
    visual_features: int
    itemsize: int

    @classmethod
    def of(cls, config: Any, itemsize: int) -> ModelSizes:
        """The sizes in a transformers config of a checkpoint of any family."""
        text, vision = config.get_text_config(), config.vision_config
        # In Qwen2-VL's vision config `embed_dim` is the tower's width and `hidden_size` the language model's.
        width = getattr(vision, "embed_dim", None) or vision.hidden_size
        experts = getattr(text, "num_experts_per_tok", 0) * getattr(
            text, "moe_intermediate_size", 0
        )
        deepstack = len(getattr(vision, "deepstack_visual_indexes", ()))
        return cls(
            layers=text.num_hidden_layers,
            heads=text.num_attention_heads,
            kv_heads=text.num_key_value_heads,
            head_size=getattr(text, "head_dim", None)
            or text.hidden_size // text.num_attention_heads,
            hidden=text.hidden_size,
            intermediate=experts or text.intermediate_size,
            context_tokens=text.max_position_embeddings,
            vision_hidden=width,
            vision_intermediate=getattr(vision, "intermediate_size", None)
            or int(width * vision.mlp_ratio),
            patch_values=3 * vision.temporal_patch_size * vision.patch_size**2,
            visual_features=(1 + deepstack) * text.hidden_size,
            itemsize=itemsize,
        )

    @property
    def bytes_per_token(self) -> int:
        """The bytes of one token's keys and values in all layers."""
        return 2 * self.layers * self.kv_heads * self.head_size * self.itemsize

    @property
    def working_bytes(self) -> int:
        """The bytes that a turn needs beside the weights and the KV cache.

        Encoding the largest image and prefilling the end of the longest prompt follow each other, so the larger counts.
        """
        return max(self._vision_bytes, self._prefill_bytes)

    @property
    def _vision_bytes(self) -> int:
        """One layer's tensors for the largest image, and its pixels in float32 and in the model's dtype."""
        numbers = 8 * self.vision_hidden + 2 * self.vision_intermediate + self.patch_values
        # Rotary embeddings and pixels are computed in float32.
        rotary = 2 * self.vision_hidden + self.patch_values
        return MAX_VISUAL_TOKENS * PATCHES_PER_TOKEN * (self.itemsize * numbers + 4 * rotary)

    @property
    def _prefill_bytes(self) -> int:
        """One layer's tensors for a chunk, with keys and values repeated for each head, the mask and the features."""
        chunk = PREFILL_CHUNK_TOKENS * (3 * self.intermediate + 8 * self.hidden)
        repeated = 2 * self.context_tokens * self.heads * self.head_size
        mask = PREFILL_CHUNK_TOKENS * self.context_tokens
        return self.itemsize * (
            chunk + repeated + mask + self.context_tokens * self.visual_features
        )


def cache_budget_bytes(free: int, sizes: ModelSizes, gpus: int) -> int:
    """The bytes for all that is kept between turns, with the conversation that is being answered.

    free: free bytes on the model's devices, after loading; gpus: how many share the model, 0 on a CPU. Several GPUs
    each hold the caches of their own layers, so the sum of their free memory does not say what fits.
    """
    share = CPU_CACHE_SHARE * free
    if gpus != 1:
        return int(share)
    return int(max(share, GPU_CACHE_SHARE * (free - sizes.working_bytes)))
