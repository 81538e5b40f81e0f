"""Tokens become the bytes that their vocabulary means."""

from __future__ import annotations

from transformers.convert_slow_tokenizer import bytes_to_unicode

from model.local import LocalBackend
from model.prompt.token_text import decoded, token_bytes


class Vocabulary:
    """A token for each byte."""

    def convert_ids_to_tokens(self, token: int) -> str:
        return str(bytes_to_unicode()[token])


def test_each_byte_is_written_as_transformers_writes_it() -> None:
    assert [token_bytes(Vocabulary(), byte) for byte in range(256)] == [
        bytes([byte]) for byte in range(256)
    ]


def test_the_tokens_of_a_text_are_that_text_and_a_cut_character_is_marked(
    qwen2_vl: LocalBackend,
) -> None:
    tokenizer = qwen2_vl.processor.tokenizer
    text = "A boat, 배, 船 and 🛶"
    tokens = tokenizer(text).input_ids
    assert decoded(tokenizer, tokens) == text
    assert decoded(Vocabulary(), "船".encode()[:2]) == "\ufffd"
