"""Prompt lookup: the same answers, in fewer steps where they quote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from model.backend import Cancel, Usage, collected
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Image, Text, Video
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.stopping import usage_after_a_stop

SHAPES = Image(Path(__file__).parents[3] / "assets" / "examples" / "shapes.png")
GREEDY = GenerationSettings(max_new_tokens=80)
DRAWN = GenerationSettings(max_new_tokens=40, temperature=1.0, seed=7)


@pytest.fixture(scope="module")
def tiny() -> LocalBackend:
    loaded = LocalBackend.load(BUNDLED, device="cpu", prompt_lookup=True, cache_gb=0.2)
    assert loaded.engine.prompt_lookup
    return loaded


@pytest.fixture
def looking_up(backend: LocalBackend) -> LocalBackend:
    """The same model with drafts."""
    return LocalBackend(backend.model, backend.processor, cache_bytes=2**26, prompt_lookup=True)


def answer(
    backend: LocalBackend, talk: Conversation, settings: GenerationSettings = GREEDY
) -> tuple[str, Usage]:
    return collected(backend.stream(talk, settings, Cancel(), session="a"))


@contextmanager
def steps(backend: LocalBackend) -> Iterator[list[int]]:
    """Of how many tokens each step said what comes next."""
    read: list[int] = []
    hook = backend.model.lm_head.register_forward_hook(
        lambda _, given, __: read.append(given[0].shape[1])
    )
    try:
        yield read
    finally:
        hook.remove()


def test_what_was_said_before_is_said_again_in_a_few_steps(tiny: LocalBackend) -> None:
    talk = Conversation().with_user_turn(SHAPES, Text("Describe the image."))
    said, _ = answer(tiny, talk)
    talk = talk.with_reply(said).with_user_turn(Text("Describe the image."))
    with steps(tiny) as read:
        again, usage = answer(tiny, talk)
    assert "red circle" in said and again == said
    assert len(read) <= 4 < 10 < usage.new_tokens
    assert usage.reused_tokens > usage.visual_tokens > 0


@pytest.mark.slow
def test_a_conversation_goes_on_as_without_it(
    looking_up: LocalBackend, backend: LocalBackend, picture: Image, clip: Video
) -> None:
    talk = Conversation()
    drafted = 0
    for parts in ((picture, Text("What?")), (Text("What?"),), (clip, Text("Now?"))):
        talk = talk.with_user_turn(*parts)
        with steps(looking_up) as read:
            said, usage = answer(looking_up, talk)
        expected, wanted = answer(backend, talk)
        assert said == expected
        assert (usage.reused_tokens, usage.stop_reason) == (
            wanted.reused_tokens,
            wanted.stop_reason,
        )
        drafted += sum(tokens > 1 for tokens in read)
        talk = talk.with_reply(said)
    assert drafted > 3
    backend.forget("a")


def test_a_drawn_answer_is_the_one_of_its_seed(
    looking_up: LocalBackend, backend: LocalBackend, picture: Image
) -> None:
    talk = Conversation().with_user_turn(picture, Text("What?"))
    with steps(looking_up) as read:
        said, _ = answer(looking_up, talk, DRAWN)
    assert said == answer(backend, talk, DRAWN)[0]
    assert set(read) == {1}
    backend.forget("a")


def test_an_answer_is_no_longer_than_allowed(tiny: LocalBackend) -> None:
    talk = Conversation().with_user_turn(SHAPES, Text("Describe the image."))
    said, _ = answer(tiny, talk)
    talk = talk.with_reply(said).with_user_turn(Text("Describe the image."))
    again, usage = answer(tiny, talk, GenerationSettings(max_new_tokens=5))
    assert said.startswith(again)
    assert (usage.new_tokens, usage.stop_reason) == (5, "length")


def test_it_can_be_stopped_and_goes_on_from_there(looking_up: LocalBackend, picture: Image) -> None:
    usage = usage_after_a_stop(looking_up, picture, GREEDY)
    assert usage.reused_tokens > usage.visual_tokens > 0


def test_only_what_comes_after_the_first_step_has_a_rate(tiny: LocalBackend) -> None:
    talk = Conversation().with_user_turn(SHAPES, Text("Describe the image."))
    said, slow = answer(tiny, talk)
    talk = talk.with_reply(said).with_user_turn(Text("Describe the image."))
    _, fast = answer(tiny, talk, GenerationSettings(max_new_tokens=3))
    assert slow.decode_tokens_per_s > 0
    assert fast.decode_tokens_per_s == 0, "all three came at once"
