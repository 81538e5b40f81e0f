"""What a checkpoint says of itself: defaults for sampling, bounds for pictures, in every layout of its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from model.backend import Cancel, collected
from model.checkpoint.choose import BUNDLED
from model.checkpoint.settings import default_settings
from model.conversation import Conversation, Text
from model.local import LocalBackend
from model.settings import Bounds, DefaultSettings, GenerationSettings
from tests.support.stock import stock_inputs

SIDES = {"patch_size": 14, "merge_size": 2}
OFFICIAL_PIXELS = {"min_pixels": 3136, "max_pixels": 12_845_056, **SIDES}
# generation_config.json of Qwen2-VL and Qwen2.5-VL, and one that means to sample.
QWEN2_VL = {"do_sample": True, "temperature": 0.01, "top_p": 0.001, "top_k": 1}
QWEN2_5_VL = {"do_sample": True, "temperature": 1e-6, "repetition_penalty": 1.05}
SAMPLING = {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20}


def said(folder: Path, **files: object) -> DefaultSettings:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return default_settings(str(folder))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (None, GenerationSettings()),
        ({}, GenerationSettings()),
        (QWEN2_VL, GenerationSettings()),
        (QWEN2_5_VL, GenerationSettings(repetition_penalty=1.05)),
        ({**SAMPLING, "top_k": 1}, GenerationSettings()),
        ({**SAMPLING, "temperature": 0.0}, GenerationSettings()),
        ({**SAMPLING, "do_sample": False}, GenerationSettings()),
        (SAMPLING, GenerationSettings(temperature=0.7, top_p=0.8, top_k=20)),
        ({"do_sample": True}, GenerationSettings(temperature=1.0, top_p=1.0, top_k=50)),
        ({"repetition_penalty": 7}, GenerationSettings()),
        ({"repetition_penalty": "1.05"}, GenerationSettings()),
        ({**SAMPLING, "top_k": 4.5}, GenerationSettings(temperature=0.7, top_p=0.8, top_k=50)),
        ([], GenerationSettings()),
    ],
)
def test_generation_starts_as_the_checkpoint_means_it(
    tmp_path: Path, told: object, expected: GenerationSettings
) -> None:
    files = {} if told is None else {"generation_config": told}
    assert said(tmp_path, **files).generation == expected


def bounds(found: DefaultSettings) -> dict[str, tuple[float, float | None]]:
    return {name: (allowed.low, allowed.high) for name, allowed in found.bounds.items()}


def test_official_pixels_are_the_whole_range_and_the_start_stays(tmp_path: Path) -> None:
    found = said(tmp_path, preprocessor_config=OFFICIAL_PIXELS)
    assert (found.bounds, found.vision.min_tokens, found.vision.max_tokens) == ({}, 4, 1280)


@pytest.mark.parametrize(
    "told",
    [
        {"min_pixels": 200_704, "max_pixels": 602_112, **SIDES},
        {"size": {"min_pixels": 200_704, "max_pixels": 602_112}, **SIDES},
        {"size": {"shortest_edge": 200_704, "longest_edge": 602_112}, **SIDES},
    ],
)
def test_pixels_are_bounds_of_both_sizes_and_the_start_lies_within(
    tmp_path: Path, told: dict[str, Any]
) -> None:
    found = said(tmp_path, preprocessor_config=told)
    assert bounds(found) == {"min_tokens": (256, 768), "max_tokens": (256, 768)}
    assert (found.vision.min_tokens, found.vision.max_tokens) == (256, 768)


def test_pixels_of_no_whole_tokens_allow_no_more_than_they_say(tmp_path: Path) -> None:
    told = {"min_pixels": 200_705, "max_pixels": 602_111, **SIDES}
    found = said(tmp_path, preprocessor_config=told)
    assert bounds(found) == {"min_tokens": (257, 767), "max_tokens": (257, 767)}


def test_bounds_of_clips_are_of_one_frame(tmp_path: Path) -> None:
    size = {"shortest_edge": 28 * 28 * 16, "longest_edge": 28 * 28 * 64}
    found = said(tmp_path, video_preprocessor_config={"size": size, **SIDES, "max_frames": 33})
    assert bounds(found) == {
        "video_min_tokens_per_frame": (16, 64),
        "video_max_tokens_per_frame": (16, 64),
        "video_max_frames": (2, 32),
    }
    vision = found.vision
    assert vision.video_min_tokens_per_frame == 16 and vision.video_max_frames == 32


def test_the_pixels_of_qwen3_vl_are_of_a_whole_clip_and_its_sides_are_of_32_pixels(
    tmp_path: Path,
) -> None:
    sides = {"patch_size": 16, "merge_size": 2}
    images = {"size": {"shortest_edge": 65_536, "longest_edge": 16_777_216}, **sides}
    clips = {"size": {"shortest_edge": 131_072, "longest_edge": 786_432}, **sides}
    clips |= {"video_processor_type": "Qwen3VLVideoProcessor"}
    found = said(tmp_path, preprocessor_config=images, video_preprocessor_config=clips)
    assert bounds(found) == {
        "min_tokens": (64, 16384),
        "max_tokens": (64, 16384),
        "resized_height": (32, None),
        "resized_width": (32, None),
    }
    (height,) = (spec for spec in found.setting_specs if spec.name == "resized_height")
    assert height.step == 32


@pytest.mark.parametrize(
    "told",
    [[], {"size": None, **SIDES}, {"max_pixels": 5e5}, {**OFFICIAL_PIXELS, "max_pixels": "many"},
     {**OFFICIAL_PIXELS, "patch_size": None}, {**SIDES, "min_pixels": 10**9, "max_pixels": 10**10}],
)  # fmt: skip
def test_files_that_say_nothing_usable_leave_the_settings_alone(
    tmp_path: Path, told: object
) -> None:
    assert said(tmp_path, preprocessor_config=told) == DefaultSettings()


def test_a_broken_file_and_an_id_that_is_not_here_leave_the_settings_alone(tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text("{")
    for checkpoint in (str(tmp_path), "", "owner/name"):
        assert default_settings(checkpoint) == DefaultSettings()


def test_the_bundled_checkpoint_starts_within_what_it_was_made_for() -> None:
    found = default_settings(str(BUNDLED))
    vision = found.vision
    starts = (
        vision.max_tokens,
        vision.video_max_tokens_per_frame,
        vision.video_max_frames,
    )
    assert starts == (400, 36, 16)
    assert found.generation == GenerationSettings()
    assert found.bounds["max_tokens"] == Bounds(4, 400)


@pytest.fixture(scope="module")
def penalised(
    checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> LocalBackend:
    """Qwen2.5-VL with the generation_config.json of its official checkpoints."""
    folder = tmp_path_factory.mktemp("penalised")
    for file in checkpoints["qwen2_5_vl"].iterdir():
        (folder / file.name).symlink_to(file)
    told = folder / "generation_config.json"
    content = json.loads(told.read_text()) | QWEN2_5_VL
    told.unlink()
    told.write_text(json.dumps(content))
    return LocalBackend.load(folder, device="cpu")


def test_a_loaded_checkpoint_says_what_its_files_say(penalised: LocalBackend) -> None:
    assert penalised.default_settings().generation == GenerationSettings(repetition_penalty=1.05)


@pytest.mark.slow
def test_answers_with_its_defaults_are_those_of_stock_with_its_own_generation_config(
    penalised: LocalBackend,
) -> None:
    """Greedy, because that is what it means; the repetition penalty and the end tokens from the file."""
    settings = replace(penalised.default_settings().generation, max_new_tokens=40)
    differing = 0
    for n in range(6):
        talk = Conversation().with_user_turn(Text(f"Say {n} again and again and again."))
        text, usage = collected(penalised.stream(talk, settings, Cancel()))
        inputs = stock_inputs(penalised, talk, settings)
        with torch.inference_mode():
            output = penalised.model.generate(**inputs, do_sample=False, max_new_tokens=40)
        ids = output[0, inputs["input_ids"].shape[1] :].tolist()
        ends = penalised.model.generation_config.eos_token_id
        kept = [token for token in ids if token not in ends]
        assert text == penalised.processor.tokenizer.decode(kept)
        assert usage.repetition_penalty == 1.05
        plain = GenerationSettings(max_new_tokens=40)
        differing += text != collected(penalised.stream(talk, plain, Cancel()))[0]
    assert differing, "the penalty made no difference"


def test_the_record_of_an_answer_has_its_defaults(penalised: LocalBackend) -> None:
    talk = Conversation().with_user_turn(Text("Hello"))
    record = penalised.generation_record(talk, penalised.default_settings().generation)
    assert record.generation["repetition_penalty"] == 1.05
