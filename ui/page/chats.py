"""The chats that a browser keeps: how its scripts are told of the conversation, and bring one back."""

from __future__ import annotations

from ui.handlers import chats
from ui.page.events import UNQUEUED, UNQUEUED_EVERY, Events


def wire_chats(events: Events) -> None:
    """Do nothing where no chats are kept."""
    page, values = events.page, events.page.values
    if page.bar.chats is None:
        return
    kept = page.bar.chats.keep(events.bind(chats.keep), values.key, values.kept, **UNQUEUED_EVERY)
    reply = "(told) => { qwenVlChat.chatsReply(JSON.parse(told)); return [] }"
    kept.then(None, values.kept, None, js=reply, **UNQUEUED_EVERY)
    outputs = [values.reopened, *page.view, *page.sidebar.controls.components]
    reopened = page.bar.chats.reopen(events.bind(chats.reopen), values.key, outputs, **UNQUEUED)
    reopened.then(None, values.reopened, None, js=reply, **UNQUEUED_EVERY)
    events.restore_after(reopened)
