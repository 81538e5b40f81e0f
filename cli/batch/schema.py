"""The schema of answers, from the command line: the schema itself, or the name of its file."""

from __future__ import annotations

from pathlib import Path


def schema(text: str) -> str:
    """Return the schema's text. Raises `ValueError` for a file that cannot be read."""
    if not text.strip() or text.lstrip().startswith("{"):
        return text
    try:
        return Path(text).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(text) from error
