"""The probabilities of an answer's tokens are those of stock transformers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from model.backend import Cancel, Usage, collected
from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
from model.usage import TokenLogprob
from tests.support.stock import stock_inputs

SURE = GenerationSettings(max_new_tokens=24, logprobs=True)
DRAWN = replace(SURE, temperature=1.0, top_p=1.0, top_k=0, seed=3)
PENALISED = replace(SURE, repetition_penalty=1.4)


def answered(backend: LocalBackend, talk: Conversation, settings: GenerationSettings) -> Usage:
    answer, usage = collected(backend.stream(talk, settings, Cancel()))
    if usage.logprobs is not None:
        assert "".join(token["text"] for token in usage.logprobs) == answer
        assert len(usage.logprobs) == usage.new_tokens
    return usage


def probabilities(backend: LocalBackend, talk: Conversation, settings: GenerationSettings) -> Any:
    """The tokens and scores of stock's `generate`."""
    inputs, sampling = stock_inputs(backend, talk, settings), settings.temperature > 0
    torch.manual_seed(settings.seed or 0)
    with torch.inference_mode():
        return backend.model.generate(
            **inputs,
            do_sample=sampling,
            top_p=1.0,
            top_k=0 if sampling else 50,
            temperature=1.0,
            repetition_penalty=settings.repetition_penalty,
            max_new_tokens=settings.max_new_tokens,
            eos_token_id=sorted(backend.engine.end_tokens),
            output_scores=True,
            return_dict_in_generate=True,
        )


def found(usage: Usage) -> list[TokenLogprob]:
    assert usage.logprobs
    return usage.logprobs


@pytest.mark.parametrize("settings", [SURE, DRAWN, PENALISED], ids=["greedy", "drawn", "penalised"])
def test_they_equal_the_scores_of_stock(
    backend: LocalBackend, picture: Image, settings: GenerationSettings
) -> None:
    talk = Conversation().with_user_turn(picture, Text("What is this?"))
    stock = probabilities(backend, talk, settings)
    usage = answered(backend, talk, settings)
    chosen = stock.sequences[0, -len(stock.scores) :].tolist()
    for token, scores, ours in zip(chosen, stock.scores, found(usage), strict=False):
        expected = scores[0].log_softmax(-1)
        assert ours["logprob"] == pytest.approx(expected[token].item(), abs=1e-4)
        likeliest = expected.topk(5).values.tolist()
        assert [other["logprob"] for other in ours["top"]] == pytest.approx(likeliest, abs=1e-4)
    if not settings.temperature:
        assert all(t["logprob"] == t["top"][0]["logprob"] for t in found(usage))


def test_they_change_no_answer_and_are_kept_only_where_they_are_asked_for(
    qwen2_vl: LocalBackend, picture: Image
) -> None:
    talk = Conversation().with_user_turn(picture, Text("What is this?"))
    for settings in (SURE, DRAWN):
        silent = replace(settings, logprobs=False)
        with_them, _ = collected(qwen2_vl.stream(talk, settings, Cancel()))
        without, usage = collected(qwen2_vl.stream(talk, silent, Cancel()))
        assert with_them == without
        assert usage.logprobs is None and "logprobs" not in usage.told


def test_an_answer_of_one_token_and_a_stopped_one_have_them(qwen2_vl: LocalBackend) -> None:
    talk = Conversation().with_user_turn(Text("Hi"))
    assert len(found(answered(qwen2_vl, talk, replace(SURE, max_new_tokens=1)))) == 1
    stopped = Cancel()
    stopped.set()
    _, usage = collected(qwen2_vl.stream(talk, SURE, stopped))
    assert usage.logprobs == []


def test_with_prompt_lookup_they_are_those_of_the_tokens_that_were_kept(
    qwen2_vl: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Conversation().with_user_turn(Text("Say one one one one one one one one one"))
    plain = found(answered(qwen2_vl, talk, SURE))
    monkeypatch.setattr(qwen2_vl.engine, "prompt_lookup", True)
    assert found(answered(qwen2_vl, talk, SURE)) == plain


def test_conversations_of_a_batch_have_them(qwen2_vl: LocalBackend) -> None:
    talks = [Conversation().with_user_turn(Text(text)) for text in ("Hi", "What now?")]
    alone = [found(answered(qwen2_vl, talk, SURE)) for talk in talks]
    assert [found(usage) for _, usage in qwen2_vl.answer_batch(talks, SURE)] == alone
