"""The text of tokens: bytes of a byte-level BPE vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from transformers.convert_slow_tokenizer import bytes_to_unicode

# The byte for each character of a byte-level BPE vocabulary.
_BYTE_OF_CHARACTER = {character: byte for byte, character in bytes_to_unicode().items()}


def decoded(tokenizer: Any, tokens: Iterable[int]) -> str:
    """The text of an answer's tokens, as it is streamed. An incomplete character gives U+FFFD."""
    return b"".join(token_bytes(tokenizer, token) for token in tokens).decode(errors="replace")


def token_bytes(tokenizer: Any, token: int) -> bytes:
    """The bytes of one token. A token with characters that stand for no byte gives its text as UTF-8."""
    text: str | None = tokenizer.convert_ids_to_tokens(token)
    if text is None:
        # Checkpoints pad their embeddings beyond the tokenizer's vocabulary.
        return b""
    if all(character in _BYTE_OF_CHARACTER for character in text):
        return bytes(_BYTE_OF_CHARACTER[character] for character in text)
    return text.encode()
