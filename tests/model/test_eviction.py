"""One budget for all that a model in this process keeps: what goes first, and that people are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.backend import Cancel, Usage, collected
from model.conversation import Conversation, Image, Text
from model.engine.cache.prefix_cache import bytes_per_token
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files

SHORT = GenerationSettings(max_new_tokens=4)


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    path = media_files.photo(tmp_path / "a.png", (112, 112))
    return Conversation().with_user_turn(Image(path, VisionSettings(max_tokens=16)), Text("What?"))


def answered(backend: LocalBackend, talk: Conversation, session: str) -> Usage:
    return collected(backend.stream(talk, SHORT, Cancel(), session=session))[1]


def keeping(backend: LocalBackend, tokens: int) -> LocalBackend:
    """The same model with memory for so many tokens in KV caches."""
    nbytes = tokens * bytes_per_token(backend.model)
    return LocalBackend(backend.model, backend.processor, cache_bytes=nbytes)


def test_a_conversation_may_take_all_that_is_kept(
    qwen2_vl: LocalBackend, talk: Conversation
) -> None:
    tokens = len(qwen2_vl.prompt_ids(talk, SHORT))
    backend = keeping(qwen2_vl, int(1.3 * tokens))
    answered(backend, talk, "mine")
    assert answered(backend, talk, "mine").reused_tokens == tokens - 1


def test_a_conversation_larger_than_all_that_is_kept_is_reused_while_it_is_the_only_one(
    qwen2_vl: LocalBackend, talk: Conversation
) -> None:
    tokens = len(qwen2_vl.prompt_ids(talk, SHORT))
    backend = keeping(qwen2_vl, tokens // 2)
    answered(backend, talk, "mine")
    again = answered(backend, talk, "mine")
    assert (again.reused_tokens, again.evicted_tokens) == (tokens - 1, 0)
    assert again.evicted_features == 1, "its picture had to make room"
    answered(backend, talk, "yours")
    back = answered(backend, talk, "mine")
    assert back.reused_tokens == 0 and back.evicted_tokens >= tokens
    assert backend.engine.session_cache.nbytes <= 2 * tokens * bytes_per_token(backend.model), (
        "one conversation"
    )


def test_who_had_to_make_room_is_told_once_and_the_operator_can_count(
    qwen2_vl: LocalBackend, talk: Conversation
) -> None:
    tokens = len(qwen2_vl.prompt_ids(talk, SHORT))
    backend = keeping(qwen2_vl, int(1.8 * tokens))
    first = answered(backend, talk, "mine")
    assert (first.evicted_tokens, first.evicted_features) == (0, 0)
    answered(backend, talk, "yours")
    figures = backend.cache_figures()
    assert (figures.evicted_conversations, figures.evicted_features) == (1, 1)
    assert 0 < figures.used_bytes <= figures.budget_bytes == backend.engine.session_cache.budget
    assert backend.read_ahead(talk, SHORT, session="mine")
    told = answered(backend, talk, "mine")
    assert told.evicted_tokens == tokens + SHORT.max_new_tokens - 1
    assert (told.evicted_features, told.vision_encodes) == (1, 0), "read ahead once more"
    assert answered(backend, talk, "mine").evicted_tokens == 0


def test_room_for_a_conversation_is_made_before_it_is_read(
    qwen2_vl: LocalBackend, talk: Conversation
) -> None:
    tokens = len(qwen2_vl.prompt_ids(talk, SHORT))
    backend = keeping(qwen2_vl, int(1.8 * tokens))
    answered(backend, talk, "mine")
    kept: list[int] = []

    class Watching(Cancel):
        """Is looked at between the chunks of a prompt and the tokens of an answer."""

        def is_set(self) -> bool:
            kept.append(backend.engine.session_cache.nbytes)
            return super().is_set()

    list(backend.stream(talk, SHORT, Watching(), session="yours"))
    beside = backend.engine.session_cache.budget - tokens * bytes_per_token(backend.model)
    assert min(kept) <= beside
