"""`--compile` on a real GPU: what `test_compiled.py` traces on a CPU is recorded as CUDA graphs here and replayed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch._dynamo.utils import counters

from model.backend import Cancel, collected
from model.conversation import Conversation, Image, Text, Video
from model.engine.cache import static_cache as compiling
from model.engine.cache.static_cache import CompiledDecoding
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.same_answers import (
    assert_a_conversation_goes_on_as_with,
    assert_a_long_answer_is_as_with,
)
from tests.support.stopping import usage_after_a_stop

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

ANSWER = GenerationSettings(max_new_tokens=24)
DRAWN = GenerationSettings(max_new_tokens=24, temperature=1.0, seed=7)


@pytest.fixture(scope="module")
def plain(checkpoints: dict[str, Path]) -> LocalBackend:
    return LocalBackend.load(checkpoints["qwen2_vl"], device="cuda", dtype="float32", cache_gb=0.5)


@pytest.fixture(scope="module")
def graphs(plain: LocalBackend) -> Iterator[LocalBackend]:
    """The same weights behind graphs, warmed up."""
    torch._dynamo.reset()
    counters.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "STATIC_CACHE_LENGTHS", (256, 512))
        decoding = CompiledDecoding(plain.model)
    decoding.warm_up(lambda _: None)
    yield LocalBackend(plain.model, plain.processor, cache_bytes=2**28, compiled_decoding=decoding)


@pytest.mark.parametrize("settings", [ANSWER, DRAWN], ids=["greedy", "drawn"])
def test_a_conversation_goes_on_as_without_them_and_nothing_is_compiled_in_an_answer(
    graphs: LocalBackend, plain: LocalBackend, picture: Image, clip: Video, settings: GenerationSettings
) -> None:  # fmt: skip
    strictly = partial(torch.compiler.set_stance, "fail_on_recompile")
    assert_a_conversation_goes_on_as_with(plain, graphs, picture, clip, settings, strictly)


def test_every_graph_is_recorded_and_none_is_left_out(graphs: LocalBackend, picture: Image) -> None:
    """Inductor falls back to plain kernels, with no more than a log line, where it cannot record."""
    talk = Conversation().with_user_turn(picture, Text("What?"))
    collected(graphs.stream(talk, ANSWER, Cancel()))
    assert counters["inductor"]["cudagraph_skips"] == 0
    assert counters["stats"]["unique_graphs"] > 0


def test_it_can_be_stopped_and_goes_on_from_there(graphs: LocalBackend, picture: Image) -> None:
    usage = usage_after_a_stop(graphs, picture, GenerationSettings(max_new_tokens=150))
    assert usage.reused_tokens > usage.visual_tokens > 0


def test_an_answer_behind_the_longest_cache_is_decoded_without_graphs(
    graphs: LocalBackend, plain: LocalBackend, picture: Image
) -> None:
    assert_a_long_answer_is_as_with(plain, graphs, picture)
