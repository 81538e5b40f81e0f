"""The settings table: defaults, ranges, and errors that name the setting."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from model.errors import SettingError
from model.settings import (
    MAX_SEED,
    SETTING_SPECS,
    Bounds,
    DefaultSettings,
    GenerationSettings,
    SettingSpec,
    VisionSettings,
    settings_from,
)


def test_defaults_are_those_of_the_design() -> None:
    vision, generation = settings_from({})
    assert (vision.min_tokens, vision.max_tokens, vision.video_fps) == (4, 1280, 2.0)
    assert (vision.video_max_frames, vision.video_max_tokens_per_frame) == (64, 128)
    assert (generation.max_new_tokens, generation.temperature, generation.top_k) == (512, 0.0, 50)
    assert generation.seed is None and not generation.vision_ids


def test_defaults_lie_within_their_bounds_and_what_is_given_wins() -> None:
    bounds = {name: Bounds(64, 900) for name in ("min_tokens", "max_tokens")}
    own = DefaultSettings.within(bounds, GenerationSettings(repetition_penalty=1.05))
    assert (own.vision.min_tokens, own.vision.max_tokens) == (64, 900)
    table = {spec.name: spec for spec in own.setting_specs}
    assert [(table[name].low, table[name].high) for name in bounds] == [(64, 900)] * 2
    assert table["repetition_penalty"].default == 1.05
    given = own.changed({"max_tokens": 5000, "repetition_penalty": 1.0})
    assert (given.vision.max_tokens, given.generation.repetition_penalty) == (5000, 1.0)
    assert given.bounds == bounds
    # The checkpoint's smallest size is not in the way of a smaller one.
    assert own.changed({"max_tokens": 16}).vision.min_tokens == 16
    with pytest.raises(SettingError, match="'min_tokens' is 99"):
        own.changed({"min_tokens": 99, "max_tokens": 16})
    with pytest.raises(SettingError, match="no setting 'tokens'"):
        own.changed({"tokens": 1})


def test_every_field_of_both_classes_is_a_tunable_with_help() -> None:
    names = [f.name for f in (*fields(VisionSettings), *fields(GenerationSettings))]
    assert [spec.name for spec in SETTING_SPECS] == names
    assert len(set(names)) == 20
    assert all(spec.help.endswith(".") and spec.label for spec in SETTING_SPECS)


@pytest.mark.parametrize("spec", SETTING_SPECS, ids=lambda spec: spec.name)
def test_a_value_outside_its_range_is_refused_by_name(spec: SettingSpec) -> None:
    wrong: list[object] = [[], 7 if spec.kind == "json" else {}]
    if spec.kind in ("int", "float"):
        wrong += ["7", True, math.nan]
        wrong += [spec.low - 1] if spec.low is not None else []
        wrong += [spec.high + 1] if spec.high is not None else []
    if spec.kind == "int":
        wrong += [4.5, math.inf]
    if not spec.optional:
        wrong.append(None)
    for value in wrong:
        with pytest.raises(SettingError, match=f"'{spec.name}'"):
            settings_from({spec.name: value})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"min_tokens": 20, "max_tokens": 10}, "min_tokens"),
        ({"video_min_tokens_per_frame": 200}, "video_min_tokens_per_frame"),
        ({"video_max_frames": 7}, "video_max_frames"),
        ({"resized_height": 280}, "resized_height"),
        ({"video_start_s": 5, "video_end_s": 5.0}, "video_end_s"),
        ({"colour": 1}, "colour"),
    ],
)
def test_values_that_exclude_each_other_and_unknown_names_are_refused(
    values: dict[str, object], named: str
) -> None:
    with pytest.raises(SettingError, match=named):
        settings_from(values)


def test_whole_numbers_from_sliders_become_integers() -> None:
    vision, generation = settings_from({"max_tokens": 640.0, "seed": float(MAX_SEED), "top_p": 1})
    assert (vision.max_tokens, generation.seed) == (640, MAX_SEED)
    assert isinstance(vision.max_tokens, int) and isinstance(generation.top_p, float)
