"""JSON that a model answers with as it is, without a fence: a schema or a question has asked for it."""

from __future__ import annotations

import json
import re

from pydantic_core import from_json

_BEGINNING = re.compile(r"\s*(?=[\[{]\s*[\"\[{])")
_DECODER = json.JSONDecoder()


def fenced(answer: str) -> str:
    """The answer with a fence around the JSON that it begins with, in which Markdown would lose characters."""
    end = 0
    while found := _BEGINNING.match(answer, end):
        try:
            _, behind = _DECODER.raw_decode(answer, found.end())
        except (ValueError, RecursionError):
            if not _is_cut(answer[found.end() :]):
                break
            return f"```json\n{answer.lstrip()}"
        if not re.match(r"[ \t\r]*(?:\n|$)", answer[behind:]):
            break
        end = behind
    rest = answer[end:].lstrip(" \t")
    return f"```json\n{answer[:end].lstrip()}\n```\n{rest}" if end else answer


def _is_cut(text: str) -> bool:
    """Whether it is JSON that has not come to its end."""
    try:
        from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return False
    return True
