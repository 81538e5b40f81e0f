"""How sure the model was of each word and of each place, as the page shows it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from model.usage import TokenLogprob
from tests.support.fakes import USAGE
from ui.html.probabilities import described


def token(text: str, share: float, *others: tuple[str, float]) -> TokenLogprob:
    top = [{"text": other, "logprob": math.log(one)} for other, one in others]
    return {"text": text, "logprob": math.log(share), "top": top}  # type: ignore[typeddict-item]


def told(answer: str, *tokens: TokenLogprob) -> tuple[list[object], list[object]]:
    found = described(answer, replace(USAGE, logprobs=list(tokens)))
    assert found
    return found["tokens"], found["figures"]


def test_each_token_has_its_share_and_the_others() -> None:
    tokens, figures = told("A boat", token("A", 0.5, ("A", 0.5), ("The", 0.25)), token(" boat", 1))
    assert tokens == [["A", 0.5, [["A", 0.5], ["The", 0.25]]], [" boat", 1, []]]
    assert figures == []


def test_a_place_has_the_mean_share_of_its_tokens_and_is_shown_without_its_marks() -> None:
    answer = (
        token("<|object_ref_start|>", 0.01),
        token("boat", 0.9),
        token("<|object_ref_end|>", 1),
        token("<|box_start|>", 1),
        token("(1,2),(3,", 0.25),
        token("4)", 1),
        token("<|box_end|>", 1),
    )
    text = "".join(one["text"] for one in answer)
    tokens, ((figure,)) = told(text, *answer)
    assert [shown[0] for shown in tokens] == ["boat", "(1,2),(3,", "4)"]  # type: ignore[index]
    assert figure["label"] == "boat"  # type: ignore[index]
    inside = [1, 0.25, 1, 1]
    assert figure["share"] == pytest.approx(math.prod(inside) ** (1 / 4), abs=1e-4)  # type: ignore[index]


def test_a_reasoning_is_left_out_and_the_beginning_of_a_continued_answer_is_plain() -> None:
    thought = token("so", 1), token("</think>\n\nA", 0.5), token(" b", 1)
    assert told("A b", *thought)[0] == [["A", 0.5, []], [" b", 1, []]]
    assert told("A red b", token(" b", 0.5))[0] == [["A red", None, []], [" b", 0.5, []]]


@pytest.mark.parametrize("tokens", [[], [token("B", 1)], None])
def test_nothing_is_told_of_an_answer_whose_tokens_are_not_known(
    tokens: list[TokenLogprob] | None,
) -> None:
    assert described("A", replace(USAGE, logprobs=tokens)) is None
    assert described("A", None) is None
