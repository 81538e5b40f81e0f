"""How the page's events are chained: what follows an answer, a change of the message, a change of a setting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from ui.gradio_compat import bound
from ui.handlers.chat import following
from ui.page.elements import Page
from ui.state.registry import Tabs

# At each update of any event, Gradio's page copies the value of every component that shows progress: by default all outputs,
# so the whole conversation at each update of an answer.
UNSHOWN: dict[str, Any] = {
    "show_progress": "hidden",
    "show_progress_on": [],
    "api_visibility": "private",
}
UNQUEUED: dict[str, Any] = {**UNSHOWN, "queue": False}
# Gradio silently drops an event while its last run has not finished. The end of an answer may come while the next message
# is being sent.
UNQUEUED_EVERY: dict[str, Any] = {**UNQUEUED, "trigger_mode": "multiple"}
UNQUEUED_LATEST: dict[str, Any] = {**UNQUEUED, "trigger_mode": "always_last"}
# For events that last as long as an answer.
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
# Presses a hidden button as soon as Gradio has drawn it.
PRESS = """const press = (button) => {
    const found = document.querySelector(button);
    found ? found.click() : setTimeout(press, 100, button);
  };"""
FOLLOW_OR_PRICE = f"""(conversation, tray) => {{
  {PRESS}
  if (conversation && JSON.parse(conversation).answering) press('#follow');
  else qwenVlChat.price(tray, true);
  return [];
}}"""


@dataclass(frozen=True)
class Events:
    """The chains of events that several features share.

    read_ahead: whether what is attached is read before it is sent; demo: whether the bundled checkpoint answers.
    """

    page: Page
    tabs: Tabs
    blocks: gr.Blocks
    read_ahead: bool
    demo: bool

    def bind(self, handler: Callable[..., Any]) -> Any:
        """A handler with the tabs as its first argument."""
        return bound(handler, self.tabs)

    def price_after(self, after: Callable[..., Any], read_ahead: bool = True) -> None:
        """After an event, show what the message costs, and read ahead. The browser asks the server only if something is
        attached.
        """
        tray, read = self.page.view.tray, str(read_ahead).lower()
        price = f"(tray) => {{ qwenVlChat.price(tray, {read}); return [] }}"
        after(None, tray, None, js=price, **UNQUEUED_EVERY)

    def draw_after(self, after: Any) -> Any:
        """After an event, draw the new part of the conversation. Returns `after`."""
        view, chatbot = self.page.view, self.page.talk.chatbot
        draw = "(sent, messages, live) => qwenVlChat.draw(sent, messages, live)"
        after.then(
            None,
            [view.conversation, chatbot, view.live],
            [chatbot, view.live],
            js=draw,
            **UNQUEUED_EVERY,
        )
        return after

    def update_after(self, after: Any) -> None:
        """After an event whose outputs are a `View`: draw it, update the composer, and follow the answer. Without a running
        answer, show what the message costs.
        """
        view = self.page.view
        self.draw_after(after)
        texts = [view.taken, view.rewritten, view.returned]
        after.then(None, texts, None, js=COMPOSE, **UNQUEUED_EVERY)
        after.then(None, [view.conversation, view.tray], None, js=FOLLOW_OR_PRICE, **UNQUEUED_EVERY)

    def restore_after(self, restored: Any) -> None:
        """After an event whose outputs are a `View` and the settings of an earlier conversation."""
        page = self.page
        self.draw_after(restored)
        play = self.bind(following.play_clips)
        self.draw_after(
            restored.then(play, page.values.key, page.view.conversation, **STREAMED_EVERY)
        )
        self.price_after(self.gather_at(restored.then).then)

    def gather_at(self, event: Callable[..., Any]) -> Any:
        """At `event`, take over the values of the controls as settings."""
        gather = "(...values) => qwenVlChat.gatherSettings(values)"
        controls = list(self.page.sidebar.controls.components)
        return event(None, controls, self.page.values.settings, js=gather, **UNQUEUED)

    def gather_on(self, triggers: list[Callable[..., Any]]) -> Any:
        """The same at any of several events."""
        return self.gather_at(partial(gr.on, triggers))
