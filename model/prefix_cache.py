"""What of an earlier turn's KV cache can be reused for a new prompt.

A prefix is equal only if its token ids AND its media are: two pictures of the same size have the same
token ids, so ids alone would answer about the wrong picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from model.kv_cache import KVCache
from model.prompt import PromptKey
from model.session_store import SessionStore


@dataclass
class CachedPrefix:
    """A KV cache and the keys of the tokens that it holds; one owner at a time."""

    keys: list[PromptKey]
    cache: KVCache

    def cut(self, length: int) -> None:
        """Drop everything after the first `length` tokens."""
        if surplus := self.cache.get_seq_length() - length:
            self.cache.crop(-surplus)
        del self.keys[length:]

    @property
    def nbytes(self) -> int:
        return self.cache.nbytes


def common_length(held: Sequence[PromptKey], wanted: Sequence[PromptKey]) -> int:
    """How many leading keys are equal."""
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(held, wanted, strict=False))
    )


def bytes_per_token(model: Any) -> int:
    """What one token takes in the KV cache of a model."""
    return bytes_per_token_of(model.config.get_text_config(), model.dtype.itemsize)


def bytes_per_token_of(text: Any, itemsize: int) -> int:
    """Keys and values of every layer. text: the config of the language model; itemsize: bytes of a number."""
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return int(2 * text.num_hidden_layers * text.num_key_value_heads * head * itemsize)


class PrefixCache:
    """The KV cache of each session's latest prompt and answer."""

    def __init__(self, budget: int) -> None:
        """budget: bytes."""
        self._store: SessionStore[CachedPrefix] = SessionStore(budget)

    def take(self, session: str, keys: Sequence[PromptKey]) -> CachedPrefix:
        """The longest reusable prefix of `keys`, cut to it and removed from here; may be empty.

        At most `len(keys) - 1` tokens: the last one has to be read to get the first of the answer.
        """
        prefix = self._store.take(session, "conversation")
        if prefix is None:
            return CachedPrefix([], KVCache())
        prefix.cut(min(common_length(prefix.keys, keys), len(keys) - 1))
        return prefix

    def store(self, session: str, prefix: CachedPrefix) -> None:
        """Keep `prefix` for the session's next turn; it must not be changed from now on."""
        self._store.put(session, "conversation", prefix, prefix.nbytes)

    def forget(self, session: str) -> None:
        self._store.forget(session)

    def clear(self) -> None:
        self._store.clear()
