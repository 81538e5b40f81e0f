"""Decoding at fixed shapes, which `torch.compile` turns into CUDA graphs: a token then costs its memory reads.

A conversation's KV cache grows; a graph needs one that stays where it is. So the cache is copied into a
static one for the length of an answer, and what the answer added is copied back: reuse, reading ahead and
Stop know nothing of it. A 7B checkpoint's cache has 56 KB a token, so 4,096 tokens are copied in well under
a millisecond of its memory's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from transformers import Cache, CompileConfig, GenerationConfig, StaticCache

from model.engine.cache.kv_cache import KVCache
from model.errors import CheckpointError

# Tokens of prompt and answer. Every decoded token reads a static cache to its end: a 7B checkpoint took 9.8 ms a token
# with the short one on an H100, 13.4 ms with the long one. What is longer still is decoded uncompiled.
STATIC_CACHE_LENGTHS = (4096, 16384)
WARM_UP_TOKENS = (
    6  # one is read uncompiled, one compiles, the next two warm up and record the graph
)

Generate = Callable[[Cache, CompileConfig | None], None]


class CompiledDecoding:
    """Runs `generate` on static caches, one answer at a time."""

    def __init__(self, model: Any, config: CompileConfig | None = None) -> None:
        """config: how to compile; the default is for CUDA."""
        context_tokens = model.config.get_text_config().max_position_embeddings
        self._model = model
        self._config = config or CompileConfig(mode="reduce-overhead", dynamic=False)
        self._caches = {
            length: StaticCache(config=model.config, max_cache_len=length)
            for length in sorted({min(length, context_tokens) for length in STATIC_CACHE_LENGTHS})
        }
        # Inductor keeps its graphs per thread: with a thread for each answer it would record them anew each time.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compiled")

    def warm_up(self, report: Callable[[float], None]) -> None:
        """Compile for every length, which takes tens of seconds each; reports 0..1."""
        for done, length in enumerate(self._caches, start=1):
            self.run(self._dummy_generate, KVCache(), length)
            report(done / len(self._caches))

    def run(self, generate: Generate, cache: KVCache, tokens: int) -> None:
        """Let `generate` decode behind `cache`, which may grow to `tokens`; the cache has grown afterwards."""
        length = next((length for length in self._caches if tokens <= length), None)
        if length is None:
            return generate(cache, None)
        return self._thread.submit(self._run, generate, cache, self._caches[length]).result()

    def _run(self, generate: Generate, cache: KVCache, static: StaticCache) -> None:
        with torch.inference_mode(), _static_copy_of(static, cache):
            generate(static, self._config)

    def _dummy_generate(self, cache: Cache, config: CompileConfig | None) -> None:
        ids = torch.zeros((1, 2), dtype=torch.long, device=self._model.device)
        self._model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            cache=cache,
            generation_config=GenerationConfig(
                do_sample=False,
                max_new_tokens=WARM_UP_TOKENS,
                eos_token_id=-1,
                pad_token_id=0,
                compile_config=config,
            ),
        )


@contextmanager
def _static_copy_of(static: StaticCache, cache: KVCache) -> Iterator[None]:
    """`static` holds what `cache` does, and `cache` takes over what was added. Not after an error."""
    before = int(cache.get_seq_length())
    static.reset()
    for held, layer in zip(cache.layers, static.layers, strict=False):
        if not layer.is_initialized:
            layer.lazy_initialization(held.keys, held.values)
        layer.keys[:, :, :before].copy_(held.keys)
        layer.values[:, :, :before].copy_(held.values)
        layer.cumulative_length.fill_(before)
    yield
    after = int(static.get_seq_length())
    for index, layer in enumerate(static.layers):
        added = slice(before, after)
        cache.update(layer.keys[:, :, added], layer.values[:, :, added], index)


def compile_decoding(model: Any, report: Callable[[float], None]) -> CompiledDecoding:
    """Compiled before anybody asks, so that no first answer waits for it. report: from 0 to 1.

    Raises `CheckpointError` for a quantization that cannot be compiled.
    """
    quantizer = getattr(model, "hf_quantizer", None)
    if quantizer is not None and not quantizer.is_compileable:
        raise CheckpointError(
            "{checkpoint} is quantized in a way that cannot be compiled; leave --compile out.",
            checkpoint=model.config.name_or_path,
        )
    compiled = CompiledDecoding(model)
    compiled.warm_up(report)
    return compiled
