"""Which Mermaid diagrams of an answer are drawn; the others are shown as code.

The page's Mermaid takes text for HTML and follows links in a diagram, so only what has neither is drawn.
"""

from __future__ import annotations

import re

MAX_LENGTH = 5_000
_KINDS = {
    "graph", "flowchart", "sequenceDiagram", "classDiagram", "stateDiagram", "stateDiagram-v2", "erDiagram", "gantt",
    "pie", "mindmap", "timeline", "journey", "gitGraph", "quadrantChart", "xychart-beta",
}  # fmt: skip
_REFUSED_MARKS = re.compile(
    r"[&#%@\\`$]|<(?![|\-=.*])|url\s?\(|::\s?icon|https?:|javascript:", re.IGNORECASE
)
_REFUSED_STATEMENTS = {
    "click", "link", "links", "callback", "href", "properties", "details", "style", "classdef", "cssclass", "linkstyle",
    "---", "accdescr", "acctitle",
}  # fmt: skip


def is_plain(diagram: str) -> bool:
    """Whether it has nothing but boxes, arrows and words."""
    if len(diagram) > MAX_LENGTH or _REFUSED_MARKS.search(diagram):
        return False
    words = [statement.split(None, 1) for statement in re.split(r"[\n;]", diagram)]
    first = [word[0] for word in words if word]
    return bool(first) and first[0] in _KINDS and not any(_refused(word) for word in first)


def _refused(word: str) -> bool:
    return word.lower().rstrip(":") in _REFUSED_STATEMENTS or word.startswith("---")
