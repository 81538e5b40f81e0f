"""A Markdown text in parts that can be parsed one by one, so that a growing answer is not parsed anew from its start."""

from __future__ import annotations

import re

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_ITEM = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")


def segments(text: str) -> list[str]:
    """Parts that mean alone what they mean together: `"".join(segments(text)) == text`.

    A part ends where nothing can reach over: at an empty line outside of code before a line that is not indented.
    """
    parts: list[str] = []
    lines: list[str] = []
    fence, empty, listed = "", False, False
    for line in _LINE.findall(text):
        item = bool(_ITEM.match(line))
        # An item after an empty line goes on with the list before it.
        if empty and not fence and line[0] not in " \t\n" and not (item and listed):
            parts.append("".join(lines))
            lines, listed = [], False
        lines.append(line)
        listed = listed or item
        empty = not line.strip(" \t\n")
        fence = _fence_after(line, fence)
    if lines:
        parts.append("".join(lines))
    return parts


def _fence_after(line: str, fence: str) -> str:
    """The fence of the block of code that is open after this line; empty outside of code."""
    mark = FENCE.match(line.rstrip("\n"))
    if not fence:
        return mark[1] if mark else ""
    closes = mark and mark[1].startswith(fence) and not line.strip().strip(fence[0])
    return "" if closes else fence
