"""The vision features of each session's images and videos."""

from __future__ import annotations

from typing import Any

import torch

from model.serving.session_cache import SessionCache

# Evicted before KV caches: features are needed only where a prompt is prefilled again.
EVICTION_RANK = 0


class FeatureCache:
    """Features by session and content hash."""

    def __init__(self, store: SessionCache[Any]) -> None:
        self._store = store

    def get(self, session: str, content_hash: str) -> torch.Tensor | None:
        """(visual tokens, hidden), on the model's device."""
        features: torch.Tensor | None = self._store.get(session, content_hash)
        return features

    def put(self, session: str, content_hash: str, features: torch.Tensor) -> None:
        """Store (visual tokens, hidden) features, which must not be modified from now on."""
        self._store.put(session, content_hash, features, features.nbytes, rank=EVICTION_RANK)
