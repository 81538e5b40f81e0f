"""Measures tokens per second after the first, by prompt length: stock `generate`, ours and the bare model."""

from __future__ import annotations

import argparse

import torch

from model.backend import Cancel, collected
from model.conversation import Conversation
from model.engine.cache.kv_cache import KVCache
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.stock import stock_streamed
from tools.benchmarks import conversations, models
from tools.benchmarks.machine import clock
from tools.benchmarks.report import Cell, Report, columns

LENGTHS = (256, 2048, 7168)  # prompt tokens, exactly


def run(options: argparse.Namespace) -> Report:
    """Measure every length, the three ways in turn, `options.repeats` times after a warm-up."""
    backend = models.load(options)
    endless(backend)
    rows: list[list[Cell]] = []
    for length in (length for length in LENGTHS if length <= options.longest):
        talk = conversations.of_length(backend, length)
        speeds = [
            [models.in_thread(way, backend, talk, options.tokens) for way in WAYS]
            for _ in range(options.repeats + 1)
        ][1:]
        bare, stock, ours = columns(speeds, "tokens/s")
        rows.append([f"{length:,}", bare, stock, ours, ours.per(stock)])
    head = ("prompt tokens", "bare model", "stock", "ours", "ours / stock")
    return Report(f"{models.name(backend)}, answers of {options.tokens} tokens", head, rows)


def endless(backend: LocalBackend) -> None:
    """Let no answer end early: stock and ours get an end token that no answer contains."""
    backend.engine.stop_repetition = False
    backend.engine.end_tokens = frozenset({backend.model.config.image_token_id})


def _bare(backend: LocalBackend, talk: Conversation, tokens: int) -> float:
    """Decode greedily with `model.forward` and our KV cache, which is the cost of the model alone."""
    device = backend.model_info.device
    ids = torch.tensor([backend.prompt_ids(talk, GenerationSettings())], device=device)
    cache = KVCache()
    with torch.inference_mode():
        read = backend.model(input_ids=ids, cache=cache, logits_to_keep=1)
        token = read.logits.argmax(-1)
        began = clock(device)
        for step in range(tokens - 1):
            positions = torch.full((4, 1, 1), ids.shape[1] + step, device=device)
            output = backend.model(input_ids=token, cache=cache, position_ids=positions)
            token = output.logits.argmax(-1)
        return (tokens - 1) / (clock(device) - began)


def _stock(backend: LocalBackend, talk: Conversation, tokens: int) -> float:
    answer = stock_streamed(backend, talk, GenerationSettings(max_new_tokens=tokens))
    _require(len(answer.ids), tokens)
    return answer.decode_tokens_per_s


def _ours(backend: LocalBackend, talk: Conversation, tokens: int) -> float:
    settings = GenerationSettings(max_new_tokens=tokens)
    _, usage = collected(backend.stream(talk, settings, Cancel()))
    _require(usage.new_tokens, tokens)
    return usage.decode_tokens_per_s


def _require(tokens: int, wanted: int) -> None:
    if tokens != wanted:
        raise RuntimeError(f"An answer has {tokens} tokens, not {wanted}.")


WAYS = (_bare, _stock, _ours)
