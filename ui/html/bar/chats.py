"""The button that opens the list of chats. A script draws the list (assets/js/chats/panel.js)."""

from __future__ import annotations

import html

from ui.text.texts import Texts


def entry(texts: Texts) -> str:
    """A button in the bar."""
    name = html.escape(texts.chats)
    return (
        f'<button type="button" aria-label="{name}" title="{name}" aria-expanded="false" aria-controls="chats">'
        "</button>"
    )
