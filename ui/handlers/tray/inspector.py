"""Handlers of the dialog of one item: its resolution, its place, regions of it; and of Fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from model.backend import Estimate
from model.conversation import Image
from model.errors import DemoError, LocalizedText
from model.families import of_key
from model.settings import GenerationSettings, VisionSettings
from ui.gradio_compat import posted
from ui.handlers.page_tab import tab_of
from ui.html import inspector, page_update
from ui.media.model_view import frame_views, picture_view
from ui.state.registry import Tabs
from ui.state.tab.draft import Fit, drafted
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment
from ui.state.tray.fitting import MAX_ESTIMATES, fitted
from ui.state.tray.regions import pointed_at
from ui.state.tray.resolution import resolution_of


async def inspect(
    tabs: Tabs, key: str, text: str, event: gr.EventData, settings: Mapping[str, Any]
) -> tuple[str, str]:
    """An operation on an item, or on all of them. Returns the dialog's content and the tray."""
    tab = tab_of(tabs, key)
    asked = posted(event)
    item = tab.draft.item(asked.get("id"))
    try:
        chosen = tabs.chosen(settings, tab.backend)
        vision, generation = chosen.vision, chosen.generation
        match asked:
            case {"op": "set_resolution"} if item:
                item = tab.draft.set_resolution(item, resolution_of(asked))
            case {"op": "move", "places": -1 | 1 as places} if item:
                tab.draft.move(item, places)
            case {"op": "point"}:
                tab.draft.places.add(pointed_at(asked, tab.draft.context, tab.chat.attachments))
                item = None  # the dialog has closed
            case {"op": "fit"}:
                tabs.rates.admit_look(tab.presence.asker.address, MAX_ESTIMATES)
                tab.draft.fit = await _fit(tabs, tab, asked.get("budget"), text, vision, generation)
            case {"op": "undo_fit"}:
                tab.draft.undo_fit()
        if item:
            tabs.rates.admit_look(tab.presence.asker.address)
        view = await _view_of(tabs, tab, item, vision, generation) if item else None
    except DemoError as error:
        view = _problem(tab, item, error.sentence) if item else None
        if not item:
            tab.draft.refusals.append(error.sentence)
    labels = {item.id: label for item, label in tab.draft.numbered}
    # The item may have been removed meanwhile.
    if not view or view.item.id not in labels:
        return "", page_update.tray(tab)
    return inspector.dialog(view, labels[view.item.id], tab.texts), page_update.tray(tab)


def _problem(tab: Tab, item: Attachment, problem: LocalizedText) -> inspector.InspectorView:
    token_px = of_key(tab.convention).geometry.token_px
    return inspector.InspectorView(item, token_px=token_px, problem=problem)


async def _view_of(
    tabs: Tabs, tab: Tab, item: Attachment, vision: VisionSettings, generation: GenerationSettings
) -> inspector.InspectorView:
    """Raises `DemoError`."""
    items = list(tab.draft.tray)
    asked = drafted(tab.draft.context, items, "", vision)
    assert asked
    room, backend = tabs.background.room(tab), tab.backend

    def view() -> inspector.InspectorView:
        estimate = backend.estimate(asked, generation)
        cost = estimate.items[len(estimate.items) - len(items) + items.index(item)]
        part = item.part(vision)
        if isinstance(part, Image):
            paths = [picture_view(part, cost.resized, room)]
        else:
            paths = frame_views(part, cost.resized, cost.times, room)
        return inspector.InspectorView(item, vision, cost, paths, estimate.token_px)

    made = await tabs.background.run(tab, view)
    tabs.made(tab, made.view_paths)
    return made


async def _fit(
    tabs: Tabs,
    tab: Tab,
    budget: object,
    text: str,
    vision: VisionSettings,
    generation: GenerationSettings,
) -> Fit:
    """Lower the resolution of everything in the tray until the message fits into the context, or into
    `budget` tokens. Returns what it did, in a sentence. Raises `DemoError`.
    """
    before, items, backend = tab.draft.context, list(tab.draft.tray), tab.backend

    def estimate(trial: Sequence[Attachment]) -> Estimate:
        asked = drafted(before, trial, text, vision)
        return backend.estimate(asked or before, generation)

    def fit() -> list[Attachment] | None:
        context = estimate(items).context_tokens
        room = context - min(generation.max_new_tokens, context // 4)
        if type(budget) is int and budget > 0:
            room = min(budget, room) if context else budget
        elif not context:
            raise DemoError("The server does not say how much it holds; name the most tokens.")
        return fitted(items, lambda trial: estimate(trial).prompt_tokens, room)

    lowered = await tabs.background.run(tab, fit)
    if lowered is None:
        raise DemoError("It does not fit at any resolution; take something out or start over.")
    if lowered == items:
        return Fit(LocalizedText("It fits already."))
    if tab.draft.tray != items:
        return Fit("")  # something came in meanwhile
    tab.draft.tray[:] = lowered
    counts = await tabs.background.run(
        tab, lambda: [estimate(tray).prompt_tokens for tray in (items, lowered)]
    )
    message = LocalizedText(
        "Reduced from {before:,} to {after:,} tokens.", before=counts[0], after=counts[1]
    )
    return Fit(message, tuple(items))
