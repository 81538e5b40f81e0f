"""Parses JSON objects in a text as models write them, with their mistakes, and keeps their positions.

It accepts single, curly and missing quotes, quotation marks and line breaks within strings, invalid escapes, comments,
missing and trailing commas, missing brackets, full-width punctuation, and an object that is cut off. It reads the text
once, without recursion or `eval`, and never raises. Libraries that repair JSON do not tell the position of a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

# None stands for null, true, false and the like.
Value: TypeAlias = "str | float | list[Value] | LooseObject | None"
# Levels of objects and lists. An object with more is left out.
MAX_DEPTH = 64
# Characters of a text without quotation marks.
MAX_BARE_CHARACTERS = 200

_TOKEN = re.compile(
    r"(?P<space>\s++|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?)"
    r"|(?P<mark>[][{}(),，、;:=：])"
    r"|(?P<quote>[\"'“‘])"
    r"|(?P<number>[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?)(?![^\s\]})<,，、;/])"
    r"|(?P<word>[^][{}(),，、;:=：\s]++)"
)
# The beginning of an object: a brace, or the key of a place if the brace is missing.
_BARE = (
    r"(?<!\w)(?:bbox(?:_2d)?|box_2d|point_2d|bounding[ _]?box(?:es)?|(?:start|end)_(?:box|point))"
    r"|边界框|检测框"
)
_START = re.compile(
    rf"\{{|[\"'“]?(?P<key>{_BARE})[\"'”]?"
    r"(?:(?:\*\*)?\s{0,9}[:：]\s{0,9}(?:\*\*)?|(?<=_box)=|(?<=_point)=|(?<=ing box)[ \w]{1,40}?:?|[是为在])"
    r"\s{0,9}(?=[\[(\"'])",
    re.IGNORECASE,
)
_KEY = re.compile(r"[\"'“‘]([^\"'“”‘’{}\[\]:,\n]{1,100})[\"'”’]\s*+(?:[:：]|=>?|(?=\[))")
_COLON = re.compile(r"\s*+(?:[:：]|=>?)")
# A quotation mark ends its string if this follows. Any other is a part of the string.
_AFTER = (
    r"[^\S\n]*+(?:\n|\Z|[:：\]})`<]|//|/\*|[\"'“]\w++[\"'”]\s*+[:：]"
    r"|[,，、;]\s*+(?:[\"'“‘{\[(\]})\d.\-/]|\Z|\w++\s*+[:：]))"
)
_STRING = {
    opening: re.compile(
        rf"{opening}((?:[^{closing}\\]++|\\.|[{closing}](?!{_AFTER}))*+)[{closing}]", re.DOTALL
    )
    for opening, closing in (('"', '"'), ("'", "'"), ("“", "”“"), ("‘", "’‘"))
}
_REST_OF_LINE = re.compile(r".*+")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[\"'\\/bfnrt])")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# Left-over signs around a word, in JSON within a string.
_SHELL = "\\\"'"
_NO_VALUE = {"null", "none", "true", "false", "nan", "infinity", "-infinity", "undefined"}
# The end of a code block or of an element, and a control token: an object ends before these.
_BARRIERS = ("```", "</", "<|")


@dataclass
class LooseObject:
    """A JSON object, written in `text[start:end]`."""

    start: int
    end: int
    members: dict[str, Value] = field(default_factory=dict)


class CutText(str):
    """A string that is cut off."""


class CutList(list[Value]):
    """A list that is cut off at the end of the text."""


class _Series(list[Value]):
    """Several values of one key, without a list around them."""


@dataclass
class _Open:
    """An object or a list that is being read.

    key: of the object's next value; last: the key of its latest value; braced: whether it began with a brace.
    """

    value: LooseObject | list[Value]
    key: str | None = None
    last: str | None = None
    braced: bool = True


def objects(text: str) -> Iterator[LooseObject]:
    """Yield the outermost objects of a text, in order. The last one may be cut off."""
    return _Reader(text).objects()


class _Reader:
    """Reads a text token by token, with a stack of the open objects and lists."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        # The end of the latest value.
        self.reached = 0
        # The latest token's sign or kind.
        self.before = ""
        self.open: list[_Open] = []
        self.complete: list[LooseObject] = []
        # Quotation marks that do not occur any more in the rest of the text.
        self.endless: set[str] = set()

    def objects(self) -> Iterator[LooseObject]:
        while self.open or self._begin():
            self._read()
            yield from self.complete
            self.complete.clear()

    def _begin(self) -> bool:
        start = _START.search(self.text, self.position)
        if start is None:
            return False
        self.position = self.reached = start.end()
        key = start["key"]
        self.open.append(_Open(LooseObject(start.start(), start.end()), key, braced=key is None))
        self.before = "{"
        return True

    def _read(self) -> None:
        """Read the next token."""
        token = _TOKEN.match(self.text, self.position)
        if token is None:
            self._end_of_text()
            return
        kind, start = str(token.lastgroup), self.position
        self.position = token.end()
        if kind == "space":
            if "\n" in token.group():
                self.before = "\n" if self.before == "word" else self.before
            return
        if kind == "mark":
            kind = self._mark(token.group(), start)
        elif kind == "quote":
            self._quote(token.group(), start)
        elif kind == "number":
            if self.position < len(self.text):  # else it may lack digits
                self._put(float(token.group()))
        else:
            kind = self._word(token.group(), start)
        self.before = kind

    def _mark(self, mark: str, start: int) -> str:
        if mark in "{[(":
            self._enter(mark, start)
        elif mark == "}":
            self._leave_lists()
            self._leave(self.position)
        elif mark in "])":
            self._leave_list()
        return "," if mark in ",，、;" else mark

    def _enter(self, mark: str, start: int) -> None:
        top = self.open[-1]
        if len(self.open) >= MAX_DEPTH:
            self.open.clear()
        elif mark != "{":
            if mark == "(" and self.before == "word" and not self.text[start - 1].isspace():
                self._call()
            self._expect()
            self.open.append(_Open([]))
        else:
            if isinstance(top.value, LooseObject) and top.key is None:
                self._leave(self.reached)  # its brace is missing
            self.open.append(_Open(LooseObject(start, start)))
            self.reached = self.position

    def _call(self) -> None:
        """Skip the name of a call such as `array(...)`, and read its arguments as a list."""
        top = self.open[-1]
        if isinstance(top.value, LooseObject) and top.last and top.key is None:
            top.key = top.last
            del top.value.members[top.last]

    def _leave(self, end: int) -> None:
        """Close the innermost object or list."""
        value = self.open.pop().value
        if isinstance(value, LooseObject):
            value.end = end
        if self.open:
            self._put(value)
        elif isinstance(value, LooseObject):
            self.complete.append(value)

    def _leave_lists(self) -> None:
        while isinstance(self.open[-1].value, list):
            self._leave(self.position)

    def _leave_list(self) -> None:
        if any(isinstance(opened.value, list) for opened in self.open):
            while isinstance(self.open[-1].value, LooseObject):
                self._leave(self.reached)
            self._leave(self.position)
        elif not self.open[0].braced:
            self._leave_all()

    def _leave_all(self) -> None:
        while self.open:
            self._leave(self.reached)

    def _end_of_text(self) -> None:
        while self.open:
            value = self.open[-1].value
            if isinstance(value, list):
                self.open[-1].value = CutList(value)
            self._leave(self.reached)

    def _quote(self, mark: str, start: int) -> None:
        top = self.open[-1]
        if not top.key and (key := _KEY.match(self.text, start)):
            self.position = key.end()
            self._key(key[1], start)
        elif top.key or isinstance(top.value, list):
            self._put(self._string(mark, start))

    def _string(self, mark: str, start: int) -> str:
        string = None if mark in self.endless else _STRING[mark].match(self.text, start)
        if string:
            self.position = string.end()
            return _plain(string[1])
        self.endless.add(mark)
        rest = _REST_OF_LINE.match(self.text, start + 1)
        assert rest  # `.*` always matches
        self.position = rest.end()
        return CutText(_plain(rest[0]))

    def _word(self, word: str, start: int) -> str:
        top = self.open[-1]
        if word.startswith(_BARRIERS):
            self._leave_all()
        elif colon := _COLON.match(self.text, self.position):
            self.position = colon.end()
            self._key(word.strip(_SHELL), start)
        elif top.key or isinstance(top.value, list):
            self._put(None if word.lower() in _NO_VALUE else word.strip(_SHELL))
            return "word"
        elif self.before == "word" and self._continue(word):
            return "word"
        elif not top.braced:
            self.position = start  # the rest may not belong to the object
            self._leave_all()
        return "other"

    def _continue(self, word: str) -> bool:
        """Append a word to a value without quotation marks, and return whether that was possible."""
        top = self.open[-1]
        if top.last is None or not isinstance(top.value, LooseObject):
            return False
        known = top.value.members[top.last]
        if not isinstance(known, str) or len(known) > MAX_BARE_CHARACTERS:
            return False
        top.value.members[top.last] = f"{known} {word}"
        self.reached = self.position
        return True

    def _key(self, key: str, start: int) -> None:
        self._leave_lists()
        top = self.open[-1]
        if isinstance(top.value, LooseObject) and key in top.value.members:
            # The braces between two objects are missing.
            self._leave(self.reached)
            if self.open:
                self.open[-1].key = self.open[-1].last
            top = _Open(LooseObject(start, start), braced=top.braced)
            self.open.append(top)
        top.key = key

    def _expect(self) -> None:
        """Give a value without a key, after a comma, the key before it: `"box": (1,2),(3,4)`."""
        top = self.open[-1]
        if top.key is None and self.before == ",":
            top.key = top.last

    def _put(self, value: Value) -> None:
        top = self.open[-1]
        self.reached = self.position
        if isinstance(top.value, list):
            top.value.append(value)
            return
        self._expect()
        if top.key is None:
            return
        members, key = top.value.members, top.key
        known = members.get(key)
        if isinstance(known, _Series):
            known.append(value)
        else:
            members[key] = _Series([known, value]) if key in members else value
        top.key, top.last = None, key


def _plain(written: str) -> str:
    """Replace the escapes of a string. Invalid ones stay as they are."""
    if "\\" not in written:
        return written
    text = _ESCAPE.sub(_unescaped, written)
    # Two halves of a surrogate pair become one character, and one half becomes U+FFFD.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescaped(escape: re.Match[str]) -> str:
    sign = escape[1]
    return chr(int(sign[1:], 16)) if len(sign) > 1 else _ESCAPED.get(sign, sign)
