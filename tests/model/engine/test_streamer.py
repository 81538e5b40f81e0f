"""The tokens of `generate` become text in whole characters."""

from __future__ import annotations

import torch

from model.backend import Delta, Event
from model.engine.streamer import TextStreamer
from model.local import LocalBackend


def streamed(backend: LocalBackend, ids: list[int]) -> list[str]:
    events: list[Event] = []
    ends = frozenset(backend.model.generation_config.eos_token_id)
    streamer = TextStreamer(backend.processor.tokenizer, ends, events.append)
    streamer.put(torch.tensor([[1, 2, 3]]))  # the prompt
    for token in ids:
        streamer.put(torch.tensor([token]))
    streamer.end()
    return [event.text for event in events if isinstance(event, Delta)]


def test_a_character_of_several_tokens_arrives_whole(qwen2_vl: LocalBackend) -> None:
    text = "a é 数 🙂 b"
    ids = qwen2_vl.processor.tokenizer(text)["input_ids"]
    assert len(ids) > len(text)  # it is cut into bytes
    deltas = streamed(qwen2_vl, ids)
    assert "".join(deltas) == text
    assert not any("\ufffd" in delta for delta in deltas)


def test_streamed_text_equals_the_tokenizers_own_decoding(qwen2_vl: LocalBackend) -> None:
    tokenizer = qwen2_vl.processor.tokenizer
    generator = torch.Generator().manual_seed(0)
    ends = set(qwen2_vl.model.generation_config.eos_token_id)
    for _ in range(50):
        drawn = torch.randint(0, len(tokenizer), (40,), generator=generator).tolist()
        ids = [token for token in drawn if token not in ends]
        assert "".join(streamed(qwen2_vl, ids)) == tokenizer.decode(ids, skip_special_tokens=False)


def test_end_of_turn_tokens_are_left_out_and_grounding_tokens_kept(qwen2_vl: LocalBackend) -> None:
    tokenizer = qwen2_vl.processor.tokenizer
    ids = tokenizer.convert_tokens_to_ids(["<|box_start|>", "a", "<|box_end|>", "<|im_end|>"])
    assert "".join(streamed(qwen2_vl, ids)) == "<|box_start|>a<|box_end|>"


def test_a_token_beyond_the_tokenizers_vocabulary_stands_for_nothing(
    qwen2_vl: LocalBackend,
) -> None:
    tokenizer = qwen2_vl.processor.tokenizer
    (a,) = tokenizer.convert_tokens_to_ids(["a"])
    assert "".join(streamed(qwen2_vl, [a, 10**6, a])) == "aa"


def test_a_character_that_is_cut_off_ends_as_a_replacement_character(
    qwen2_vl: LocalBackend,
) -> None:
    ids = qwen2_vl.processor.tokenizer("a 🙂")["input_ids"]
    assert "".join(streamed(qwen2_vl, ids[:-1])) == "a \ufffd"


def test_bytes_that_are_no_character_are_shown_as_they_come(qwen2_vl: LocalBackend) -> None:
    """A decoder that waits for them to become one decodes them all anew with each, in quadratic time."""
    (byte,) = qwen2_vl.processor.tokenizer.convert_tokens_to_ids(["Ģ"])
    assert streamed(qwen2_vl, [byte] * 3) == ["\ufffd"] * 3
