"""Another checkpoint is chosen, and the page shows how far it is loaded."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from model.errors import DemoError
from ui.gradio_compat import posted
from ui.handlers.page_tab import tab_of
from ui.html import page_update
from ui.html.bar import banner as banner_html
from ui.html.bar import checkpoint as checkpoint_html
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab


class ModelView(NamedTuple):
    """What a page shows of what runs. The same names hold components when the page is wired."""

    choice: Any
    banner: Any
    loading: Any  # the timer that polls until the model is loaded


def model_view(tab: Tab) -> ModelView:
    """All of it."""
    checkpoints, status = tab.checkpoints, tab.backend.status()
    return ModelView(
        checkpoint_html.choice(checkpoints.names, tab.checkpoint, tab.texts),
        banner_html.banner(status, tab.texts, named=checkpoints.several),
        # A checkpoint may fail before anybody looks: then the next look falls back.
        gr.Timer(active=status.state == "loading" or tab.choice_failed),
    )


async def choose(tabs: Tabs, key: str, event: gr.EventData) -> tuple[Any, ...]:
    """Let another checkpoint answer from the next message on. Loading it counts as a message."""
    tab = tab_of(tabs, key)
    try:
        name = str(posted(event).get("name"))
        if name != tab.checkpoint:
            tabs.rates.admit(tab.presence.asker.address)
            tab.choose(name)
    except DemoError as error:
        tab.chat.warn(error.sentence)
    return *model_view(tab), page_update.run_state(tab), page_update.notice(tab)


async def watch_loading(tabs: Tabs, key: str) -> tuple[Any, ...]:
    """The same while a model loads. If it cannot be loaded, the page goes on with the one before."""
    tab = tab_of(tabs, key)
    fell_back = tab.fall_back()
    view = model_view(tab)
    # While it loads, a person may have the menu open. At the end it is drawn: the answer to the choice may have come late.
    if tab.backend.status().state == "loading":
        view = view._replace(choice=gr.skip())
    notice = page_update.notice(tab) if fell_back else gr.skip()
    return *view, page_update.run_state(tab), notice
