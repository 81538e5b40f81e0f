"""A model's answer as HTML that nothing in the answer can act through.

markdown-it-py parses it; what is text, code, a formula or a link is known from its tokens. Gradio's Markdown
on the page gets blocks of finished HTML, which it leaves as they are, and blocks of code, which it highlights.
Knows nothing of Gradio's Python side.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from markdown_it.token import Token

from ui.html.markdown.bare_json import fenced
from ui.html.markdown.kept_html import KeptHtml
from ui.html.markdown.timestamps import Clips, ClipsState, Link
from ui.html.markdown.token_html import literal, written
from ui.html.syntax import formulas
from ui.html.syntax.grounding_tokens import hidden
from ui.html.syntax.parser import MAX_NESTING, parser
from ui.html.syntax.segments import segments
from ui.html.syntax.unfinished import settled
from ui.text.direction import without_overrides

MAX_SEGMENT = 100_000  # characters; what is longer is shown as text
MAX_KEPT = 20_000_000  # characters of HTML
MAX_KEPT_GROWING = 1_000_000
# A growing part that is long is shown in steps, each at least so many characters.
LONG, MIN_STEP = 4_000, 400
_KEPT = KeptHtml[ClipsState | None](MAX_KEPT)
_KEPT_GROWING = KeptHtml[ClipsState | None](MAX_KEPT_GROWING)


def to_html(answer: str, clips: Clips | None = None, *, arriving: bool = False) -> str:
    """The answer as HTML for `gr.Markdown` and `gr.Chatbot`, with an empty line between blocks.

    clips: clips whose moments become links. arriving: the answer goes on; what its next characters may turn
    into something else is held back.
    """
    state = clips.state if clips else None
    if arriving:
        return _growing(answer, state)
    return _KEPT.get((answer, state), lambda: (_finished(answer, state), None))[0]


@dataclass(frozen=True)
class _Reading:
    """One part of an answer, and how it is read."""

    state: ClipsState | None
    arriving: bool = False
    unfinished: bool = False  # it is the last part, and goes on
    in_code: bool = False  # it goes on within a block of code


def _parts(answer: str) -> list[str]:
    clean = without_overrides(answer.replace("\r\n", "\n").replace(formulas.MARK, ""))
    return segments(hidden(fenced(clean)))


def _finished(answer: str, state: ClipsState | None) -> str:
    return _shown(_parts(answer), state, arriving=False)[0].strip("\n")


def _growing(answer: str, state: ClipsState | None) -> str:
    parts = _parts(answer)
    growing, in_code = settled(_in_steps(parts.pop() if parts else ""))
    shown, state = _shown(parts, state, arriving=True)
    reading = _Reading(state, arriving=True, unfinished=True, in_code=in_code)
    end, _ = _KEPT_GROWING.get((growing, reading), lambda: _to_html(growing, reading))
    return f"{shown}{_open_ended(end)}".lstrip("\n")


def _shown(
    parts: Sequence[str], state: ClipsState | None, *, arriving: bool
) -> tuple[str, ClipsState | None]:
    shown: list[str] = []
    for part in parts:
        reading = _Reading(state, arriving=arriving)
        written, state = _KEPT.get((part, reading), partial(_to_html, part, reading))
        shown.append(written)
    return "".join(shown), state


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
    """Cut it where it was cut before until it is much longer: it is parsed again at each new cut only."""
    if len(growing) < LONG:
        return growing
    step = max(MIN_STEP, 1 << len(growing).bit_length() - 4)
    cut = len(growing) // step * step
    line = growing.rfind("\n", cut - step, cut)
    return growing[: line + 1 if line > 0 else cut]


def _to_html(text: str, reading: _Reading) -> tuple[str, ClipsState | None]:
    """Its HTML, and the state in which the next part is read."""
    tokens = _parsed(text, unfinished=reading.unfinished)
    if tokens is None:
        return _plain(text), reading.state
    clips = Clips.of(reading.state) if reading.state else None
    if clips:
        _link_moments(tokens, clips)
    blocks = "\n".join(_blocks(tokens, reading, clips))
    return (f"{blocks}\n" if blocks else ""), clips.state if clips else None


def _parsed(text: str, *, unfinished: bool) -> list[Token] | None:
    """None: too long or too deep to be read in time."""
    if len(text) > MAX_SEGMENT:
        return None
    env: dict[str, Any] = {"unfinished": unfinished}
    tokens = parser().parse(text, env)
    too_deep = "too_deep" in env or any(token.level >= MAX_NESTING - 1 for token in tokens)
    return None if too_deep or "too_long" in env else tokens


def _plain(text: str) -> str:
    return f'<p dir="auto">{literal(text)}</p>\n\n'


def _blocks(tokens: list[Token], reading: _Reading, clips: Clips | None) -> Iterator[str]:
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
        shown = written(block, None if open_code else clips, draw=not reading.arriving)
        yield shown.rstrip("\n") + "\n"


def _link_moments(tokens: Sequence[Token], clips: Clips) -> None:
    """Moments that the texts of each block name become links. Not in code, formulas and links."""
    for token in tokens:
        if token.type == "inline" and token.children:
            token.children = list(_linked(token.children, clips))


def _linked(children: Sequence[Token], clips: Clips) -> Iterator[Token]:
    texts = list(_texts(children))
    links = deque(clips.links("".join(texts)))
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
