"""What of an earlier turn's KV cache can be reused for a new prompt.

A prefix is equal only if its token ids AND its media are: two pictures of the same size have the same
token ids, so ids alone would answer about the wrong picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from model.engine.cache.budget import ModelSizes
from model.engine.cache.kv_cache import KVCache
from model.prompt.token_ids import CacheKey
from model.serving.session_cache import SessionCache


@dataclass
class CachedPrefix:
    """A KV cache and the keys of the tokens that it holds; one owner at a time."""

    keys: list[CacheKey]
    cache: KVCache

    def truncate(self, length: int) -> None:
        """Drop everything after the first `length` tokens."""
        if surplus := self.cache.get_seq_length() - length:
            self.cache.crop(-surplus)
        del self.keys[length:]

    @property
    def nbytes(self) -> int:
        return self.cache.nbytes


def common_prefix_length(held: Sequence[CacheKey], wanted: Sequence[CacheKey]) -> int:
    """How many leading keys are equal."""
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(held, wanted, strict=False))
    )


def bytes_per_token(model: Any) -> int:
    """What one token takes in the KV cache of a model."""
    return ModelSizes.of(model.config, model.dtype.itemsize).bytes_per_token


EVICTION_RANK = 1  # evicted after vision features, of which they are what was made
ENTRY_KEY = "conversation"


class PrefixCache:
    """The KV cache of each session's latest prompt and answer."""

    def __init__(self, store: SessionCache[Any], bytes_per_token: int) -> None:
        self._store = store
        self._bytes_per_token = bytes_per_token

    def match(self, session: str, keys: Sequence[CacheKey]) -> int:
        """How many leading `keys` `pop_match` would give now. Changes nothing."""
        prefix: CachedPrefix | None = self._store.get(session, ENTRY_KEY)
        return min(common_prefix_length(prefix.keys, keys), len(keys) - 1) if prefix else 0

    def pop_match(self, session: str, keys: Sequence[CacheKey]) -> CachedPrefix:
        """The longest reusable prefix of `keys`, cut to it and removed from here; may be empty.

        At most `len(keys) - 1` tokens: the last one has to be read to get the first of the answer.
        Room is made for all of `keys`, until `store`.
        """
        prefix: CachedPrefix | None = self._store.pop(session, ENTRY_KEY)
        self._store.reserve(session, len(keys) * self._bytes_per_token)
        if prefix is None:
            return CachedPrefix([], KVCache())
        prefix.truncate(min(common_prefix_length(prefix.keys, keys), len(keys) - 1))
        return prefix

    def store(self, session: str, prefix: CachedPrefix) -> None:
        """Keep `prefix` for the session's next turn; it must not be changed from now on."""
        self._store.reserve(session, 0)
        self._store.put(
            session, ENTRY_KEY, prefix, prefix.nbytes, rank=EVICTION_RANK, units=len(prefix.keys)
        )
