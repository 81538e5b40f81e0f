"""The parser of answers: CommonMark with tables, formulas and `~~`, without HTML, pictures and link definitions."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, list_block
from markdown_it.rules_core import StateCore

from ui import formulas
from ui.inline_rules import Inline, address_rule, name_rule, unfinished_rule

MAX_NESTING = 60  # levels of lists and quotes
MAX_INLINE_NESTING = 30  # emphases in one another; browsers draw each within the one around it
MAX_PARAGRAPH = 10_000  # characters; a longer one is not parsed
_SCHEMES = ("http", "https", "mailto")
_YEAR = re.compile(r"\d{4,9}[.)]")


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802
        return is_safe_link(url)


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    made = _Parser()
    made.inline = Inline()
    made.configure("commonmark", {"html": False, "breaks": True, "maxNesting": MAX_NESTING})
    made.enable(["table", "strikethrough"])
    made.disable(["image", "html_block", "html_inline", "reference"])
    made.block.ruler.at("list", _list_rule, {"alt": ["paragraph", "reference", "blockquote"]})
    made.block.ruler.before(
        "fence",
        "formula",
        formulas.block_rule,
        {"alt": ["paragraph", "reference", "blockquote", "list"]},
    )
    made.inline.ruler.before("escape", "formula", formulas.inline_rule)
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


def _inline_rule(state: StateCore) -> None:
    """The contents of each block; the last one may go on."""
    unfinished = bool(state.env.get("unfinished"))
    numbers = [number for number, token in enumerate(state.tokens) if token.type == "inline"]
    for number in numbers:
        token = state.tokens[number]
        if len(token.content) > MAX_PARAGRAPH:
            state.env["too_long"] = True
            return
        last = number == numbers[-1] and all(t.nesting < 0 for t in state.tokens[number + 1 :])
        token.children = []
        env = {"unfinished": unfinished and last}
        state.md.inline.parse(token.content, state.md, env, token.children)
        if any(child.level > MAX_INLINE_NESTING for child in token.children):
            state.env["too_deep"] = True
