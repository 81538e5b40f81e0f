"""Conversations that are answered together get the answers that they get alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.backend import Cancel, Usage, collected
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Image, Text, Video
from model.engine import repetition
from model.errors import ContextError, MediaError
from model.local import LocalBackend, batch
from model.settings import GenerationSettings
from tests.support import media_files

GREEDY = GenerationSettings(max_new_tokens=24)


def asked(*parts: Image | Video | Text) -> Conversation:
    return Conversation().with_user_turn(*parts)


@pytest.fixture
def talks(tmp_path: Path, clip: Video) -> list[Conversation]:
    """Texts, pictures, a clip and a second turn, of several lengths, with one picture twice."""
    wide, tall = (
        Image(media_files.photo(tmp_path / f"{size}.png", size, seed=size[0]), media_files.SMALL)
        for size in ((308, 140), (140, 280))
    )
    second = asked(wide, Text("What is it?")).with_reply("A thing.")
    return [
        asked(Text("Hello")),
        asked(wide, Text("Describe it.")),
        asked(clip, Text("What happens?")),
        second.with_user_turn(tall, clip, Text("And now, in more words than before?")),
        asked(tall, wide, Text("Which is taller?")),
    ]


def alone(
    backend: LocalBackend, talks: list[Conversation], settings: GenerationSettings
) -> list[tuple[str, Usage]]:
    return [collected(backend.stream(talk, settings, Cancel())) for talk in talks]


def compared(answers: list[tuple[str, Usage]]) -> list[tuple[object, ...]]:
    """What must not depend on the company."""
    return [
        (text, usage.prompt_tokens, usage.visual_tokens, usage.new_tokens, usage.stop_reason)
        for text, usage in answers
    ]


def test_mixed_media_and_texts_are_answered_as_one_after_the_other(
    backend: LocalBackend, talks: list[Conversation]
) -> None:
    together = backend.answer_batch(talks, GREEDY)
    assert compared(together) == compared(alone(backend, talks, GREEDY))
    assert len({text for text, _ in together}) == len(talks)


def test_an_item_of_several_prompts_is_in_the_usage_of_one(
    qwen2_vl: LocalBackend, talks: list[Conversation]
) -> None:
    work = [
        (usage.vision_encodes, usage.decoded_frames)
        for _, usage in qwen2_vl.answer_batch(talks, GREEDY)
    ]
    frames = alone(qwen2_vl, talks[2:3], GREEDY)[0][1].decoded_frames
    # The shorter one of two with the same picture comes first.
    assert work == [(0, 0), (1, 1), (1, frames), (0, 0), (1, 1)] and frames > 1


def test_more_than_fit_are_answered_in_their_order(
    qwen2_vl: LocalBackend, talks: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_ROWS", 2)
    together = qwen2_vl.answer_batch(talks, GREEDY)
    assert compared(together) == compared(alone(qwen2_vl, talks, GREEDY))


def test_a_batch_is_bounded_in_its_padded_tokens(
    qwen2_vl: LocalBackend, talks: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [qwen2_vl._prompts.build(talk, GREEDY) for talk in talks]
    assert [len(numbers) for numbers in batch.split(prompts, 24)] == [5]
    longest = max(map(len, prompts))
    monkeypatch.setattr(batch, "MAX_PADDED_TOKENS", 2 * (longest + 24))
    split = list(batch.split(prompts, 24))
    assert sorted(number for numbers in split for number in numbers) == list(range(5))
    assert len(split) > 1
    monkeypatch.setattr(batch, "MAX_PADDED_TOKENS", 1)
    assert [len(numbers) for numbers in batch.split(prompts, 24)] == [1] * 5


def test_an_answer_ends_at_its_end_token_while_others_go_on(talks: list[Conversation]) -> None:
    bundled = LocalBackend.load(BUNDLED, device="cpu", cache_gb=0)
    together = bundled.answer_batch(talks, GREEDY)
    assert compared(together) == compared(alone(bundled, talks, GREEDY))
    assert {usage.stop_reason for _, usage in together} >= {"stop"}
    assert len({usage.new_tokens for _, usage in together}) > 1


def test_an_answer_ends_at_a_loop_or_where_its_context_is_full(
    qwen2_vl: LocalBackend, talks: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Any six tokens are a loop.
    for name, value in (("MIN_TOKENS", 6), ("MIN_REPEATS", 1), ("CHECK_EVERY_TOKENS", 1)):
        monkeypatch.setattr(repetition, name, value)
    longest = max(len(qwen2_vl.prompt_ids(talk, GREEDY)) for talk in talks)
    monkeypatch.setattr(qwen2_vl.engine, "context_tokens", longest + 4)
    together = qwen2_vl.answer_batch(talks, GREEDY)
    assert compared(together) == compared(alone(qwen2_vl, talks, GREEDY))
    ends = {(usage.new_tokens, usage.stop_reason) for _, usage in together}
    assert ends == {(7, "loop"), (4, "length")}


@pytest.mark.parametrize("tokens", [5, 6, 7])
def test_a_loop_in_the_last_token_ends_it_as_it_ends_alone(
    qwen2_vl: LocalBackend,
    talks: list[Conversation],
    monkeypatch: pytest.MonkeyPatch,
    tokens: int,
) -> None:
    # Any six tokens are a loop.
    for name, value in (("MIN_TOKENS", 6), ("MIN_REPEATS", 1), ("CHECK_EVERY_TOKENS", 1)):
        monkeypatch.setattr(repetition, name, value)
    short = GenerationSettings(max_new_tokens=tokens)
    together = qwen2_vl.answer_batch(talks, short)
    assert compared(together) == compared(alone(qwen2_vl, talks, short))


def test_sampled_answers_are_those_of_their_seed(
    qwen2_vl: LocalBackend, talks: list[Conversation]
) -> None:
    settings = GenerationSettings(max_new_tokens=12, temperature=1.0, seed=7)
    together = qwen2_vl.answer_batch(talks, settings)
    assert compared(together) == compared(alone(qwen2_vl, talks, settings))


def test_nothing_is_kept_of_it(qwen2_vl: LocalBackend, talks: list[Conversation]) -> None:
    before = qwen2_vl.cache_figures()
    qwen2_vl.answer_batch(talks, GREEDY)
    assert qwen2_vl.cache_figures() == before
    assert qwen2_vl._runner.media.nbytes == 0


def test_none_is_answered_if_one_cannot_be(
    qwen2_vl: LocalBackend, talks: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = asked(Image("/nowhere/a.png"), Text("What is it?"))
    with pytest.raises(MediaError):
        qwen2_vl.answer_batch([*talks, gone], GREEDY)
    monkeypatch.setattr(qwen2_vl.engine, "context_tokens", 40)
    with pytest.raises(ContextError):
        qwen2_vl.answer_batch(talks, GREEDY)
    assert qwen2_vl.answer_batch([], GREEDY) == []
