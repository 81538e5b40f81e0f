"""Decoding on static caches says what decoding on growing ones says, and leaves the same cache behind.

CUDA graphs need a GPU; here the same shapes go through `torch.compile`'s tracing, or all of it once.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, CompileConfig

from model.backend import Cancel, collected
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Image, Text, Video
from model.engine.cache import static_cache as compiling
from model.engine.cache.static_cache import CompiledDecoding
from model.engine.streamer import TextStreamer
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.same_answers import (
    assert_a_conversation_goes_on_as_with,
    assert_a_long_answer_is_as_with,
)
from tests.support.stopping import usage_after_a_stop
from tools.tiny.checkpoint import write_random_checkpoint

pytestmark = pytest.mark.slow

ANSWER = GenerationSettings(max_new_tokens=12)
HELD = GenerationSettings(max_new_tokens=12, json_schema="{}")
DRAWN = GenerationSettings(max_new_tokens=12, temperature=1.0, seed=7)
MORE = GenerationSettings(max_new_tokens=200)


def on_a_cpu(backend: str) -> CompileConfig:
    config = CompileConfig(backend=backend, mode=None, dynamic=False)
    config._compile_all_devices = True
    return config


@pytest.fixture(autouse=True)
def _short_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "STATIC_CACHE_LENGTHS", (256, 512))


@pytest.fixture
def fixed(backend: LocalBackend) -> LocalBackend:
    """The same model with static caches, traced but not compiled."""
    decoding = CompiledDecoding(backend.model, on_a_cpu("eager"))
    return LocalBackend(
        backend.model, backend.processor, cache_bytes=2**26, compiled_decoding=decoding
    )


@pytest.mark.parametrize("settings", [ANSWER, DRAWN], ids=["greedy", "drawn"])
def test_a_conversation_goes_on_as_without_it(
    fixed: LocalBackend, backend: LocalBackend, picture: Image, clip: Video, settings: GenerationSettings
) -> None:  # fmt: skip
    assert_a_conversation_goes_on_as_with(backend, fixed, picture, clip, settings)


def test_an_answer_longer_than_the_longest_cache_is_decoded_without_it(
    fixed: LocalBackend, backend: LocalBackend, picture: Image
) -> None:
    assert_a_long_answer_is_as_with(backend, fixed, picture)


def test_nothing_of_one_conversation_is_left_for_the_next(
    fixed: LocalBackend, backend: LocalBackend, picture: Image
) -> None:
    collected(fixed.stream(Conversation().with_user_turn(picture, Text("What?")), MORE, Cancel()))
    talk = Conversation().with_user_turn(Text("Hi"))
    said, _ = collected(fixed.stream(talk, ANSWER, Cancel()))
    assert said == collected(backend.stream(talk, ANSWER, Cancel()))[0]


def test_it_can_be_stopped_and_goes_on_from_there(fixed: LocalBackend, picture: Image) -> None:
    usage = usage_after_a_stop(fixed, picture, MORE)
    assert usage.reused_tokens > usage.visual_tokens > 0


def test_every_answer_is_decoded_by_the_same_thread(
    fixed: LocalBackend, picture: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CUDA graphs belong to the thread that recorded them."""
    threads = set[threading.Thread]()
    put = TextStreamer.put

    def noted(self: TextStreamer, value: torch.Tensor) -> None:
        threads.add(threading.current_thread())
        put(self, value)

    monkeypatch.setattr(TextStreamer, "put", noted)
    for question in ("What?", "Why?"):
        talk = Conversation().with_user_turn(picture, Text(question))
        collected(fixed.stream(talk, ANSWER, Cancel()))
    assert len(threads) == 1


@pytest.fixture
def shallow(tmp_path: Path) -> LocalBackend:
    """One layer: compiling takes as long for each of them."""
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    folder = write_random_checkpoint(tmp_path / "shallow", size="shallow", tokenizer=tokenizer)
    return LocalBackend.load(folder, device="cpu")


def test_warming_up_tells_how_far_it_is(shallow: LocalBackend) -> None:
    reported: list[float] = []
    CompiledDecoding(shallow.model, on_a_cpu("eager")).warm_up(reported.append)
    assert reported == [0.5, 1.0]


def test_warmed_up_it_compiles_nothing_more(
    shallow: LocalBackend, picture: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "STATIC_CACHE_LENGTHS", (256,))
    torch._dynamo.reset()
    decoding = CompiledDecoding(shallow.model, on_a_cpu("inductor"))
    decoding.warm_up(lambda _: None)
    backend = LocalBackend(shallow.model, shallow.processor, compiled_decoding=decoding)
    talk = Conversation().with_user_turn(picture, Text("What?"))
    with torch.compiler.set_stance("fail_on_recompile"):
        said, _ = collected(backend.stream(talk, ANSWER, Cancel()))
        data, _ = collected(backend.stream(talk, HELD, Cancel()))
    assert said == collected(shallow.stream(talk, ANSWER, Cancel()))[0]
    assert data == collected(shallow.stream(talk, HELD, Cancel()))[0]
