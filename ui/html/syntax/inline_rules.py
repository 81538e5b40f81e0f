"""Where this project's Markdown differs from CommonMark within a line: emphasis, names with underscores, addresses."""

from __future__ import annotations

import re
import unicodedata

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter, Scanned
from markdown_it.token import Token
from markdown_it.utils import EnvType

MAX_HELD = 60  # characters after a star that waits for its partner
MAX_OPEN_EMPHASIS = 300  # characters that are shown as an emphasis before its end is there
MAX_OPEN = 16  # markers that are taken for the beginnings of emphases
_NAME = re.compile(r"__[a-z][a-z0-9_]*+(?<=[a-z0-9]__)(?!\w)")
_BEGUN_NAME = re.compile(r"[a-z0-9_]*")
_SCHEME = re.compile(r"(?<![A-Za-z0-9])https?$", re.IGNORECASE)
# Korean particles and Chinese sentences follow an address without a space.
_ADDRESS = re.compile(r"://[A-Za-z0-9\[][!#-;=?-Z\]_a-z~]*")


class State(StateInline):
    """Stars beside Chinese, Japanese and Korean, and stars that multiply."""

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803
        """Which ends of an emphasis the run of markers at `start` can be.

        As CommonMark has it, except that CJK text needs no space around an emphasis that begins or ends with
        punctuation (the rule of markdown-cjk-friendly), and that a run between two ASCII letters or digits begins
        none: `2*3*4`.
        """
        end = start
        while end < self.posMax and self.src[end] == self.src[start]:
            end += 1
        before = self.src[start - 1] if start else " "
        after = self.src[end] if end < self.posMax else " "
        opens = _joins(after, before)
        closes = _joins(before, after)
        if not canSplitWord:
            opens, closes = (
                opens and (not closes or _is_punctuation(before)),
                closes and (not opens or _is_punctuation(after)),
            )
        return Scanned(
            opens and not (_is_ascii_word(before) and _is_ascii_word(after)), closes, end - start
        )


def _joins(inner: str, outer: str) -> bool:
    """Whether a run between the two belongs to `inner`."""
    if isWhiteSpace(ord(inner)):
        return False
    if _is_cjk(inner) or not _is_punctuation(inner):
        return True
    return isWhiteSpace(ord(outer)) or _is_punctuation(outer) or _is_cjk(outer)


def _is_punctuation(character: str) -> bool:
    return isMdAsciiPunct(ord(character)) or isPunctChar(character)


def _is_cjk(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WFH"


def _is_ascii_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


class Inline(ParserInline):
    """Parses with `State`."""

    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def name_rule(state: StateInline, silent: bool) -> bool:
    """`__init__` is a name, not an emphasis."""
    if state.src[state.pos] != "_" or (state.pos and re.match(r"\w", state.src[state.pos - 1])):
        return False
    name = _NAME.match(state.src, state.pos, state.posMax)
    if not name:
        return False
    if not silent:
        state.push("text", "", 0).content = name[0]
    state.pos = name.end()
    return True


def address_rule(state: StateInline, silent: bool) -> bool:
    """An address in a text is a link, up to the punctuation that ends the sentence."""
    if silent or state.linkLevel or state.src[state.pos] != ":":
        return False
    scheme = _SCHEME.search(state.pending[-6:])
    found = _ADDRESS.match(state.src, state.pos, state.posMax) if scheme else None
    if not scheme or not found:
        return False
    rest = _without_sentence_end(found[0])
    href = state.md.normalizeLink(scheme[0] + rest)
    if not rest[3:] or not state.md.validateLink(href):
        return False
    state.pending = state.pending[: -len(scheme[0])]
    state.push("link_open", "a", 1).attrs = {"href": href}
    state.push("text", "", 0).content = scheme[0] + rest
    state.push("link_close", "a", -1)
    state.pos += len(rest)
    return True


def _without_sentence_end(address: str) -> str:
    end = len(address)
    opened = address.count("(") - address.count(")")
    while end and address[end - 1] in "?!.,:;*_~'\")]":
        if address[end - 1] == ")":
            if opened >= 0:
                break
            opened += 1
        end -= 1
    return address[:end]


def unfinished_rule(state: StateInline) -> None:
    """An emphasis that has no end yet in an answer that is being written.

    Two markers are taken for the beginning they most likely are, up to the end of their line. One alone may as well
    be a star, so that what follows it waits for a while for its partner.
    """
    if not state.env.get("unfinished"):
        return
    closed_until, still_open = -1, list[int]()
    for number, delimiter in enumerate(state.delimiters):
        closed_until = max(closed_until, delimiter.end)
        if not delimiter.open or delimiter.end >= 0 or number < closed_until:
            continue
        if _waits(state, delimiter):
            del state.tokens[delimiter.token :], state.tokens_meta[delimiter.token :]
            del state.delimiters[number:]
            break
        if delimiter.length != 1:
            still_open.append(number)
    if len(still_open) <= MAX_OPEN:
        for opener in [state.delimiters[n] for n in reversed(still_open) if _may_close(state, n)]:
            _close(state, opener)


def _may_close(state: StateInline, number: int) -> bool:
    """Whether an end may still come: nothing that looks like one has come, and the line goes on."""
    opener = state.delimiters[number]
    after = state.tokens[opener.token + 1 :]
    if any(token.type in ("softbreak", "hardbreak") for token in after):
        return False
    if sum(len(token.content) for token in after) > MAX_OPEN_EMPHASIS:
        return False
    closers = {delimiter.end for delimiter in state.delimiters}
    return not any(
        other.marker == opener.marker
        and other.end < 0
        and later not in closers
        and other.token - opener.token > later - number  # of another run
        for later, other in enumerate(state.delimiters[number + 1 :], number + 1)
    )


def _waits(state: StateInline, opener: Delimiter) -> bool:
    marker = chr(opener.marker)
    # As many tokens as may wait have at least as many characters, but for the marks between them.
    tokens = state.tokens[opener.token + 1 : opener.token + 3 * MAX_HELD]
    after = "".join(token.content for token in tokens).lstrip(marker)
    if marker == "_" and opener.length == 2:
        return bool(_BEGUN_NAME.fullmatch(after))
    return not after or (opener.length == 1 and len(after) <= MAX_HELD)


def _close(state: StateInline, opener: Delimiter) -> None:
    token = state.push("text", "", 0)
    token.content = state.tokens[opener.token].content
    opener.end = len(state.delimiters)
    state.delimiters.append(
        Delimiter(
            marker=opener.marker,
            length=opener.length,
            token=len(state.tokens) - 1,
            end=-1,
            open=False,
            close=True,
        )
    )
