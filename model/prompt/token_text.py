"""The text of tokens: bytes of a byte-level BPE vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# Bytes that a byte-level BPE vocabulary writes as the character of the same number. The others have those from 256 on.
_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = (byte for byte in range(256) if byte not in _PRINTABLE)
_BYTE_OF_CHARACTER = {
    **{chr(byte): byte for byte in _PRINTABLE},
    **{chr(256 + number): byte for number, byte in enumerate(_OTHERS)},
}


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
