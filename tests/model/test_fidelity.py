"""Greedy answers equal stock transformers token for token, in float32, with and without reuse."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.backend import Cancel, Usage, collected
from model.conversation import Conversation, Image, Part, Text, Video
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files
from tests.support.real_media import real_media
from tests.support.stock import stock_answer, stock_inputs, stock_prompt

# Random weights answer with control tokens now and then. Stock reads them as such in the next turn; here
# only grounding tokens stay live in replies.
LIVE_IN_STOCK_ONLY = re.compile(r"<\|(?!object_ref|box|quad)\w+\|>")
GREEDY = GenerationSettings(max_new_tokens=12)
SMALL = VisionSettings(max_tokens=64, video_max_frames=6, video_max_tokens_per_frame=16)


def answer(
    backend: LocalBackend,
    talk: Conversation,
    settings: GenerationSettings = GREEDY,
    session: str = "",
) -> tuple[str, Usage]:
    return collected(backend.stream(talk, settings, Cancel(), session=session))


def assert_equal_to_stock(
    backend: LocalBackend,
    talk: Conversation,
    settings: GenerationSettings = GREEDY,
    session: str = "",
) -> str:
    """Prompt ids, answer and count; gives the answer."""
    ids, text = stock_answer(backend, talk, settings)
    assert backend.prompt_ids(talk, settings) == prompt_ids_of_stock(backend, talk, settings)
    ours, usage = answer(backend, talk, settings, session)
    assert (ours, usage.new_tokens) == (text, len(ids))
    return ours


def prompt_ids_of_stock(
    backend: LocalBackend, talk: Conversation, settings: GenerationSettings
) -> list[int]:
    ids: list[int] = stock_inputs(backend, talk, settings)["input_ids"][0].tolist()
    return ids


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Real photographs and drawn pictures of several shapes."""
    folder = tmp_path_factory.mktemp("pictures")
    drawn = [
        media_files.photo(folder / f"{i}.png", size, seed=i)
        for i, size in enumerate([(224, 224), (300, 120), (90, 400), (57, 57)])
    ]
    return [real_media("images/cheetah1.jpg"), real_media("images/tower.jpg"), *drawn]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Video]:
    """A real clip, a made one, and one given as frames; small, so that stock is not slow."""
    folder = tmp_path_factory.mktemp("clips")
    made = media_files.clip(folder / "made.mp4", 20)
    frames = tuple(media_files.photo(folder / f"f{i}.png", (140, 100), seed=i) for i in range(5))
    real = real_media("videos/world.mp4")
    return [
        Video(made, SMALL),
        Video(frames=frames, fps=2.0, vision=SMALL),
        Video(real, VisionSettings(video_max_frames=4, video_max_tokens_per_frame=12)),
    ]


def test_one_picture_is_answered_as_stock_answers(
    backend: LocalBackend, pictures: list[Path]
) -> None:
    for path in pictures:
        talk = Conversation().with_user_turn(Image(path, SMALL), Text("What is this?"))
        assert_equal_to_stock(backend, talk)


@pytest.mark.parametrize("vision_ids", [False, True])
def test_several_pictures_and_clips_are_answered_as_stock_answers(
    backend: LocalBackend, pictures: list[Path], clips: list[Video], vision_ids: bool
) -> None:
    settings = GenerationSettings(max_new_tokens=12, vision_ids=vision_ids)
    parts: list[Part] = [Image(path, SMALL) for path in pictures[:3]]
    for clip in clips:
        assert_equal_to_stock(
            backend, Conversation().with_user_turn(clip, Text("What happens?")), settings
        )
    mixed = Conversation().with_user_turn(Text("Look: "), *parts, *clips[:2], Text("and compare."))
    assert_equal_to_stock(backend, mixed, settings)


def test_each_item_keeps_its_own_resolution(backend: LocalBackend, pictures: list[Path]) -> None:
    sizes = [
        VisionSettings(max_tokens=16),
        VisionSettings(min_tokens=40, max_tokens=100),
        VisionSettings(resized_height=84, resized_width=224),
    ]
    parts = [Image(path, vision) for path, vision in zip(pictures, sizes, strict=False)]
    assert_equal_to_stock(backend, Conversation().with_user_turn(*parts, Text("Compare.")))


def test_no_picture_is_answered_as_stock_answers(backend: LocalBackend) -> None:
    for text in ["Hello", "\n\n  two lines\n", "数一数 🙂 e\u0301", "a" * 300]:
        assert_equal_to_stock(backend, Conversation().with_user_turn(Text(text)))


def turns(pictures: list[Path], clips: list[Video], seed: int) -> Iterator[tuple[list[Part], str]]:
    """Five turns of a conversation and what is done after each: go on, retry or edit."""
    rng = random.Random(seed)
    for turn in range(5):
        media: list[Part] = []
        if turn == 0 or rng.random() < 0.4:
            media.append(Image(rng.choice(pictures), SMALL))
        if rng.random() < 0.25:
            media.append(rng.choice(clips[:2]))
        then = rng.choice(["go on", "retry", "edit"])
        yield (
            [*media, Text(f"Question {turn}, {rng.choice(['why?', 'where?', 'how many?'])}")],
            then,
        )


@pytest.mark.parametrize("session", ["", "kept"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.slow
def test_five_turns_with_retry_and_edit_are_answered_as_stock_answers(
    backend: LocalBackend, pictures: list[Path], clips: list[Video], seed: int, session: str
) -> None:
    settings = GenerationSettings(max_new_tokens=8, vision_ids=bool(seed % 2))
    backend.forget(session)
    talk = Conversation()
    for parts, then in turns(pictures, clips, seed):
        asked = talk.with_user_turn(*parts)
        reply = assert_equal_to_stock(backend, asked, settings, session)
        if then == "retry":
            assert assert_equal_to_stock(backend, asked, settings, session) == reply
        if then == "edit":
            asked = talk.with_user_turn(*parts[:-1], Text("Something else?"))
            reply = assert_equal_to_stock(backend, asked, settings, session)
        talk = asked.with_reply(LIVE_IN_STOCK_ONLY.sub("", reply))


def test_the_prompt_text_is_stocks(backend: LocalBackend, pictures: list[Path]) -> None:
    talk = Conversation().with_user_turn(Image(pictures[0]), Text("Hi")).with_reply("Yes.")
    talk = talk.with_user_turn(Text("And?"), Image(pictures[1]))
    for settings in (GREEDY, GenerationSettings(vision_ids=True, system_prompt="Be brief.")):
        assert backend.prompt(talk, settings) == stock_prompt(backend, talk, settings)


def test_a_different_picture_of_the_same_size_is_not_answered_from_the_old_ones_cache(
    qwen2_vl: LocalBackend, tmp_path: Path
) -> None:
    first = media_files.photo(tmp_path / "a.png", (224, 224), seed=1)
    second = media_files.photo(tmp_path / "b.png", (224, 224), seed=2)
    qwen2_vl.forget("same size")
    for path in (first, second):
        talk = Conversation().with_user_turn(Image(path, SMALL), Text("What is this?"))
        assert_equal_to_stock(qwen2_vl, talk, session="same size")


def test_random_weights_answer_differently_about_different_pictures(
    backend: LocalBackend, pictures: list[Path]
) -> None:
    """Otherwise equality with stock would prove nothing."""
    answers = {
        answer(backend, Conversation().with_user_turn(Image(p, SMALL), Text("What is this?")))[0]
        for p in pictures
    }
    assert len(answers) > 3
