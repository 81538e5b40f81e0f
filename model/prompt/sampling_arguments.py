"""The sampling arguments of `generate` for the settings of a conversation."""

from __future__ import annotations

from typing import Any

from model.settings import GenerationSettings


def sampling_arguments(settings: GenerationSettings, max_new_tokens: int) -> dict[str, Any]:
    """Every sampling field; a field that is left out would come from the checkpoint's own defaults."""
    sampling = settings.temperature > 0
    return {
        "do_sample": sampling,
        "temperature": settings.temperature if sampling else 1.0,
        "top_p": settings.top_p if sampling else 1.0,
        # Greedy decoding ignores it, but only the library's default goes without a warning.
        "top_k": settings.top_k if sampling else 50,
        "repetition_penalty": settings.repetition_penalty,
        "max_new_tokens": max_new_tokens,
    }
