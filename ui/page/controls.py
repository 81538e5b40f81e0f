"""The sidebar's controls, generated from the one table of settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from model.settings import SETTING_SPECS, DefaultSettings, SettingSpec
from ui.text.setting_labels import GROUPS, labels
from ui.text.texts import Texts

OPEN_AT_FIRST = ("image", "answer")
# A component, and its update in a language.
Translation = tuple[Any, Callable[[Texts], Any]]


@dataclass(frozen=True)
class Controls:
    """One control for each setting, in the order of the table."""

    setting_specs: tuple[SettingSpec, ...]
    components: tuple[Component, ...]
    headings: dict[str, gr.Accordion]

    @property
    def closed_at_first(self) -> list[gr.Accordion]:
        """The groups to close as soon as the page is drawn. Gradio draws nothing of a group that is built closed, and
        each setting is to be in the DOM from the start.
        """
        return [heading for group, heading in self.headings.items() if group not in OPEN_AT_FIRST]

    def translations(self) -> list[Translation]:
        """The headings and the controls, each with its update in a language."""
        headings = [(heading, partial(_heading, group)) for group, heading in self.headings.items()]
        controls = zip(self.setting_specs, self.components, strict=True)
        return [*headings, *((c, partial(_relabelled, type(c), t)) for t, c in controls)]


def _heading(group: str, texts: Texts) -> gr.Accordion:
    return gr.Accordion(label=texts.groups[group])


def _relabelled(component: type[Component], spec: SettingSpec, texts: Texts) -> Component:
    return component(**labels(spec, texts))


def build_controls(defaults: DefaultSettings, texts: Texts) -> Controls:
    """Lay out the controls in the current block, with these settings as their values."""
    built: dict[str, Component] = {}
    headings: dict[str, gr.Accordion] = {}
    for group in GROUPS:
        with gr.Accordion(texts.groups[group], open=True) as heading:
            headings[group] = heading
            for spec in defaults.setting_specs:
                if spec.group == group:
                    built[spec.name] = control(spec, spec.default, texts)
    return Controls(SETTING_SPECS, tuple(built[t.name] for t in SETTING_SPECS), headings)


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
    if spec.kind == "str":
        return gr.Textbox(lines=3, max_lines=12, **options)
    if spec.optional:
        return gr.Number(step=spec.step, **options)
    return gr.Slider(spec.low, spec.high, step=spec.step, **options)


def element_id(name: str) -> str:
    return name.replace("_", "-")
