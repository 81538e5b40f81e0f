"""The end of an answer that is being written: what the next characters may turn into something else waits for them.

So a page shows no half of a link, a table or a formula, and takes nothing back.
"""

from __future__ import annotations

import re

from ui.html.syntax.formulas import ENVIRONMENT, closing_of, is_formula, may_become_formula

MAX_LOOKED_AT = 4_000  # characters at the end
MAX_HELD_LINK = 500
MAX_HELD_FORMULA = 2_000
MAX_HELD_HEAD = 80  # characters behind a bar in a line that does not begin with one
_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}(?=[^`]*$)|~{3,})")
# The beginning of a line that has nothing but marks yet, or a number that may become one of a list.
_MARKS = re.compile(
    r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?"
    r"(?:[-=*_+#~`|:. \t>]*|\d{1,9}[.)]?|\[[ xX]?\]?|\\)[ \t]*"
)
MAX_MARKS = 60
_DELIMITER_ROW = re.compile(r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t:|-]*)?")
_BEGUN_ENVIRONMENT = re.compile(r"\\(?:begin\{[A-Za-z]{0,9}\*?|b?e?g?i?n?)")
_BAR = re.compile(r" \|(?: |$)")
_CODE_OR_FORMULA = re.compile(r"`[^`]*`|\$[^$]*\$|\\\((?:(?!\\\().)*?\\\)")
_SPECIAL = re.compile(r"\\[\s\S]?|`+|\$\$?|\[|<|&")
_TAG = re.compile(r"<[^\s<>]{0,200}")
_ENTITY = re.compile(r"&#?\w{0,31}")


def settled(text: str) -> tuple[str, bool]:
    """`text` without what may still change, and whether it ends within a block of code.

    An end that is missing, but certain to come, is added.
    """
    text = text.removesuffix("\r")
    fence, behind = _fences(text)
    if fence:
        lines, _, last = text.rpartition("\n")
        marks = last.strip(" \t>")
        opens = _fences(lines)[0] != fence
        may_close = bool(marks) and fence.startswith(marks)
        return (f"{lines}\n" if opens or may_close else text), not opens
    # What is left of a line without the marks at its end may be marks as well.
    code, text = text[:behind], text[behind:]
    shown = _inline(_without_table_head(_without_marks(text)))
    return code + _without_marks(shown), False


def _without_marks(text: str) -> str:
    lines, _, last = text.rpartition("\n")
    if len(last) > MAX_MARKS or not _MARKS.fullmatch(last):
        return text
    # A backslash before the end of a line breaks the line once another one follows.
    lines = lines.removesuffix("\\")
    return f"{lines}\n" if lines else ""


def _fences(text: str) -> tuple[str, int]:
    """The fence of the code that is open at the end, and where the last code that is closed has its end."""
    fence, behind, end = "", 0, 0
    for line in text.split("\n"):
        end += len(line) + 1
        mark = _FENCE.match(line)
        if not fence:
            fence = mark[1] if mark else ""
        elif (marks := line.strip(" \t>")).startswith(fence) and not marks.strip(fence[0]):
            fence, behind = "", min(end, len(text))
    return fence, behind


def _without_table_head(text: str) -> str:
    """A line with columns is a table's if a row of dashes follows it."""
    lines = text.removesuffix("\n").split("\n")
    head = lines[-1]
    at = _bar(head)
    if at < 0:
        return text
    for line in reversed(lines):
        if not line.strip():
            break
        if _DELIMITER_ROW.fullmatch(line):
            return text  # it is a row of one
    return "".join(f"{line}\n" for line in lines[:-1]) + head[:at]


def _bar(line: str) -> int:
    """From where on it waits; -1 if it is no table's."""
    if line.lstrip(" \t>").startswith("|"):
        return 0
    bar = _BAR.search(_CODE_OR_FORMULA.sub(lambda found: "x" * len(found[0]), line))
    return bar.start() if bar and len(line) - bar.start() <= MAX_HELD_HEAD else -1


def _inline(text: str) -> str:
    paragraph = text.rfind("\n\n", max(0, len(text) - MAX_LOOKED_AT)) + 1
    at = max(paragraph, len(text) - MAX_LOOKED_AT)
    shown = None
    while shown is None and (found := _SPECIAL.search(text, at)):
        at, shown = _over(text, found)
    shown = text if shown is None else shown
    # Whether they begin or end an emphasis depends on what follows.
    marked = shown.rstrip("*_~")
    escaped = len(marked) < len(shown) and marked.endswith("\\")
    return marked[:-1] if escaped else marked


def _over(text: str, found: re.Match[str]) -> tuple[int, str | None]:
    """Where reading goes on; or what is shown when it ends here."""
    mark, start = found[0], found.start()
    if mark in ("\\(", "\\[", "$$"):
        closing = {"\\(": "\\)", "\\[": "\\]"}.get(mark, mark)
        return _to(text, found, text.find(closing, found.end()), MAX_HELD_FORMULA, len(closing))
    if mark[0] == "\\":
        return _over_backslash(text, found)
    if mark[0] == "`":
        return _over_code(text, found)
    if mark == "$":
        return _over_dollar(text, found)
    if mark == "[":
        return _over_bracket(text, found)
    begun = (_TAG if mark == "<" else _ENTITY).match(text, start)
    ends = begun is not None and begun.end() == len(text)
    return found.end(), (text[:start] if ends else None)


def _over_backslash(text: str, found: re.Match[str]) -> tuple[int, str | None]:
    start = found.start()
    if text[max(0, start - MAX_MARKS) : start].rpartition("\n")[2].strip(" \t>"):
        return found.end(), (text[:start] if text.endswith("\\") and found[0] == "\\" else None)
    environment = ENVIRONMENT.match(text, start)
    if environment:
        closing = closing_of(environment[0])
        return _to(text, environment, text.find(closing, start), MAX_HELD_FORMULA, len(closing))
    begun = _BEGUN_ENVIRONMENT.match(text, start)
    return found.end(), (text[:start] if begun and begun.end() == len(text) else None)


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
    row = text[text.rfind("\n", 0, found.start()) + 1 : found.start()].lstrip(" \t>")
    if "|" in code and row.startswith("|"):  # it divides cells where the code has no end
        return found.end(), text[: found.start()]
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
