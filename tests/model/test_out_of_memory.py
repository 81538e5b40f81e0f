"""When the memory runs out, what is kept goes first; only then is the person told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model.backend import Cancel, Progress, collected
from model.conversation import Conversation, Image, Text
from model.errors import DemoError
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files
from tests.support.faults import Place, faulty

SHORT = GenerationSettings(max_new_tokens=6)
ALLOCATOR = "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator:"
ON_A_CPU = RuntimeError(f"{ALLOCATOR} can't allocate memory")
ON_WINDOWS = RuntimeError(f"{ALLOCATOR} not enough memory: you tried to allocate 9 bytes.")
ON_A_MAC = RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)")


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    picture = Image(
        media_files.photo(tmp_path / "a.png", (224, 224)), VisionSettings(max_tokens=64)
    )
    return Conversation().with_user_turn(picture, Text("What?"))


def said(backend: LocalBackend, talk: Conversation, session: str = "mine") -> str:
    return collected(backend.stream(talk, SHORT, Cancel(), session=session))[0]


@pytest.mark.parametrize("place", ["prefill", "first token"])
@pytest.mark.parametrize(
    "failure",
    [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), ON_A_CPU, ON_WINDOWS, ON_A_MAC],
)
def test_it_is_tried_once_more_without_what_was_kept(
    qwen2_vl: LocalBackend, talk: Conversation, failure: Exception, place: Place
) -> None:
    backend = faulty(qwen2_vl, place)
    expected = said(backend, talk, "somebody else")
    assert backend.engine.session_cache.nbytes
    backend = faulty(qwen2_vl, place, failure)
    backend.engine.session_cache.put("somebody else", "picture", torch.zeros(1), 4)
    assert said(backend, talk) == expected
    assert backend.engine.session_cache.get("somebody else", "picture") is None


def test_only_then_is_the_person_told(qwen2_vl: LocalBackend, talk: Conversation) -> None:
    backend = faulty(qwen2_vl, "prefill", MemoryError(), MemoryError())
    with pytest.raises(DemoError, match="memory does not suffice"):
        said(backend, talk)
    assert said(backend, talk), "the next message is answered"


def test_other_failures_are_not_taken_for_it(qwen2_vl: LocalBackend, talk: Conversation) -> None:
    with pytest.raises(RuntimeError, match="something else"):
        said(faulty(qwen2_vl, "prefill", RuntimeError("something else")), talk)


@pytest.mark.parametrize("failures", [1, 2])
def test_reading_ahead_is_tried_once_more_too_and_then_told(
    qwen2_vl: LocalBackend, talk: Conversation, failures: int
) -> None:
    backend = faulty(qwen2_vl, "prefill", *[MemoryError()] * failures)
    backend.engine.session_cache.put("somebody else", "picture", torch.zeros(1), 4)
    if failures == 1:
        assert backend.read_ahead(talk, SHORT, session="mine")
    else:
        with pytest.raises(DemoError, match="memory does not suffice"):
            backend.read_ahead(talk, SHORT, session="mine")
    assert backend.engine.session_cache.get("somebody else", "picture") is None
    assert said(backend, talk), "the next message is answered"


def test_a_session_that_is_forgotten_while_it_waits_keeps_nothing(
    qwen2_vl: LocalBackend, talk: Conversation
) -> None:
    backend = LocalBackend(qwen2_vl.model, qwen2_vl.processor, cache_bytes=2**26)
    with backend._runner.lock.acquire(Cancel(), lambda _: None):
        waiting = backend.stream(talk, SHORT, Cancel(), session="gone")
        assert isinstance(next(waiting), Progress)
        backend.forget("gone")
    list(waiting)
    assert backend.engine.session_cache.nbytes == 0
