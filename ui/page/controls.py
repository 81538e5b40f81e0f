"""The sidebar's controls, generated from the one table of settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from model.settings import TUNABLES, DefaultSettings, Tunable
from ui.text.setting_labels import GROUPS, labels
from ui.text.texts import Texts


@dataclass(frozen=True)
class Controls:
    """One control for each setting, in the order of the table."""

    tunables: tuple[Tunable, ...]
    components: tuple[Component, ...]
    headings: dict[str, gr.Accordion]

    def relabelled(self, texts: Texts) -> list[Any]:
        """Updates of the headings and the controls, in the order of `labelled`."""
        headings = [gr.Accordion(label=texts.groups[group]) for group in self.headings]
        return headings + [
            type(component)(**labels(tunable, texts))
            for tunable, component in zip(self.tunables, self.components, strict=True)
        ]

    @property
    def labelled(self) -> list[Any]:
        return [*self.headings.values(), *self.components]


def build_controls(defaults: DefaultSettings, texts: Texts) -> Controls:
    """Lay out the controls in the current block, with these settings as their values."""
    built: dict[str, Component] = {}
    headings: dict[str, gr.Accordion] = {}
    for group in GROUPS:
        with gr.Accordion(texts.groups[group], open=group in ("image", "answer")) as heading:
            headings[group] = heading
            for tunable in defaults.tunables:
                if tunable.group == group:
                    built[tunable.name] = control(tunable, tunable.default, texts)
    return Controls(TUNABLES, tuple(built[t.name] for t in TUNABLES), headings)


def control(tunable: Tunable, value: Any, texts: Texts) -> Component:
    """The control that fits a setting: a number that may be empty cannot be a slider."""
    known: dict[str, Any] = {
        "value": value,
        "elem_id": element_id(tunable.name),
        "interactive": True,
        **labels(tunable, texts),
    }
    if tunable.kind == "bool":
        return gr.Checkbox(**known)
    if tunable.kind == "str":
        return gr.Textbox(lines=3, max_lines=12, **known)
    if tunable.optional:
        return gr.Number(step=tunable.step, **known)
    return gr.Slider(tunable.low, tunable.high, step=tunable.step, **known)


def element_id(name: str) -> str:
    return name.replace("_", "-")
