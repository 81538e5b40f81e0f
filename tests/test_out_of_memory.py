"""When the memory runs out, what is kept goes first; only then is the person told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from model.backend import Cancel, collected
from model.conversation import Conversation, Image, Text
from model.errors import DemoError
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests import media_files

SHORT = GenerationSettings(max_new_tokens=6)
ON_A_CPU = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"
)


class Hungry:
    """A model whose next calls fail; everything else is the real one's."""

    def __init__(self, real: Any, failures: list[Exception]) -> None:
        self._real, self._failures = real, failures

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return Hungry(found, self._failures) if name == "model" else found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._failures:
            raise self._failures.pop()
        return self._real(*args, **kwargs)


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    picture = Image(
        media_files.photo(tmp_path / "a.png", (224, 224)), VisionSettings(max_tokens=64)
    )
    return Conversation().with_user_turn(picture, Text("What?"))


def hungry(backend: LocalBackend, *failures: Exception) -> LocalBackend:
    return LocalBackend(Hungry(backend.model, list(failures)), backend.processor, cache_bytes=2**26)


def said(backend: LocalBackend, talk: Conversation, session: str = "mine") -> str:
    return collected(backend.stream(talk, SHORT, Cancel(), session=session))[0]


@pytest.mark.parametrize(
    "failure", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), ON_A_CPU]
)
def test_it_is_tried_once_more_without_what_was_kept(
    qwen2_vl: LocalBackend, talk: Conversation, failure: Exception
) -> None:
    backend = hungry(qwen2_vl)
    expected = said(backend, talk, "somebody else")
    assert backend.features.nbytes
    backend = hungry(qwen2_vl, failure)
    backend.features.put("somebody else", "picture", torch.zeros(1), 4)
    assert said(backend, talk) == expected
    assert backend.features.get("somebody else", "picture") is None


def test_only_then_is_the_person_told(qwen2_vl: LocalBackend, talk: Conversation) -> None:
    backend = hungry(qwen2_vl, MemoryError(), MemoryError())
    with pytest.raises(DemoError, match="memory does not suffice"):
        said(backend, talk)
    assert said(backend, talk), "the next message is answered"


def test_other_failures_are_not_taken_for_it(qwen2_vl: LocalBackend, talk: Conversation) -> None:
    with pytest.raises(RuntimeError, match="something else"):
        said(hungry(qwen2_vl, RuntimeError("something else")), talk)
