"""Vision features of the pictures and videos that a session has shown the model."""

from __future__ import annotations

from typing import Any

import torch

from model.serving.session_cache import SessionCache

EVICTION_RANK = 0  # evicted before KV caches: they are needed only where a prompt is read anew


class FeatureCache:
    """Features by session and content hash."""

    def __init__(self, store: SessionCache[Any]) -> None:
        self._store = store

    def get(self, session: str, identity: str) -> torch.Tensor | None:
        """(visual tokens, hidden), on the model's device."""
        features: torch.Tensor | None = self._store.get(session, identity)
        return features

    def put(self, session: str, identity: str, features: torch.Tensor) -> None:
        """Keep them; they must not be changed from now on."""
        self._store.put(session, identity, features, features.nbytes, rank=EVICTION_RANK)
