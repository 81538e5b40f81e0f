"""Tokens per second after the first: stock `generate` with its streamer, ours, and the bare model.

The table that the model family publishes: input lengths 1, 6144, 14336 and 30720, 2048 new tokens.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import torch

from model.backend import Cancel, Finished
from model.conversation import Conversation, Text
from model.kv_cache import KVCache
from model.local import LocalBackend
from model.settings import GenerationSettings
from tools.benchmarks import models, stock
from tools.benchmarks.machine import Report, peak_bytes

WORD = " sea"


def run(options: argparse.Namespace) -> Report:
    """Measure every length that the context holds."""
    backend = models.load(options)
    # Nothing may end an answer early, here or there, and random weights soon repeat themselves.
    backend.stop_loops = False
    backend.end_tokens = frozenset({backend.model.config.get_text_config().vocab_size - 1})
    rows = [("input tokens", "bare model", "stock", "ours", "ours / stock", "peak memory")]
    figures = []
    for length in options.lengths:
        if length + options.new_tokens > backend.context_tokens:
            continue
        talk = _talk(backend, length)
        speeds = [
            [models.in_thread(way, backend, talk, options.new_tokens) for way in WAYS]
            for _ in range(options.repeats)
        ]
        bare, stock, ours = (median(of_way) for of_way in zip(*speeds, strict=True))
        memory = _peak_gb(backend)
        figures.append({"input": length, "bare": bare, "stock": stock, "ours": ours, "gb": memory})
        rows.append(
            (
                f"{length:,}",
                f"{bare:.1f}",
                f"{stock:.1f}",
                f"{ours:.1f}",
                f"{ours / stock:.2f}",
                f"{memory:.2f} GB",
            )
        )
    notes = [
        f"{models.name(options)}; tokens/s over {options.new_tokens} new tokens; medians of {options.repeats}"
    ]
    name = "decode" if backend.model.device.type == "cpu" else "decode-gpu"
    return Report(name, rows, notes, {"lengths": figures})


def _talk(backend: LocalBackend, length: int) -> Conversation:
    """A prompt of about so many tokens; one of a single token cannot be had from a chat template."""
    empty = len(backend.prompt_ids(Conversation().with_user_turn(Text(WORD)), GenerationSettings()))
    per_word = len(backend.processor.tokenizer(WORD * 8)["input_ids"]) / 8
    words = max(1, round((length - empty) / per_word))
    return Conversation().with_user_turn(Text(WORD * words))


def _ids(backend: LocalBackend, talk: Conversation) -> torch.Tensor:
    ids = backend.prompt_ids(talk, GenerationSettings())
    return torch.tensor([ids], device=backend.model.device)


def _bare(backend: LocalBackend, talk: Conversation, new_tokens: int) -> float:
    """A greedy loop over `model.forward` with the cache that ours has: what the model itself costs."""
    ids, cache = _ids(backend, talk), KVCache()
    with torch.inference_mode():
        token = backend.model(input_ids=ids, past_key_values=cache, logits_to_keep=1).logits.argmax(
            -1
        )
        began = time.perf_counter()
        for step in range(new_tokens - 1):
            positions = torch.full((4, 1, 1), ids.shape[1] + step, device=ids.device)
            output = backend.model(input_ids=token, past_key_values=cache, position_ids=positions)
            token = output.logits.argmax(-1)
        int(token)  # a GPU has to be waited for
    return (new_tokens - 1) / (time.perf_counter() - began)


def _stock(backend: LocalBackend, talk: Conversation, new_tokens: int) -> float:
    ids = _ids(backend, talk)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    settings = {"do_sample": False, "max_new_tokens": new_tokens, "min_new_tokens": new_tokens}
    return stock.decode_tokens_per_s(
        backend.processor.tokenizer,
        lambda streamer: backend.model.generate(**inputs, **settings, streamer=streamer),
    )


def _ours(backend: LocalBackend, talk: Conversation, new_tokens: int) -> float:
    settings = GenerationSettings(max_new_tokens=new_tokens)
    *_, last = backend.stream(talk, settings, Cancel())
    if not isinstance(last, Finished) or last.usage.new_tokens != new_tokens:
        raise RuntimeError("The answer ended early.")
    return last.usage.decode_tokens_per_s


WAYS = (_bare, _stock, _ours)


def _peak_gb(backend: LocalBackend) -> float:
    """Of everything that was run so far."""
    if backend.model.device.type == "cuda":
        return float(torch.cuda.max_memory_allocated() / 2**30)
    return peak_bytes() / 2**30
