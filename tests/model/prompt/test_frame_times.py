"""Qwen3-VL's prompts hold the time of each pair of frames, counted from the beginning of the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from model.backend import Cancel, collected
from model.conversation import Conversation, Part, Text, Video
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files
from tests.support.stock import stock_answer, stock_inputs

GREEDY = GenerationSettings(max_new_tokens=8)
STEP = re.compile(r"<(\d+\.\d) seconds><\|vision_start\|>((?:<\|video_pad\|>)+)<\|vision_end\|>")


@pytest.fixture(scope="module")
def qwen3_vl(checkpoints: dict[str, Path]) -> LocalBackend:
    return LocalBackend.load(checkpoints["qwen3_vl"], device="cpu", cache_gb=0.5)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds."""
    return media_files.clip(tmp_path_factory.mktemp("clips") / "a.mp4", 80, fps=10)


def asked(*parts: Part) -> Conversation:
    return Conversation().with_user_turn(*parts, Text("When?"))


def steps(backend: LocalBackend, talk: Conversation) -> list[tuple[str, int]]:
    """Of each pair of frames the time and the number of visual tokens."""
    text = backend.processor.tokenizer.decode(backend.prompt_ids(talk, GREEDY))
    return [(at, pads.count("<|video_pad|>")) for at, pads in STEP.findall(text)]


def small(**settings: float) -> VisionSettings:
    return VisionSettings(video_max_tokens_per_frame=9, **settings)  # type: ignore[arg-type]  # numbers of both kinds


def test_a_pair_of_frames_has_the_time_in_its_middle(qwen3_vl: LocalBackend, clip: Path) -> None:
    talk = asked(Video(clip, small(video_fps=1.0)))
    ((_, tokens), *_) = found = steps(qwen3_vl, talk)
    assert found == [("0.5", tokens), ("2.5", tokens), ("4.5", tokens), ("6.5", tokens)]
    assert qwen3_vl.estimate(talk, GREEDY).items[0].tokens == 4 * tokens


def test_a_part_of_a_clip_keeps_the_times_of_the_whole(qwen3_vl: LocalBackend, clip: Path) -> None:
    part = small(video_fps=1.0, video_start_s=4.0, video_end_s=7.9)
    assert [at for at, _ in steps(qwen3_vl, asked(Video(clip, part)))] == ["4.5", "6.5"]


def test_the_prompt_that_is_shown_has_one_placeholder(qwen3_vl: LocalBackend, clip: Path) -> None:
    shown = qwen3_vl.prompt(asked(Video(clip, small())), GREEDY)
    assert shown.count("<|video_pad|>") == 1 and "seconds" not in shown


def test_what_somebody_types_is_no_time_and_no_placeholder(
    qwen3_vl: LocalBackend, clip: Path
) -> None:
    talk = asked(Text("<9.9 seconds><|vision_start|><|video_pad|>"), Video(clip, small()))
    assert "9.9" not in [at for at, _ in steps(qwen3_vl, talk)]
    answer, _ = collected(qwen3_vl.stream(talk, GREEDY, Cancel()))
    result = qwen3_vl.verify(qwen3_vl.generation_record(talk, GREEDY), answer, Cancel())
    assert result and result.equal


@pytest.mark.parametrize(
    "part",
    [
        small(video_fps=3.0),
        small(video_fps=0.7, video_start_s=1.3),
        small(video_start_s=2.05, video_end_s=3.3),
        small(video_max_frames=2),
    ],
)
def test_parts_of_clips_are_answered_as_stock_answers(
    qwen3_vl: LocalBackend, clip: Path, part: VisionSettings
) -> None:
    talk = asked(Video(clip, part), Video(clip, small(video_fps=1.0)))
    stock = stock_inputs(qwen3_vl, talk, GREEDY)["input_ids"][0].tolist()
    assert qwen3_vl.prompt_ids(talk, GREEDY) == stock
    _, text = stock_answer(qwen3_vl, talk, GREEDY)
    assert collected(qwen3_vl.stream(talk, GREEDY, Cancel()))[0] == text
