"""The sidebar is the table of settings, no more and no less."""

from __future__ import annotations

import gradio as gr

from model.settings import (
    SETTING_SPECS,
    DefaultSettings,
    GenerationSettings,
    VisionSettings,
    settings_from,
)
from ui.page.controls import Controls, build_controls, control
from ui.text.chinese import CHINESE
from ui.text.english import ENGLISH
from ui.text.setting_labels import labels


def built(defaults: DefaultSettings | None = None) -> Controls:
    with gr.Blocks():
        return build_controls(defaults or DefaultSettings(), ENGLISH)


def test_every_setting_has_one_control_with_its_id_and_range() -> None:
    controls = built()
    assert [c.elem_id for c in controls.components] == [
        t.name.replace("_", "-") for t in SETTING_SPECS
    ]
    for spec, component in zip(SETTING_SPECS, controls.components, strict=True):
        if isinstance(component, gr.Slider):
            assert (component.minimum, component.maximum) == (spec.low, spec.high)
        assert component.interactive


def test_untouched_controls_give_the_defaults_they_were_built_with() -> None:
    vision, generation = VisionSettings(max_tokens=99), GenerationSettings(seed=3)
    controls = built(DefaultSettings(vision, generation))
    values = {
        t.name: c.value for t, c in zip(controls.setting_specs, controls.components, strict=True)
    }
    assert settings_from(values) == (vision, generation)


def test_an_optional_number_can_be_empty() -> None:
    optional = next(t for t in SETTING_SPECS if t.optional)
    with gr.Blocks():
        assert isinstance(control(optional, None, ENGLISH), gr.Number)


def test_labels_carry_unit_and_help_in_the_language() -> None:
    spec = next(t for t in SETTING_SPECS if t.name == "max_tokens")
    assert labels(spec, ENGLISH)["label"] == "Maximum detail per picture (tokens)"
    assert labels(spec, CHINESE) == {
        "label": "每张图片的最高细节 (词元)",
        "info": CHINESE.settings["max_tokens"][1],
    }


def test_every_control_and_heading_is_named_in_the_language_that_is_chosen() -> None:
    controls = built()
    with gr.Blocks():
        updates = {component: update(CHINESE) for component, update in controls.translations()}
    others = {controls.detail, controls.advanced, controls.answer_as}
    assert updates.keys() == {*others, *controls.headings.values(), *controls.components}
    assert updates[controls.detail].choices[0] == (CHINESE.details["low"], "low")
    for spec, component in zip(controls.setting_specs, controls.components, strict=True):
        assert updates[component].label == labels(spec, CHINESE)["label"]
    for group, heading in controls.headings.items():
        assert updates[heading].label == CHINESE.groups[group]
