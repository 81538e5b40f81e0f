"""The KV cache of each session's latest turn, and how much of it a new prompt can reuse.

A prefix matches if its token ids and its media are equal. Two images of the same size have the same token ids, so ids
alone would answer about the wrong image.
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
    """A KV cache and the keys of its tokens. It has one owner at a time."""

    keys: list[CacheKey]
    cache: KVCache

    def truncate(self, length: int) -> None:
        """Drop everything after the first `length` tokens."""
        if surplus := self.cache.get_seq_length() - length:
            self.cache.crop(-surplus)
        del self.keys[length:]


def common_prefix_length(held: Sequence[CacheKey], wanted: Sequence[CacheKey]) -> int:
    """The number of leading keys that are equal."""
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(held, wanted, strict=False))
    )


def bytes_per_token(model: Any) -> int:
    """The bytes of one token in the KV cache of a model."""
    return ModelSizes.of(model.config, model.dtype.itemsize).bytes_per_token


# Of `SessionCache`. Vision features are evicted first, because a turn needs them only if its KV cache is gone.
FEATURES_RANK, PREFIX_RANK = 0, 1
ENTRY_KEY = "conversation"


class PrefixCache:
    """One KV cache for each session: that of its latest prompt and answer."""

    def __init__(self, store: SessionCache[Any], bytes_per_token: int) -> None:
        self._store = store
        self._bytes_per_token = bytes_per_token

    def match(self, session: str, keys: Sequence[CacheKey]) -> int:
        """The number of leading `keys` that `pop_match` would return now. Does not modify the cache."""
        prefix: CachedPrefix | None = self._store.get(session, ENTRY_KEY)
        return min(common_prefix_length(prefix.keys, keys), len(keys) - 1) if prefix else 0

    def pop_match(self, session: str, keys: Sequence[CacheKey]) -> CachedPrefix:
        """Remove and return the session's KV cache, truncated to its common prefix with `keys`. It may be empty.

        The caller owns it, and gives it back with `store`. Until then memory for all of `keys` is reserved. It has at
        most `len(keys) - 1` tokens, because the model must read the last one to answer.
        """
        prefix: CachedPrefix | None = self._store.pop(session, ENTRY_KEY)
        self._store.reserve(session, len(keys) * self._bytes_per_token)
        if prefix is None:
            return CachedPrefix([], KVCache())
        prefix.truncate(min(common_prefix_length(prefix.keys, keys), len(keys) - 1))
        return prefix

    def store(self, session: str, prefix: CachedPrefix) -> None:
        """Store `prefix` for the session's next turn. It must not be modified from now on."""
        self._store.reserve(session, 0)
        nbytes, tokens = prefix.cache.nbytes, len(prefix.keys)
        self._store.put(session, ENTRY_KEY, prefix, nbytes, rank=PREFIX_RANK, units=tokens)
