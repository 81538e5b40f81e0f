"""The choice of a checkpoint, where there are several."""

from __future__ import annotations

import html
import secrets
from collections.abc import Sequence

from ui.text.texts import Texts


def choice(names: Sequence[str], chosen: str, texts: Texts) -> str:
    """A menu of the names; nothing for one alone."""
    if len(names) < 2:
        return ""
    # It differs each time, so that a refused choice is taken back on the page, too.
    return (
        f'<select data-drawn="{secrets.token_hex(4)}" aria-label="{html.escape(texts.checkpoint)}" '
        f'title="{html.escape(texts.checkpoint)}">{options(names, chosen)}</select>'
    )


def options(names: Sequence[str], chosen: str) -> str:
    """The entries of a menu."""
    return "".join(
        f'<option value="{html.escape(name)}"{" selected" if name == chosen else ""}>'
        f"{html.escape(name)}</option>"
        for name in names
    )
