"""How much is kept between turns where nobody says so: arithmetic, with the sizes of the published checkpoints."""

from __future__ import annotations

import pytest
from transformers import AutoConfig

from model.checkpoint.choose import BUNDLED, GB
from model.engine.cache.budget import ModelSizes, cache_budget_bytes
from model.engine.cache.prefix_cache import bytes_per_token
from model.local import LocalBackend

LARGE = ModelSizes(
    layers=28,
    heads=28,
    kv_heads=4,
    head_size=128,
    hidden=3584,
    intermediate=18944,
    context_tokens=32768,
    vision_hidden=1280,
    vision_intermediate=5120,
    patch_values=1176,
    visual_features=3584,
    itemsize=2,
)
LARGE_WEIGHTS = int(16.6 * 10**9)  # of Qwen2-VL-7B-Instruct in bfloat16
SMALL = ModelSizes(28, 12, 2, 128, 1536, 8960, 32768, 1280, 5120, 1176, 1536, 2)
SMALL_WEIGHTS = int(4.4 * 10**9)


def test_a_token_of_the_7b_takes_56_kib() -> None:
    assert LARGE.bytes_per_token == 57_344


@pytest.mark.parametrize(
    "free_gb",
    [
        23.0,  # of the 24 of an RTX 3090 or 4090, beside CUDA's own
        22.0,  # of an A10G or L4, which show 22.5
    ],
)
def test_a_card_of_24_gb_with_the_7b_keeps_a_chat_as_long_as_the_context(free_gb: float) -> None:
    free = int(free_gb * GB) - LARGE_WEIGHTS
    kept = cache_budget_bytes(free, LARGE, gpus=1)
    assert kept >= LARGE.context_tokens * LARGE.bytes_per_token
    assert kept + LARGE.working_bytes <= free, "and a turn has room beside it"


def test_what_a_turn_needs_is_its_largest_picture_or_the_longest_prompt() -> None:
    # 65,536 patches: their pixels, the tower's widest layer, rotary embedding in float32.
    assert 2 * GB < LARGE.working_bytes < 4 * GB
    assert SMALL.working_bytes == LARGE.working_bytes, "both have the same tower"


@pytest.mark.parametrize(
    ("free_gb", "sizes", "gpus", "kept_gb"),
    [
        (10, LARGE, 0, 2.0),  # a processor, whose memory belongs to other programs too
        (10, LARGE, 2, 2.0),  # each of several has its own layers' caches
        (3.5, SMALL, 1, 0.7),  # never less than that
        (60, LARGE, 1, 45.2),
    ],
)
def test_what_is_kept_elsewhere(
    free_gb: float, sizes: ModelSizes, gpus: int, kept_gb: float
) -> None:
    kept = cache_budget_bytes(int(free_gb * GB), sizes, gpus)
    assert kept / GB == pytest.approx(kept_gb, abs=0.05)


def test_the_sizes_are_those_of_a_checkpoint(backend: LocalBackend) -> None:
    sizes = ModelSizes.of(backend.model.config, backend.model.dtype.itemsize)
    layer = backend.model.model.language_model.layers[0]
    block = backend.model.model.visual.blocks[0]
    assert sizes.bytes_per_token == bytes_per_token(backend.model)
    config = backend.model.config.get_text_config()
    if experts := getattr(layer.mlp, "experts", None):
        width = config.num_experts_per_tok * experts.down_proj.shape[-1]
    else:
        width = layer.mlp.up_proj.weight.shape[0]
    assert (width, config.hidden_size) == (sizes.intermediate, sizes.hidden)
    deepstack = getattr(backend.model.model.visual, "deepstack_merger_list", ())
    assert (1 + len(deepstack)) * config.hidden_size == sizes.visual_features
    assert layer.self_attn.k_proj.weight.shape[0] == sizes.kv_heads * sizes.head_size
    assert layer.self_attn.q_proj.weight.shape[0] == sizes.heads * sizes.head_size
    assert block.attn.proj.weight.shape[0] == sizes.vision_hidden
    mlp = block.mlp
    first = getattr(mlp, "fc1", None) or getattr(mlp, "linear_fc1", None) or mlp.up_proj
    assert first.weight.shape[0] == sizes.vision_intermediate
    assert backend.model.model.visual.patch_embed.proj.weight[0].numel() == sizes.patch_values


def test_the_bundled_checkpoint_fits_anywhere() -> None:
    sizes = ModelSizes.of(AutoConfig.from_pretrained(BUNDLED), 4)
    assert sizes.context_tokens * sizes.bytes_per_token < 2**26
