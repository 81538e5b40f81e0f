"""What a server sends for an answer, as one object after the other, whichever way it sends them.

Server-sent events as the protocol has them, and what is met instead: one JSON object for the whole answer, objects on
lines of their own, an error, a web page. Knows nothing of what the objects mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import Any

from model.remote.http.characters import whole
from model.remote.http.errors import BrokenOffError, StrangerError, StreamedError

MAX_LINE_BYTES = 16 * 2**20  # also of a whole answer in JSON
_END_OF_LINE = re.compile(rb"\r\n|\n|\r(?!\Z)")
_NO_FIELD = re.compile(r"\s*[{\[<]")  # JSON or a web page, and no event

Chunk = dict[str, Any]


async def chunks(body: AsyncIterable[bytes]) -> AsyncIterator[Chunk]:
    """Every object of an answer; `{}` for the protocol's `[DONE]`, which comes last.

    Raises `StreamedError` for an error among them, `StrangerError` and `BrokenOffError` for what cannot be read.
    """
    events = _Events()
    async for line in _lines(body):
        for chunk in events.take(line):
            yield chunk
        if events.done:
            return
    for chunk in events.end():
        yield chunk


def read_json(text: str) -> Any:
    """Raises `ValueError`. What JSON does not know, `NaN` for one, is None."""
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except RecursionError as error:
        raise ValueError("too deep") from error


async def _lines(body: AsyncIterable[bytes]) -> AsyncIterator[str]:
    """Its lines; only what ends one in the protocol does so here."""
    left = bytearray()
    async for data in body:
        left += data
        if len(left) > MAX_LINE_BYTES:
            raise BrokenOffError
        if b"\n" in data or b"\r" in data:
            *lines, rest = _END_OF_LINE.split(bytes(left))
            left = bytearray(rest)
            for line in lines:
                yield line.decode(errors="replace")
    for line in left.splitlines():
        yield line.decode(errors="replace")


class _Events:
    """Server-sent events out of lines."""

    def __init__(self) -> None:
        self.done = False
        self._name = ""
        self._data: list[str] = []  # lines of an event that is not complete
        self._others: list[str] = []  # lines that belong to no event
        self._other_length = 0
        self._said = ""  # what was no object
        self._any = False  # object that was

    def take(self, line: str) -> Iterator[Chunk]:
        line = line.removeprefix("\ufeff")
        if not line.strip():
            yield from self._event()
        elif _NO_FIELD.match(line) or self._others:
            self._others.append(line)
            self._other_length += len(line)
            if self._other_length > MAX_LINE_BYTES:
                raise BrokenOffError
        else:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                self._name = value.strip()
            elif field == "data":
                yield from self._line(value)

    def end(self) -> Iterator[Chunk]:
        """Nothing more comes. What was sent without events is read now."""
        yield from self._event()
        if self._others and not self.done:
            yield from self._whole()
        if self._said and not self._any:
            raise StreamedError(self._said)

    def _line(self, value: str) -> Iterator[Chunk]:
        """One line of data: nearly always all of its event, and some servers leave out the empty line behind it."""
        if value.strip() == "[DONE]":
            self.done = True
            yield {}
            return
        if not self._data and value.lstrip().startswith("{"):
            try:
                yield from self._objects(read_json(value))
            except ValueError:
                self._data.append(value)
            return
        self._data.append(value)

    def _event(self) -> Iterator[Chunk]:
        text, failed = "\n".join(self._data).strip(), self._name == "error"
        self._data.clear()
        if text:
            try:
                yield from self._objects(read_json(text))
            except ValueError as error:
                if failed:
                    raise StreamedError(text) from error
                if text.startswith(("{", "[")):
                    raise BrokenOffError from error
                self._said = text
        self._name = ""

    def _whole(self) -> Iterator[Chunk]:
        text = "\n".join(self._others)
        try:
            yield from self._objects(read_json(text))
        except ValueError:
            try:
                objects = [read_json(line) for line in self._others]
            except ValueError as error:
                raise StrangerError(text[:1000]) from error
            for value in objects:
                yield from self._objects(value)

    def _objects(self, value: Any) -> Iterator[Chunk]:
        """Raises `StreamedError` for one that is an error."""
        for chunk in value if isinstance(value, list) else [value]:
            if isinstance(chunk, dict):
                if self._name == "error" or _is_error(chunk):
                    raise StreamedError(chunk)
                self._any = True
                yield chunk
            elif isinstance(chunk, str):
                self._said = whole(chunk)


def _is_error(chunk: Chunk) -> bool:
    """Not every server says so in the same place."""
    if "error" in (chunk.get("object"), chunk.get("type")):
        return True
    if chunk.get("error"):
        return True
    answers = chunk.get("choices") is not None or chunk.get("usage") is not None
    told = any(isinstance(chunk.get(name), str | list) for name in ("message", "detail", "msg"))
    return told and not answers and (bool(chunk.get("code")) or not chunk.get("id"))
