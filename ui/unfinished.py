"""The end of an answer that is being written: what the next characters may turn into something else waits for them.

So a page shows no half of a link, a table or a formula, and takes nothing back.
"""

from __future__ import annotations

import re

from ui.formulas import is_formula, may_become_formula

MAX_LOOKED_AT = 4_000  # characters at the end
MAX_HELD_LINK = 500
MAX_HELD_FORMULA = 2_000
_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}(?=[^`]*$)|~{3,})")
# The beginning of a line that has nothing but marks yet, or a number that may become one of a list.
_MARKS = re.compile(
    r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?"
    r"(?:[-=*_+#~`|:. \t>]*|\d{1,9}[.)]?|\[[ xX]?\]?|\\)[ \t]*"
)
MAX_MARKS = 60
_DELIMITER_ROW = re.compile(r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t:|-]*)?")
_SPECIAL = re.compile(r"\\[\s\S]?|`+|\$\$?|\[|<|&")
_TAG = re.compile(r"<[^\s<>]{0,200}")
_ENTITY = re.compile(r"&#?\w{0,31}")


def settled(text: str) -> tuple[str, bool]:
    """`text` without what may still change, and whether it ends within a block of code.

    An end that is missing, but certain to come, is added.
    """
    text = text.removesuffix("\r")
    fence = _open_fence(text)
    if fence:
        lines, _, last = text.rpartition("\n")
        marks = last.strip(" \t>")
        opens = _open_fence(lines) != fence
        may_close = bool(marks) and fence.startswith(marks)
        return (f"{lines}\n" if opens or may_close else text), not opens
    # What is left of a line without the marks at its end may be marks as well.
    shown = _inline(_without_table_head(_without_marks(text)))
    return _without_marks(shown), False


def _without_marks(text: str) -> str:
    lines, _, last = text.rpartition("\n")
    if len(last) > MAX_MARKS or not _MARKS.fullmatch(last):
        return text
    # A backslash before the end of a line breaks the line once another one follows.
    lines = lines.removesuffix("\\")
    return f"{lines}\n" if lines else ""


def _open_fence(text: str) -> str:
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if not fence:
            fence = mark[1] if mark else ""
        elif (marks := line.strip(" \t>")).startswith(fence) and not marks.strip(fence[0]):
            fence = ""
    return fence


def _without_table_head(text: str) -> str:
    """A line with columns is a table's if a row of dashes follows it."""
    lines = text.removesuffix("\n").split("\n")
    head = lines[-1]
    if not (head.lstrip(" \t>").startswith("|") or " | " in f"{head} "):
        return text
    for line in reversed(lines):
        if not line.strip():
            break
        if _DELIMITER_ROW.fullmatch(line):
            return text  # it is a row of one
    return "".join(f"{line}\n" for line in lines[:-1])


def _inline(text: str) -> str:
    paragraph = text.rfind("\n\n", max(0, len(text) - MAX_LOOKED_AT)) + 1
    at = max(paragraph, len(text) - MAX_LOOKED_AT)
    while found := _SPECIAL.search(text, at):
        at, shown = _over(text, found)
        if shown is not None:
            return shown
    marked = text.rstrip("*_~")
    escaped = len(marked) < len(text) and marked.endswith("\\")
    return marked[:-1] if escaped else marked


def _over(text: str, found: re.Match[str]) -> tuple[int, str | None]:
    """Where reading goes on; or what is shown when it ends here."""
    mark, start = found[0], found.start()
    if mark in ("\\(", "\\[", "$$"):
        closing = {"\\(": "\\)", "\\[": "\\]"}.get(mark, mark)
        return _to(text, found, text.find(closing, found.end()), MAX_HELD_FORMULA, len(closing))
    if mark[0] == "\\":
        return found.end(), (text[:start] if found.end() == len(text) and mark == "\\" else None)
    if mark[0] == "`":
        return _over_code(text, found)
    if mark == "$":
        return _over_dollar(text, found)
    if mark == "[":
        return _over_bracket(text, found)
    begun = (_TAG if mark == "<" else _ENTITY).match(text, start)
    ends = begun is not None and begun.end() == len(text)
    return found.end(), (text[:start] if ends else None)


def _to(
    text: str, found: re.Match[str], end: int, limit: int, length: int
) -> tuple[int, str | None]:
    """Over what ends at `end`, or to its beginning, where it waits for its end."""
    if end >= 0:
        return end + length, None
    held = len(text) - found.start() <= limit
    return found.end(), (text[: found.start()] if held else None)


def _over_code(text: str, found: re.Match[str]) -> tuple[int, str | None]:
    closing = re.compile(rf"(?<!`){found[0]}(?!`)").search(text, found.end())
    if closing:
        return closing.end(), None
    code = text[found.end() :].rstrip("`\\")  # in a table, a backslash may belong to a bar
    if "\n" in code:
        return found.end(), None
    return found.end(), (
        text[: found.end()] + code + found[0] if code.strip() else text[: found.start()]
    )


def _over_dollar(text: str, found: re.Match[str]) -> tuple[int, str | None]:
    end = text.find("$", found.end())
    if end < 0:
        begun = text[found.end() :]
        held = len(begun) <= MAX_HELD_LINK and may_become_formula(begun)
        return found.end(), (text[: found.start()] if held else None)
    if not is_formula(text[found.end() : end]):
        return found.end(), None
    # What follows tells whether it is one.
    return end + 1, (text[: found.start()] if end + 1 == len(text) else None)


def _over_bracket(text: str, found: re.Match[str]) -> tuple[int, str | None]:
    """A link waits for its address."""
    start = found.start() - (text[found.start() - 1 : found.start()] == "!")
    end = _closing(text, found.start(), "[", "]")
    if end > 0 and text[end : end + 1] == "(":
        end = _closing(text, end, "(", ")")
    elif 0 < end < len(text):
        return found.end(), None
    if 0 < end < len(text) or (end == len(text) and text[end - 1] == ")"):
        return end, None
    held = len(text) - start <= MAX_HELD_LINK and "\n" not in text[start:]
    return found.end(), (text[:start] if held else None)


def _closing(text: str, start: int, opening: str, closing: str) -> int:
    """Behind what closes the bracket at `start` on its line; -1 if nothing does."""
    depth = 0
    for at in range(start, min(len(text), start + MAX_HELD_LINK)):
        if text[at] == "\n":
            return -1
        depth += (text[at] == opening) - (text[at] == closing)
        if not depth:
            return at + 1
    return -1
