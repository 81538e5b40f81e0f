"""A model's answer as HTML that nothing in the answer can act through.

markdown-it-py parses it; what is text, code, a formula or a link is known from its tokens. Gradio's Markdown
on the page gets blocks of finished HTML, which it leaves as they are, and blocks of code, which it highlights.
Knows nothing of Gradio's Python side.
"""

from __future__ import annotations

import copy
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markdown_it.token import Token

from ui import formulas
from ui.grounding_tokens import hidden
from ui.markdown_parser import MAX_NESTING, parser
from ui.seeking import Clips, Link
from ui.segments import segments
from ui.token_html import literal, written
from ui.unfinished import settled

MAX_SEGMENT = 100_000  # characters; what is longer is shown as text
MAX_CACHED = 8_000
# A growing part that is long is shown in steps of so many characters.
LONG, STEP = 4_000, 400
# Overrides of direction, which reach past the words they are for, and what marks the ends of formulas.
_REMOVED = re.compile(f"[\u202a-\u202e\u2066-\u2069{formulas.MARK}]")


def to_html(answer: str, seen: Clips | None = None, *, arriving: bool = False) -> str:
    """HTML for `gr.Markdown` and `gr.Chatbot`, an empty line between its blocks.

    seen: clips whose moments become links. arriving: the answer goes on; what its next characters may turn
    into something else is held back.
    """
    parts = segments(hidden(_REMOVED.sub("", answer.replace("\r\n", "\n"))))
    if not arriving or not parts:
        return "".join(_part(part, _Reading(seen)) for part in parts).strip("\n")
    growing, in_code = settled(_in_steps(parts.pop()))
    shown = "".join(_part(part, _Reading(seen, arriving=True)) for part in parts)
    end = _part(growing, _Reading(seen, arriving=True, unfinished=True, in_code=in_code))
    return f"{shown}{_open_ended(end)}".lstrip("\n")


@dataclass(frozen=True)
class _Reading:
    """What is known of a part of an answer."""

    seen: Clips | None
    arriving: bool = False
    unfinished: bool = False  # it is the last part, and goes on
    in_code: bool = False  # it goes on within a block of code


def _open_ended(written: str) -> str:
    """Without the closing tags, which a browser adds itself: an answer grows at its end, and only that is sent."""
    shown = written.rstrip()
    while (
        shown.endswith(">")
        and (tag := shown.rfind("</")) >= 0
        and shown.find(">", tag) == len(shown) - 1
    ):
        shown = shown[:tag].rstrip()
    return shown


def _in_steps(growing: str) -> str:
    if len(growing) < LONG:
        return growing
    end = growing.rfind("\n", 0, len(growing) // STEP * STEP)
    return growing[: end + 1] if end > LONG // 2 else growing


def _part(text: str, reading: _Reading) -> str:
    if reading.seen is None and not reading.unfinished and len(text) <= MAX_CACHED:
        return _cached(text, arriving=reading.arriving)
    return _to_html(text, reading)


@lru_cache(maxsize=2048)
def _cached(text: str, *, arriving: bool) -> str:
    return _to_html(text, _Reading(None, arriving=arriving))


def _to_html(text: str, reading: _Reading) -> str:
    tokens = _parsed(text, unfinished=reading.unfinished)
    if tokens is None:
        return _plain(text)
    if reading.seen:
        _link_moments(tokens, reading.seen)
    blocks = "\n".join(_blocks(tokens, reading))
    return f"{blocks}\n" if blocks else ""


def _parsed(text: str, *, unfinished: bool) -> list[Token] | None:
    """None: too long or too deep to be read in time."""
    if len(text) > MAX_SEGMENT:
        return None
    env: dict[str, Any] = {"unfinished": unfinished}
    tokens = parser().parse(text, env)
    too_deep = any(token.level >= MAX_NESTING - 1 for token in tokens)
    return None if too_deep or "too_long" in env else tokens


def _plain(text: str) -> str:
    return f'<p dir="auto">{literal(text)}</p>\n\n'


def _blocks(tokens: list[Token], reading: _Reading) -> Iterator[str]:
    """Each block that stands in no other."""
    start = 0
    for number, token in enumerate(tokens, 1):
        if token.level or token.nesting > 0:
            continue
        block, start = tokens[start:number], number
        if block[0].nesting:
            block[0].attrSet("dir", "auto")
        open_code = reading.in_code and number == len(tokens)
        # Half a diagram cannot be drawn, and a whole one would be drawn again in the finished answer.
        shown = written(block, None if open_code else reading.seen, draw=not reading.arriving)
        yield shown.rstrip("\n") + "\n"


def _link_moments(tokens: Sequence[Token], seen: Clips) -> None:
    """Moments that the texts of each block name become links. Not in code, formulas and links."""
    for token in tokens:
        if token.type == "inline" and token.children:
            token.children = list(_linked(token.children, seen))


def _linked(children: Sequence[Token], seen: Clips) -> Iterator[Token]:
    texts = list(_texts(children))
    links = deque(seen.links("".join(texts)))
    start = 0
    for token, text in zip(children, texts, strict=True):
        end = start + len(text)
        inside: list[Link] = []
        while links and links[0].start < end:
            link = links.popleft()
            if start <= link.start and link.end <= end:
                inside.append(link)
        yield from _split(token, inside, start) if inside else (token,)
        start = end


def _texts(children: Sequence[Token]) -> Iterator[str]:
    """What each token says in which moments are looked for; spaces for what is left alone."""
    in_link = 0
    for token in children:
        if token.type in ("link_open", "link_close"):
            in_link += token.nesting
        said = token.type == "text" and not in_link
        yield token.content if said else " " * len(token.content) or "\n" * (token.tag == "br")


def _split(token: Token, links: Sequence[Link], offset: int) -> Iterator[Token]:
    at = 0
    for link in links:
        start, end = link.start - offset, link.end - offset
        yield _text(token, token.content[at:start])
        opening = Token("link_open", "a", 1, attrs={"href": link.address}, meta={"moment": True})
        yield from (opening, _text(token, token.content[start:end]), Token("link_close", "a", -1))
        at = end
    yield _text(token, token.content[at:])


def _text(token: Token, content: str) -> Token:
    made = copy.copy(token)
    made.content = content
    return made
