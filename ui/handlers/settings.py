"""The defaults and bounds of a checkpoint, for the page's controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from model.settings import SETTING_SPECS, DefaultSettings, SettingSpec
from ui.handlers.page_tab import tab_of
from ui.state.registry import Tabs


async def start_settings(tabs: Tabs, key: str, start: Mapping[str, Any]) -> list[Any]:
    """The checkpoint's defaults and bounds, if the page has others: it was loaded or chosen after the page had been built."""
    # A page that has just been loaded has no key yet.
    defaults = tabs.defaults_of(tab_of(tabs, key).backend if key else tabs.backend)
    if (now := started(defaults)) == start:
        return [gr.skip()] * (1 + len(SETTING_SPECS))
    return [now, *bounded(defaults)]


def started(defaults: DefaultSettings) -> dict[str, Any]:
    """The defaults and bounds as JSON."""
    bounds = {name: [found.low, found.high, found.step] for name, found in defaults.bounds.items()}
    return {"values": list(defaults.values.values()), "bounds": bounds}


def bounded(defaults: DefaultSettings) -> list[Any]:
    """Updates of the controls' bounds, in the order of the table."""
    return [_bounded(spec) for spec in defaults.setting_specs]


def _bounded(spec: SettingSpec) -> Any:
    if spec.kind not in ("int", "float"):
        return gr.skip()
    if spec.optional:
        return gr.Number(step=spec.step)
    return gr.Slider(minimum=spec.low, maximum=spec.high, step=spec.step)
