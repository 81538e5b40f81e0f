"""The settings that a checkpoint starts with, and the bounds that it has, for the page's controls."""

from __future__ import annotations

from typing import Any

import gradio as gr

from model.settings import DefaultSettings, Tunable


def started(defaults: DefaultSettings) -> dict[str, Any]:
    """What the page needs to know of them, as JSON; equal if nothing about the controls differs."""
    bounds = {name: [found.low, found.high, found.step] for name, found in defaults.bounds.items()}
    return {"values": list(defaults.values.values()), "bounds": bounds}


def bounded(defaults: DefaultSettings) -> list[Any]:
    """Updates of the controls' bounds, in the order of the table."""
    return [_bounded(tunable) for tunable in defaults.tunables]


def _bounded(tunable: Tunable) -> Any:
    if tunable.kind not in ("int", "float"):
        return gr.skip()
    if tunable.optional:
        return gr.Number(step=tunable.step)
    return gr.Slider(minimum=tunable.low, maximum=tunable.high, step=tunable.step)
