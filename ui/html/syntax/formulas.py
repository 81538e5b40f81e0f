r"""Formulas in an answer: `\(…\)`, `\[…\]`, `$$…$$` and `$…$`, as rules of the Markdown parser.

The page's KaTeX sets only what stands between delimiters that no answer can contain, so what is a formula is decided
here alone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from ui.html.syntax.segments import FENCE

MARK = "\u2063"  # invisible separator: without KaTeX the source is shown in its usual delimiters
DELIMITERS = [
    {"left": f"{MARK}\\[", "right": f"\\]{MARK}", "display": True},
    {"left": f"{MARK}\\(", "right": f"\\){MARK}", "display": False},
]
# Browsers draw each level within the one around it, by recursion: a few hundred levels crash the tab.
MAX_DEPTH = 50
MAX_LENGTH = 5_000
CLOSING = {"\\(": "\\)", "\\[": "\\]", "$$": "$$", "$": "$"}  # by what opens a formula
# What LaTeX sets as a formula without any delimiters.
ENVIRONMENT = re.compile(
    r"\\begin\{((?:equation|align|alignat|aligned|alignedat|gather|gathered|split|cases|array|[bBpvV]?matrix|CD)\*?)\}"
)
_LEVEL = re.compile(r"\\(?:begin|left|end|right)\b|\\.|[{}]", re.DOTALL)
_DEEPER, _HIGHER = ("{", "\\begin", "\\left"), ("}", "\\end", "\\right")
_CHAIN = re.compile(rf"(?:\\[A-Za-z]+\s*+){{{MAX_DEPTH}}}")  # `\sqrt\sqrt…` nests without braces
# Lengths that would cover the page, and macros, in which any length may be built.
_LARGE = re.compile(
    r"(?<!\\text)(?<!\\mathrm)[{\[]\s*+[-+]?\s*+(?:\d{3}[\d.]*+\s*+[a-z]{2}|\d\d[\d.]*+\s*+(?:em|ex|cm|in|pc|dd|cc))\s*+[}\]]"
    r"|\\(?:kern|mkern|hskip|mskip)\s*+[-+]?\s*+\d\d"
    r"|\\(?:[gex]?def|global|let|futurelet|(?:re|provide)?(?:newcommand|command))\b"
)
_WORD = re.compile(r"(?!(?:sin|cos|tan|log|exp|max|min|lim|mod|det|gcd|sup|inf)\b)[A-Za-z]{3,}")
_CITED = re.compile(r"[\d\s,–-]+")
_AFTER = ("", ".", ",", ";", ":", "。", "，")  # what may follow a formula on its line


def is_formula(content: str) -> bool:
    """Whether `$content$` is a formula, and not a text between two prices or two variables of a shell."""
    if not content or content[0].isspace() or content[-1] in " \t\n\\" or "\n" in content:
        return False
    if content[0].isdigit() and re.search(r"(?<![\\A-Za-z])[A-Za-z]{2,}", content):
        return False
    if any(mark in content for mark in "\\^_{"):
        return True
    return content.isascii() and not _WORD.search(content)


def may_become_formula(begun: str) -> bool:
    """Whether `$begun`, which has no end yet, may become one."""
    if not begun:
        return True
    if "\n" in begun or begun[0].isspace():
        return False
    if any(mark in begun for mark in "\\^_{"):
        return True
    return begun.isascii() and not re.search(r"[A-Za-z]{2,}\s|^\d[\d.,]*\s+[A-Za-z]{2}", begun)


def can_be_set(content: str) -> bool:
    """Whether a browser can draw it."""
    if len(content) > MAX_LENGTH or _CHAIN.search(content) or _LARGE.search(content):
        return False
    return _depth(content) <= MAX_DEPTH


def _depth(content: str) -> int:
    depth = deepest = 0
    for found in _LEVEL.finditer(content):
        depth += (found[0] in _DEEPER) - (found[0] in _HIGHER)
        deepest = max(deepest, depth)
    return deepest


def escape(text: str) -> str:
    """Text for HTML of the page, whose Markdown has a word for a formula while it parses."""
    return html.escape(text).replace("LATEX_BLOCK", "LATEX&#95;BLOCK")


def to_html(content: str, *, display: bool) -> str:
    """What KaTeX finds and sets. An empty line would end the page's block of HTML."""
    ends = DELIMITERS[0 if display else 1]
    escaped = escape(content).replace("\n", "&#10;")
    return f"{ends['left']}{escaped}{ends['right']}"


