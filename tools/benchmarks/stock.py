"""Stock `generate` as every demo streams it, and how fast it decodes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from transformers import TextIteratorStreamer


def decode_tokens_per_s(
    tokenizer: Any, generate: Callable[[TextIteratorStreamer], object]
) -> float:
    """Tokens per second after the first, `generate` in a thread and its streamer read meanwhile."""
    streamer = _Clocked(tokenizer, skip_prompt=True)

    def work() -> None:
        try:
            generate(streamer)
        finally:
            streamer.end()  # else an error would be waited for

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(work)
        for _ in streamer:
            pass
        done.result()
    _, first, *_, last = streamer.times
    return (len(streamer.times) - 2) / (last - first)


class _Clocked(TextIteratorStreamer):  # type: ignore[misc]  # transformers ships no types for it
    """Notes when tokens come; the prompt comes first."""

    times: list[float]

    def put(self, value: torch.Tensor) -> None:
        self.times = [*getattr(self, "times", []), time.perf_counter()]
        super().put(value)
