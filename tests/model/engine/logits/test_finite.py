"""Logits that are not finite end an answer with a sentence, and change no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from model.backend import Cancel, Delta
from model.conversation import Conversation, Text
from model.engine.logits.finite import FiniteLogitsProcessor
from model.errors import DemoError
from model.local import LocalBackend
from model.settings import GenerationSettings

TALK = Conversation().with_user_turn(Text("Hi"))


@contextmanager
def overflowing(model: Any, after: int, value: float) -> Iterator[None]:
    """The head's output has a number that is not finite, from one of its calls on."""
    calls = 0

    def hook(_module: Any, _args: Any, logits: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return logits if calls <= after else logits.index_fill(-1, torch.tensor([7]), value)

    handle = model.lm_head.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_answer_ends_with_a_sentence_where_its_numbers_are_not_finite(
    qwen2_vl: LocalBackend, value: float, temperature: float
) -> None:
    settings = GenerationSettings(max_new_tokens=8, temperature=temperature, seed=1)
    text: list[str] = []
    with overflowing(qwen2_vl.model, 3, value), pytest.raises(DemoError, match="not finite"):
        for event in qwen2_vl.stream(TALK, settings, Cancel(), session="finite"):
            text += [event.text] if isinstance(event, Delta) else []
    assert len(text) <= 3
    whole = list(qwen2_vl.stream(TALK, settings, Cancel(), session="finite"))
    assert whole[-1].usage.reused_tokens == 0, "nothing of it was kept"  # type: ignore[union-attr]
    qwen2_vl.forget("finite")


def test_finite_logits_and_tokens_that_are_ruled_out_stay_as_they_are() -> None:
    logits = torch.tensor([[0.5, -torch.inf, 3.0]])
    guard = FiniteLogitsProcessor(end_token=0)
    assert torch.equal(guard(torch.zeros(1, 1), logits), logits)
    assert not guard.failed
