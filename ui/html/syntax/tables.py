"""Tables of an answer, in which no text is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_block.table import escapedSplit
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from ui.html.syntax.formulas import is_formula

# A noncharacter, which no answer contains, stands for a bar that divides no cells.
BAR = "\ufdd6"
_DELIMITER_ROW = re.compile(r"[ \t>]*[|:-][|:\- \t]*")
_WHOLE = re.compile(
    r"(?<![`\\])(`+)(?!`).{1,1000}?(?<!`)\1(?!`)|\\\((?:(?!\\\().)+?\\\)"
    r"|(?<![$\\])\$([^$]+)\$(?![$\w])"
)
_BARE_BAR = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)


def table_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """GFM's tables, except that a bar in code or in a formula divides no cells, and that no cell is left out.

    What GFM leaves out, the cells for which the head has no column, stays in the row's last one.
    """
    if start + 1 >= end or not _DELIMITER_ROW.fullmatch(_line(state, start + 1)):
        return table(state, start, end, silent)
    source, before = state.src, len(state.tokens)
    state.src = _masked(state, start, start + 2)
    found = table(state, start, end, True)
    if found and not silent:
        state.src = _masked(state, start, end)
        table(state, start, end, False)
        _keep_all(state, state.tokens[before:])
    state.src = source
    for token in state.tokens[before:]:
        token.content = token.content.replace(BAR, "|")
    return found


def break_rule(state: StateInline, silent: bool) -> bool:
    """`<br>` in a cell, whose text has one line."""
    found = _BREAK.match(state.src, state.pos) if state.env.get("in_cell") else None
    if not found:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _masked(state: StateBlock, start: int, end: int) -> str:
    """The source with `BAR` for each bar within code and formulas of these lines, up to an empty one."""
    last = start
    while last + 1 < end and not state.isEmpty(last + 1):
        last += 1
    begin, close = state.bMarks[start], state.eMarks[last]
    if not _WHOLE.search(state.src, begin, close):
        return state.src
    lines = state.src[begin:close].split("\n")
    masked = "\n".join(_WHOLE.sub(_without_bars, line) for line in lines)
    return state.src[:begin] + masked + state.src[close:]


def _without_bars(whole: re.Match[str]) -> str:
    if whole[2] and not is_formula(whole[2]):
        return whole[0]
    return _BARE_BAR.sub(BAR, whole[0])


def _keep_all(state: StateBlock, tokens: list[Token]) -> None:
    columns = sum(token.type == "th_open" for token in tokens)
    for row, cells in _rows(tokens):
        said = escapedSplit(_line(state, row).strip())
        said = said[said[:1] == [""] :]
        said = said[: len(said) - (said[-1:] == [""])]
        if len(said) > columns == len(cells):
            cells[-1].content = "|".join(said[columns - 1 :]).strip()


def _rows(tokens: list[Token]) -> Iterator[tuple[int, list[Token]]]:
    """The number of each row's line, and its cells."""
    row: tuple[int, list[Token]] = 0, []
    for token in tokens:
        if token.type == "tr_open" and token.map:
            row = token.map[0], []
        elif token.type == "inline":
            row[1].append(token)
        elif token.type == "tr_close":
            yield row
