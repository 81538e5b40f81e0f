"""Grounding tokens of an answer while its Markdown is read: nothing in a text, and what they are in code."""

from __future__ import annotations

import re

_TOKENS = [
    f"<|{name}_{end}|>" for name in ("object_ref", "box", "quad") for end in ("start", "end")
]
# Noncharacters, which no text contains, stand for them, because their bars would divide the cells of a table.
_STAND_INS = {token: chr(0xFDD0 + number) for number, token in enumerate(_TOKENS)}
_TOKEN = re.compile(r"<\|(?:object_ref|box|quad)_(?:start|end)\|>")
_STAND_IN = re.compile("[\ufdd0-\ufdd5]")
_NONCHARACTER = re.compile("[\ufdd0-\ufdef]")
_BEFORE_BOX = re.compile("(?<=\\S)[\ufdd2\ufdd4]")
_OF_A_NAME = re.compile(
    "(?<=\ufdd1)(?:[\ufdd2\ufdd4][^\ufdd0-\ufdd5]{0,100}[\ufdd3\ufdd5])*(?:[\ufdd2\ufdd4][^\ufdd0-\ufdd5]{0,100}$)?"
)
_NEXT_NAME = re.compile("(?<=\ufdd1)(?=\ufdd0)")
_BETWEEN = re.compile("[\ufdd3\ufdd5](?=[\ufdd0\ufdd2\ufdd4])")


def hidden(text: str) -> str:
    """With stand-ins for the tokens."""
    return _TOKEN.sub(lambda token: _STAND_INS[token[0]], _NONCHARACTER.sub("\ufffd", text))


def without(text: str) -> str:
    """What a person reads: `the cat (10,20),(30,40), the dog (50,60),(70,80)`."""
    return _STAND_IN.sub("", _BEFORE_BOX.sub(" ", _BETWEEN.sub(", ", text)))


def named(text: str) -> str:
    """What the page shows, which draws what has a name: `the cat, the dog`. The end of a text may be missing."""
    return without(_NEXT_NAME.sub(", ", _OF_A_NAME.sub("", text)))


def restored(code: str) -> str:
    """The tokens as they were written."""
    return _STAND_IN.sub(lambda mark: _TOKENS[ord(mark[0]) - 0xFDD0], code)
