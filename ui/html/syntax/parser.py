"""The parser of answers: CommonMark with tables, formulas and `~~`, without HTML, pictures and link definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, lheading, list_block
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from ui.html.syntax import formulas
from ui.html.syntax.inline_rules import Inline, address_rule, name_rule, unfinished_rule
from ui.html.syntax.tables import break_rule, table_rule

MAX_NESTING = 60  # levels of lists and quotes
MAX_INLINE_NESTING = 30  # emphases in one another; browsers draw each within the one around it
MAX_PARAGRAPH = 10_000  # characters; a longer one is not parsed
_SCHEMES = ("http", "https", "mailto")
_UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*")
_YEAR = re.compile(r"\d{4,9}[.)]")


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802
        return is_safe_link(url)


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    made = _Parser()
    made.inline = Inline()
    made.configure("commonmark", {"html": False, "maxNesting": MAX_NESTING})
    made.enable(["table", "strikethrough"])
    made.disable(["image", "html_block", "html_inline", "reference"])
    made.block.ruler.at("table", table_rule, {"alt": ["paragraph", "reference"]})
    made.block.ruler.at("lheading", _heading_rule)
    made.block.ruler.at("list", _list_rule, {"alt": ["paragraph", "reference", "blockquote"]})
    made.block.ruler.before(
        "fence",
        "formula",
        formulas.block_rule,
        {"alt": ["paragraph", "reference", "blockquote", "list"]},
    )
    made.inline.ruler.before("escape", "formula", formulas.inline_rule)
    made.inline.ruler.before("autolink", "break", break_rule)
    made.inline.ruler.before("emphasis", "name", name_rule)
    made.inline.ruler.before("link", "address", address_rule)
    made.inline.ruler2.after("balance_pairs", "unfinished", unfinished_rule)
    made.core.ruler.at("inline", _inline_rule)
    return made


def is_safe_link(address: str) -> bool:
    """Whether an answer may link to it. Gradio's `/logout` ends a session by being opened."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme.lower() in _SCHEMES and "logout" not in parts.path.lower().split("/")


def _list_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A line that begins with a year begins no list: `2024. It was good.`"""
    begin = state.bMarks[start] + state.tShift[start]
    if _YEAR.match(state.src, begin, state.eMarks[start]):
        return False
    return list_block(state, start, end, silent)


def _heading_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Only one line is underlined to be a heading: below several, as of a receipt, stands a rule."""
    if start + 1 >= end:
        return False
    begin = state.bMarks[start + 1] + state.tShift[start + 1]
    if not _UNDERLINE.fullmatch(state.src, begin, state.eMarks[start + 1]):
        return False
    return lheading(state, start, end, silent)


def _inline_rule(state: StateCore) -> None:
    """The contents of each block; the last one may go on."""
    last = _growing(state.tokens) if state.env.get("unfinished") else -1
    for number, token in enumerate(state.tokens):
        if token.type != "inline":
            continue
        if len(token.content) > MAX_PARAGRAPH:
            state.env["too_long"] = True
            return
        token.children = []
        in_cell = state.tokens[number - 1].type in ("td_open", "th_open")
        env = {"unfinished": number == last, "in_cell": in_cell}
        state.md.inline.parse(token.content, state.md, env, token.children)
        token.children = list(_seen_links(token.children))
        if any(child.level > MAX_INLINE_NESTING for child in token.children):
            state.env["too_deep"] = True


def _seen_links(children: list[Token]) -> Iterator[Token]:
    """A link without a text shows its address; one without an address is none."""
    address, before = "", ""
    for token in children:
        if token.type == "link_open":
            address = str(token.attrs.get("href") or "")
            yield token if address else _said("[")
        elif token.type == "link_close":
            if address and before == "link_open":
                yield _said(address)
            yield token if address else _said("]()")
        else:
            yield token
        before = token.type


def _said(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _growing(tokens: list[Token]) -> int:
    """The number of the inline token that the end of the text belongs to; -1 if that is none."""
    for number in range(len(tokens) - 1, -1, -1):
        token = tokens[number]
        if token.type == "inline" and token.content:
            return number
        # A row that has begun has empty cells until they are written.
        if not (token.nesting < 0 or token.type in ("td_open", "inline")):
            break
    return -1
