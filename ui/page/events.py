"""How the page's events are chained: what follows an answer, a change of the message, a change of a setting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from ui.gradio_compat import bound
from ui.page.elements import Page
from ui.state.registry import Tabs

# At each update of any event Gradio's page copies the whole value of every component that ever was to show progress,
# by default of every output: the conversation, at every piece of an answer.
UNSHOWN: dict[str, Any] = {
    "show_progress": "hidden",
    "show_progress_on": [],
    "api_visibility": "private",
}
UNQUEUED: dict[str, Any] = {**UNSHOWN, "queue": False}
# Gradio drops an event without a word while its last run is still on its way: the end of an answer may be,
# while the next message goes out.
UNQUEUED_EVERY: dict[str, Any] = {**UNQUEUED, "trigger_mode": "multiple"}
UNQUEUED_LATEST: dict[str, Any] = {**UNQUEUED, "trigger_mode": "always_last"}
# Events that last as long as an answer.
STREAMED_EVERY: dict[str, Any] = {
    **UNSHOWN,
    "concurrency_limit": None,
    "trigger_mode": "multiple",
}
COMPOSE = """(taken, rewritten, returned) => {
  qwenVlChat.sent(taken);
  if (rewritten !== null) qwenVlChat.rewrite(rewritten);
  qwenVlChat.giveBack(returned);
  return [];
}"""
# Presses a hidden button, as soon as Gradio has drawn it.
PRESS = """const press = (button) => {
    const found = document.querySelector(button);
    found ? found.click() : setTimeout(press, 100, button);
  };"""
FOLLOW_OR_PRICE = f"""(log, tray) => {{
  {PRESS}
  if (log && JSON.parse(log).answering) press('#follow');
  else qwenVlChat.price(tray, true);
  return [];
}}"""


@dataclass(frozen=True)
class Events:
    """The chains that several features of one page share. Each takes the event that it follows.

    read_ahead: whether what is attached is read before it is sent.
    """

    page: Page
    tabs: Tabs
    blocks: gr.Blocks
    read_ahead: bool

    def bind(self, handler: Callable[..., Any]) -> Any:
        """A handler with the tabs as its first argument."""
        return bound(handler, self.tabs)

    def price_after(self, after: Callable[..., Any], read_ahead: bool = True) -> None:
        """After an event, show what the message costs now, and read what is attached while the person is still
        typing. The browser asks the server only where something is attached.
        """
        tray, read = self.page.view.tray, str(read_ahead).lower()
        price = f"(tray) => {{ qwenVlChat.price(tray, {read}); return [] }}"
        after(None, tray, None, js=price, **UNQUEUED_EVERY)

    def draw_after(self, after: Any) -> Any:
        """Have the page add what is new of the conversation to what it has. Returns `after`."""
        view, chatbot = self.page.view, self.page.talk.chatbot
        draw = "(sent, messages, live) => qwenVlChat.draw(sent, messages, live)"
        after.then(None, [view.log, chatbot, view.live], [chatbot, view.live], js=draw, **UNQUEUED_EVERY)
        return after

    def update_after(self, after: Any) -> None:
        """After a handler that gives a `View`: draw it, change what is in the composer, and follow the answer. Where
        none is being written, show what the message costs.
        """
        view = self.page.view
        self.draw_after(after)
        texts = [view.taken, view.rewritten, view.returned]
        after.then(None, texts, None, js=COMPOSE, **UNQUEUED_EVERY)
        after.then(None, [view.log, view.tray], None, js=FOLLOW_OR_PRICE, **UNQUEUED_EVERY)

    def gather_at(self, event: Callable[..., Any]) -> Any:
        """At `event`, the values of the controls become the settings."""
        gather = "(...values) => qwenVlChat.gatherSettings(values)"
        controls = list(self.page.sidebar.controls.components)
        return event(None, controls, self.page.values.settings, js=gather, **UNQUEUED)

    def gather_on(self, triggers: list[Callable[..., Any]]) -> Any:
        """The same at any of several events."""
        return self.gather_at(partial(gr.on, triggers))