def inline_rule(state: StateInline, silent: bool) -> bool:
    """A formula within a line."""
    if state.src[state.pos] not in "\\$":
        return False
    opening = state.src[state.pos : state.pos + 2]
    if opening in CLOSING:
        return _between(state, silent, opening, CLOSING[opening])
    return opening[0] == "$" and _between_dollars(state, silent)


def _between(state: StateInline, silent: bool, opening: str, closing: str) -> bool:
    start = state.pos + 2
    if state.html_terminator_last(closing) < start:
        return False
    end = state.src.find(closing, start, state.posMax)
    content = state.src[start:end] if end >= 0 else ""
    # `\[1\]` is a bracket in which a model has escaped the brackets.
    if not content.strip() or (opening == "\\[" and _CITED.fullmatch(content)):
        return False
    _push(state, silent, content, opening, end + 2)
    return True


def _between_dollars(state: StateInline, silent: bool) -> bool:
    start = state.pos + 1
    end = state.src.find("$", start, state.posMax)
    content = state.src[start:end] if end >= 0 else ""
    if not is_formula(content) or _is_word(state.src[end + 1 : end + 2]):
        return False
    if _is_word(state.src[state.pos - 1 : state.pos] if state.pos else ""):
        return False
    _push(state, silent, content, "$", end + 1)
    return True


def _is_word(character: str) -> bool:
    return character == "$" or (character.isascii() and character.isalnum())


def _push(state: StateInline, silent: bool, content: str, markup: str, end: int) -> None:
    if not silent:
        token = state.push("formula_inline", "", 0)
        token.content, token.markup = content, markup
    state.pos = end


def block_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A formula that has its lines for itself."""
    if state.is_code_block(start):
        return False
    opening = _opening(_line(state, start))
    lines = _formula_lines(state, start, end, opening) if opening else []
    if not lines:
        return False
    if not silent:
        token = state.push("formula_block", "", 0)
        token.content, token.markup, token.block = _content(lines, opening), opening, True
        token.map = [start, start + len(lines)]
    state.line = start + len(lines)
    return True


def _opening(line: str) -> str:
    if line.startswith(("$$", "\\[")):
        return line[:2]
    environment = ENVIRONMENT.match(line)
    return environment[0] if environment else ""


def closing_of(opening: str) -> str:
    return CLOSING.get(opening) or opening.replace("\\begin", "\\end")


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _formula_lines(state: StateBlock, start: int, end: int, opening: str) -> list[str]:
    """From the opening to the line that ends with the closing; empty if there is none, or nothing between them."""
    lines: list[str] = []
    filled = False
    for number in range(start, end):
        if state.isEmpty(number) or state.sCount[number] < state.blkIndent:
            return []
        line = _line(state, number)
        lines.append(line)
        rest = line if number > start else line[len(opening) :]
        before, closing, after = rest.partition(closing_of(opening))
        if closing:
            return lines if after.strip() in _AFTER and (filled or before.strip()) else []
        filled = filled or bool(rest.strip())
        # Given up where another one begins, so that no line is read twice.
        if opening in rest.replace("\\\\", "") or FENCE.match(line):
            return []
    return []


def _content(lines: Sequence[str], opening: str) -> str:
    whole = "\n".join(lines)
    if opening not in CLOSING:
        return whole
    before, _, after = whole[2:].rpartition(CLOSING[opening])
    return before.strip() + after.strip()
