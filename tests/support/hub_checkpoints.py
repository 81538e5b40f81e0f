"""A checkpoint by its hub id in this process, or why there is none."""

from __future__ import annotations

from typing import Any

import pytest

from model.backend import Cancel, collected
from model.checkpoint.choose import Choice
from model.conversation import Conversation, Text
from model.errors import CheckpointError
from model.local import LocalBackend
from model.settings import GenerationSettings


def loaded(checkpoint: str, **more: Any) -> LocalBackend:
    return LocalBackend.from_choice(
        Choice(checkpoint, "cpu", "float32", "sdpa"), cache_gb=0.1, **more
    )


def refusal(checkpoint: str) -> str:
    with pytest.raises(CheckpointError) as refused:
        loaded(checkpoint)
    return str(refused.value)


def answer(backend: LocalBackend) -> str:
    talk = Conversation().with_user_turn(Text("Hi"))
    return collected(backend.stream(talk, GenerationSettings(max_new_tokens=4), Cancel()))[0]
