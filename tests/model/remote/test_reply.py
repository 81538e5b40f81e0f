"""When an answer's first word came, how fast it was, and that what is spread over pieces is put together."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from model.answers.reasoning import Part, Splitter
from model.backend import Event
from model.remote.reply import Reply


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second goes by with every piece that is not empty."""
    seconds = itertools.count(1)
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(seconds)))


def replied(*deltas: dict[str, Any], usage: dict[str, Any] | None = None) -> Reply:
    events: list[Event] = []
    reply = Reply(events.append, lambda: None, always_thinks=False)
    for delta in deltas:
        reply.take({"choices": [{"index": 0, "delta": delta}]})
    reply.take({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
    reply.end()
    return reply


def test_the_first_word_is_a_word() -> None:
    """Neither a role, nor nothing, nor a thought, nor a line break."""
    reply = replied(
        {"role": "assistant", "content": ""},
        {"content": None},
        {"reasoning": "It has "},
        {"reasoning": "ears."},
        {"content": "\n\n"},
        {"content": "A"},
        {"content": " cat."},
    )
    assert reply.first_word_at == 3.0
    assert reply.text == "A cat."


def test_what_was_thought_for_a_word_is_none() -> None:
    reply = replied({"content": "Ears."}, {"content": "</think>"}, {"content": "A cat."})
    assert (reply.text, reply.first_word_at) == ("A cat.", 2.0)


def test_white_space_alone_is_no_word() -> None:
    reply = replied({"content": "\n"}, {"content": " "})
    assert (reply.text, reply.first_word_at) == ("\n ", None)


def test_a_thought_alone_has_no_first_word_but_a_rate() -> None:
    reply = replied(*[{"reasoning": "a "}] * 5, usage={"completion_tokens": 9})
    assert reply.first_word_at is None
    assert (reply.new_tokens, reply.reasoning_tokens, reply.tokens_per_s) == (8, 8, 7 / 4)


def parts(*pieces: str) -> Iterator[Part]:
    splitter = Splitter()
    for piece in pieces:
        yield from splitter.add(piece)
    yield from splitter.end()


TEXTS = {
    "<think>a\nb</think>\n\nc": ("a\nb", "c"),
    "\n<thinking>a</thinking>c": ("a", "c"),
    "◁think▷a◁/think▷c": ("a", "c"),
    "[THINK]a[/THINK]c": ("a", "c"),
    "a</think>c": ("a", "c"),
    "<think>a": ("a", ""),
    "<think></think>c": ("", "c"),
    "c <think>d</think>": ("c <think>d", ""),
    "a</think>c </think> d": ("a", "c </think> d"),
    "c `</think>` d": ("", "c `</think>` d"),
    "c<|im_end|>": ("", "c"),
    "c<|im_end|>\n<|endoftext|>": ("", "c"),
    "<think>a<|im_end|>": ("a", ""),
    "c <|im_start|> d": ("", "c <|im_start|> d"),
    " c": ("", " c"),
    "[1, 2] <b> ◁": ("", "[1, 2] <b> ◁"),
}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_parted_the_same_in_pieces_of_any_size(text: str, size: int) -> None:
    thought = said = ""
    for part in parts(*(text[i : i + size] for i in range(0, len(text), size))):
        if part.all_before:
            thought, said = thought + said, ""
        if part.thought:
            thought += part.text
        else:
            said += part.text
    assert (thought, said) == TEXTS[text]
