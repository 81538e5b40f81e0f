"""Which way a text reads."""

from __future__ import annotations

import re

_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")


def without_overrides(text: str) -> str:
    """Without the characters that turn the text behind them round; each letter knows its own direction."""
    return _OVERRIDES.sub("", text)
