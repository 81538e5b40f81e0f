"""The controls of the settings, generated from the one table of settings: a few that everybody needs, the others folded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from model.settings import MAX_IMAGE_TOKENS, SETTING_SPECS, DefaultSettings, SettingSpec
from ui.html.data.form import answer_as
from ui.text.setting_labels import ADVANCED, SIMPLE, labels
from ui.text.texts import Texts

# The most visual tokens of a picture at each level of detail, but for the last: that is what the checkpoint can take.
DETAIL: Mapping[str, int | None] = {"low": 256, "medium": 640, "high": 1280, "original": None}
# A component, and its update in a language.
Translation = tuple[Any, Callable[[Texts], Any]]


@dataclass(frozen=True)
class Controls:
    """One control for each setting, in the order of the table."""

    detail: gr.Radio  # sets `max_tokens`
    advanced: gr.HTML
    setting_specs: tuple[SettingSpec, ...]
    components: tuple[Component, ...]
    headings: dict[str, gr.Accordion]
    answer_as: gr.HTML

    def translations(self) -> list[Translation]:
        """The headings and the controls, each with its update in a language."""
        headings = [(heading, partial(_heading, group)) for group, heading in self.headings.items()]
        controls = zip(self.setting_specs, self.components, strict=True)
        translated = ((c, partial(_relabelled, type(c), spec)) for spec, c in controls)
        form = (self.answer_as, answer_as)
        return [(self.detail, _detail), (self.advanced, heading), *headings, form, *translated]

    def of(self, name: str) -> Component:
        """The control of the setting `name`."""
        return next(
            c
            for spec, c in zip(self.setting_specs, self.components, strict=True)
            if spec.name == name
        )


def level_of(defaults: DefaultSettings) -> str | None:
    """The level of detail that `max_tokens` is with these settings, as assets/js/settings/detail.js says."""
    most, bound = defaults.vision.max_tokens, defaults.bounds.get("max_tokens")
    high = MAX_IMAGE_TOKENS if bound is None or bound.high is None else int(bound.high)
    order = ("high", *DETAIL)
    return next((level for level in order if min(DETAIL[level] or high, high) == most), None)


def _heading(group: str, texts: Texts) -> gr.Accordion:
    return gr.Accordion(label=texts.groups[group])


def _relabelled(component: type[Component], spec: SettingSpec, texts: Texts) -> Component:
    return component(**labels(spec, texts))


def _detail(texts: Texts) -> gr.Radio:
    return gr.Radio(_levels(texts), label=texts.picture_detail, info=texts.picture_detail_help)


def _levels(texts: Texts) -> list[tuple[str, str]]:
    return [(texts.details[level], level) for level in DETAIL]


def build_controls(defaults: DefaultSettings, texts: Texts) -> Controls:
    """Lay out the controls in the current block, with these settings as their values."""
    specs = {spec.name: spec for spec in defaults.setting_specs}
    built: dict[str, Component] = {}

    def build(names: Sequence[str]) -> None:
        built.update((name, control(specs[name], specs[name].default, texts)) for name in names)

    detail = gr.Radio(
        _levels(texts),
        label=texts.picture_detail,
        info=texts.picture_detail_help,
        value=level_of(defaults),
        elem_id="detail",
        interactive=True,
    )
    build(SIMPLE)
    advanced = gr.HTML(heading(texts))
    headings = {}
    for group, rows in ADVANCED.items():
        # Open, because Gradio draws nothing of a group that is built closed; a script closes it.
        with gr.Accordion(texts.groups[group], open=True) as headings[group]:
            if group == "data":
                form = gr.HTML(answer_as(texts), elem_id="answer-as")
            for row in rows:
                with gr.Row() if len(row) > 1 else nullcontext():
                    build(row)
    components = tuple(built[spec.name] for spec in SETTING_SPECS)
    return Controls(detail, advanced, SETTING_SPECS, components, headings, form)


def heading(texts: Texts) -> str:
    """Above the groups that are folded."""
    return f"<h3>{texts.advanced}</h3>"


def control(spec: SettingSpec, value: Any, texts: Texts) -> Component:
    """The control that fits a setting: a number that may be empty cannot be a slider."""
    options: dict[str, Any] = {
        "value": value,
        "elem_id": element_id(spec.name),
        "interactive": True,
        **labels(spec, texts),
    }
    if spec.kind == "bool":
        return gr.Checkbox(**options)
    if spec.kind in ("str", "json"):
        return gr.Textbox(lines=2, max_lines=12, **options)
    if spec.optional:
        return gr.Number(step=spec.step, min_width=80, **options)
    return gr.Slider(spec.low, spec.high, step=spec.step, **options)


def element_id(name: str) -> str:
    return name.replace("_", "-")
