"""A real model that fails at a chosen place, so many times; everything else about it is untouched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch

from model.local import LocalBackend

Place = Literal["vision", "prefill", "first token", "decode"]
PLACES: tuple[Place, ...] = ("vision", "prefill", "first token", "decode")
TOKENS_BEFORE = {"first token": 0, "decode": 2}  # that an answer has when `generate` fails


class Faulty:
    """A transformers model whose calls at `place` raise `faults`, the last one first."""

    def __init__(self, real: Any, place: Place, faults: list[BaseException]) -> None:
        self._real, self._place, self._faults = real, place, faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name == "model":
            return Faulty(found, self._place, self._faults)
        if name in ("get_image_features", "get_video_features") and self._place == "vision":
            return self._failing(found)
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = self._failing(self._real) if self._place == "prefill" else self._real
        return call(*args, **kwargs)

    def generate(self, *args: Any, streamer: Any, **kwargs: Any) -> Any:
        if self._place in TOKENS_BEFORE and self._faults:
            streamer = _Interrupted(streamer, TOKENS_BEFORE[self._place], self._faults.pop())
        return self._real.generate(*args, streamer=streamer, **kwargs)

    def _failing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            if self._faults:
                raise self._faults.pop()
            return call(*args, **kwargs)

        return called


class _Interrupted:
    """Hands on the prompt and a few tokens, then raises."""

    def __init__(self, real: Any, tokens: int, fault: BaseException) -> None:
        self._real, self._tokens, self._fault, self._puts = real, tokens, fault, 0

    def put(self, value: torch.Tensor) -> None:
        self._puts += 1
        if self._puts > 1 + self._tokens:  # the first is the prompt
            raise self._fault
        self._real.put(value)

    def end(self) -> None:
        self._real.end()


def faulty(backend: LocalBackend, place: Place, *faults: BaseException) -> LocalBackend:
    """The same model behind another backend, which fails so often and keeps nothing of the other's."""
    model = Faulty(backend.model, place, list(faults))
    return LocalBackend(model, backend.processor, cache_bytes=2**26)
