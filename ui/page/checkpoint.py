"""The checkpoint is chosen and loaded, and the settings take its defaults and bounds."""

from __future__ import annotations

from typing import Any

from ui.handlers import checkpoint, settings
from ui.handlers.checkpoint import ModelView
from ui.page.elements import Page
from ui.page.events import UNQUEUED, UNQUEUED_EVERY, Events


def model_of(page: Page) -> ModelView:
    """The components that show what runs."""
    return ModelView(page.bar.checkpoint, page.bar.banner, page.loading)


def wire_checkpoint(events: Events, opened: Any) -> None:
    """A checkpoint is chosen, or the chosen one is being loaded. opened: the event of opening the page."""
    page = events.page
    shown = [*model_of(page), page.view.run_state, page.view.notice]
    key = page.values.key
    choose = events.bind(checkpoint.choose)
    chosen = page.bar.checkpoint.choose(choose, key, shown, **UNQUEUED_EVERY)
    watched = page.loading.tick(events.bind(checkpoint.watch_loading), key, shown, **UNQUEUED)
    started = wire_start_settings(events, chosen)
    events.price_after(started.then)
    loaded = wire_start_settings(events, watched)
    if events.tabs.checkpoints.several:
        events.price_after(loaded.then, read_ahead=False)  # choosing reads ahead already
        wire_start_settings(events, opened)  # a tab that is opened again may have chosen


def wire_start_settings(events: Events, event: Any) -> Any:
    """After an event, the settings take the defaults and bounds of the checkpoint, if it has others. Returns the end."""
    page, start = events.page, events.page.values.start
    controls = list(page.sidebar.controls.components)
    inputs = [page.values.key, start]
    told = event.then(events.bind(settings.start_settings), inputs, [start, *controls], **UNQUEUED)
    keep = "(start, ...values) => qwenVlChat.startSettings(start.values, values)"
    started = told.then(None, [start, *controls], controls, js=keep, **UNQUEUED)
    return events.gather_at(started.then)
