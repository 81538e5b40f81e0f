"""The page's style sheet: a file for each feature, joined when the page starts."""

from __future__ import annotations

from ui import ASSETS

FOLDER = ASSETS / "css"
# Of two rules that say the same of an element, the later one holds.
ORDER = (
    "base", "bar", "conversation", "answers", "grounding", "data", "stats", "examples", "composer", "tasks", "cost", "tray",
    "edit_box", "notices", "dialog", "inspector", "reproduce", "comparison", "settings", "chats", "touch",
)  # fmt: skip


def style_sheet() -> str:
    """All files as one text, which comes with the page and costs no request."""
    return "\n".join((FOLDER / f"{name}.css").read_text(encoding="utf-8") for name in ORDER)
