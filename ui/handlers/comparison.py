"""Handlers of the comparison: one message under two settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, get_args

import gradio as gr

from model.backend import Backend
from model.conversation import Conversation
from model.errors import DemoError
from model.grounding import Convention
from model.settings import DefaultSettings
from ui.gradio_compat import posted
from ui.handlers.frames import until_news
from ui.handlers.page_tab import tab_of
from ui.html import comparison as comparison_html
from ui.html import messages as messages_html
from ui.state.differences import differences
from ui.state.registry import Tabs
from ui.state.tab.comparison import CHECKPOINT, Comparison, overrides_of, side
from ui.state.tab.draft import Prepared
from ui.state.tab.tab import Tab


async def show_comparison(
    tabs: Tabs, key: str, language: str, event: gr.EventData, settings: Mapping[str, Any]
) -> tuple[str, str]:
    """The form and the comparison so far: the page shows them, perhaps again."""
    tab = tab_of(tabs, key)
    tab.language = language
    if tab.comparison:
        tab.comparison.expect_follower()
    overrides = overrides_of(posted(event).get("sides"))
    if tab.comparison and not any(overrides):
        overrides = tab.comparison.overrides
    setting_specs = tabs.defaults_of(tab.backend).setting_specs
    values = {t.name: settings.get(t.name, t.default) for t in setting_specs}
    values[CHECKPOINT] = tab.checkpoint
    names = tab.checkpoints.names
    form = comparison_html.form(values, overrides, tab.texts, setting_specs, names)
    return form, await _shown(tabs, tab)


async def compare(
    tabs: Tabs, key: str, text: str, event: gr.EventData, settings: Mapping[str, Any]
) -> str:
    """Have the message in the composer answered under two settings. It stays in the composer."""
    tab = tab_of(tabs, key)
    try:
        if not tab.draft.tray and not text.strip():
            raise DemoError("The message is empty; give it a text or a file.")
        overrides = overrides_of(posted(event).get("sides"))
        drafts = {known: tab.draft.prepared(text, known) for known in get_args(Convention)}
        draft = drafts.__getitem__
        first, second = (
            side(
                override,
                partial(_asked, tabs, draft, {**settings, **override}),
                tab.checkpoints,
                tab.checkpoint,
            )
            for override in overrides
        )
        tabs.compare(tab, Comparison(first, second))
    except DemoError as error:
        tab.not_compared = error.sentence
    return await _shown(tabs, tab)


def _asked(
    tabs: Tabs,
    draft: Callable[[Convention], Prepared],
    settings: Mapping[str, Any],
    backend: Backend,
) -> tuple[Conversation, DefaultSettings]:
    by_name = {name: value for name, value in settings.items() if name != CHECKPOINT}
    chosen = tabs.chosen(by_name, backend)
    asked = draft(backend.status().convention)(chosen.vision)
    assert asked, "the message is empty"
    return asked, chosen


async def follow(tabs: Tabs, key: str) -> AsyncIterator[str]:
    """Both sides as they grow, while one after the other is answered."""
    tab = tab_of(tabs, key)
    while tab.comparison and (run := tab.comparison.run):
        with run.followed():
            while run.live and tab.comparison:
                shown = run.version
                yield await _shown(tabs, tab)
                await until_news(tabs, run, shown)
    yield await _shown(tabs, tab)


async def stop(tabs: Tabs, key: str) -> None:
    """Stop both sides."""
    tab = tab_of(tabs, key)
    if tab.comparison:
        tab.comparison.stop()


async def _shown(tabs: Tabs, tab: Tab) -> str:
    comparison = tab.comparison
    marked = None
    if comparison and all(side.complete for side in comparison.sides):
        answers = [messages_html.readable(side.run.text) for side in comparison.sides if side.run]
        marked = await tabs.background.run(tab, partial(differences, *answers))
    refusal = messages_html.notice(tab.texts.said(tab.not_compared))
    return refusal + comparison_html.results(comparison, tab.chat.attachments, tab.texts, marked)
