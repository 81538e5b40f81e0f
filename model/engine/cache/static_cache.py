"""Compiled decoding: static KV caches, with which `torch.compile` records CUDA graphs.

A conversation's KV cache grows, and a CUDA graph needs fixed addresses. So the conversation's cache is copied into a
static one before an answer, and the new tokens are copied back after it. Prefix reuse, reading ahead and Stop do not
depend on it. A 7B checkpoint has 56 KB a token, so copying 4,096 tokens takes well under a millisecond on a GPU.
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

# Tokens of prompt and answer, for each static cache. A decoded token reads its cache to the end: a 7B checkpoint took
# 9.8 ms a token with the short one on an H100, and 13.4 ms with the long one. Longer answers are not compiled.
STATIC_CACHE_LENGTHS = (4096, 16384)
# The first token is decoded uncompiled, the second one compiles, and the next two warm up and record the graph.
WARM_UP_TOKENS = 6

Generate = Callable[[Cache, CompileConfig | None], None]


class CompiledDecoding:
    """Runs `generate` on static caches, one answer at a time."""

    def __init__(self, model: Any, config: CompileConfig | None = None) -> None:
        """config: for `torch.compile`; the default is for CUDA."""
        context_tokens = model.config.get_text_config().max_position_embeddings
        self._model = model
        self._config = config or CompileConfig(mode="reduce-overhead", dynamic=False)
        self._caches = {
            length: StaticCache(config=model.config, max_cache_len=length)
            for length in sorted({min(length, context_tokens) for length in STATIC_CACHE_LENGTHS})
        }
        # Inductor keeps CUDA graphs per thread, so a new thread for each answer would record them each time.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compiled")

    def warm_up(self, report: Callable[[float], None]) -> None:
        """Compile for every length, which takes tens of seconds each. report: called with the share done, 0..1."""
        for done, length in enumerate(self._caches, start=1):
            self.run(self._dummy_generate, KVCache(), length)
            report(done / len(self._caches))

    def run(self, generate: Generate, cache: KVCache, tokens: int) -> None:
        """Call `generate`, compiled if a static cache has room for `tokens`, and append the new tokens to `cache`.

        tokens: the most that `cache` can hold after the answer.
        """
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
    """Copies `cache` into `static` before, and the new tokens back after. After an error `cache` is unchanged."""
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
    """Compile a model's decoding while it is loaded, so that the first answer does not wait for it.

    report: called with the share done, 0..1. Raises `CheckpointError` for a quantization that cannot be compiled.
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
