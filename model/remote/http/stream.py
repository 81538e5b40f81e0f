"""Parses a server's response into its JSON objects, in order.

The protocol has server-sent events. Servers also send one JSON object for the whole answer, one object a line, an
error, or a web page. Knows nothing of the meaning of the objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

from model.remote.http.characters import whole
from model.remote.http.errors import BrokenOffError, StrangerError, StreamedError

# Of a line, and of a whole answer in JSON.
MAX_LINE_BYTES = 16 * 2**20
_END_OF_LINE = re.compile(rb"\r\n|\n|\r(?!\Z)")
# The line is JSON or HTML, and no field of an event.
_NO_FIELD = re.compile(r"\s*[{\[<]")

Chunk = dict[str, Any]


async def chunks(body: AsyncGenerator[bytes]) -> AsyncGenerator[Chunk]:
    """Yield every object of a response, and `{}` for the protocol's `[DONE]`, which comes last.

    Closing it closes `body`. Raises `StreamedError` for an error object, and `StrangerError` or `BrokenOffError` for an
    unreadable response.
    """
    events = _Events()
    async with aclosing(_lines(body)) as lines:
        async for line in lines:
            for chunk in events.take(line):
                yield chunk
            if events.done:
                return
    for chunk in events.end():
        yield chunk


def read_json(text: str) -> Any:
    """Parse JSON. `NaN` and `Infinity`, which are not JSON, become None. Raises `ValueError`."""
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except RecursionError as error:
        raise ValueError("too deep") from error


async def _lines(body: AsyncGenerator[bytes]) -> AsyncGenerator[str]:
    """Yield the lines of a response. Only CR, LF and CRLF end a line, as in the protocol."""
    left = bytearray()
    async with aclosing(body):
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
    """Parses lines into the objects of server-sent events.

    done: whether `[DONE]` came.
    """

    def __init__(self) -> None:
        self.done = False
        # The name and the lines of an event that is not complete.
        self._name = ""
        self._data: list[str] = []
        # Lines that belong to no event, and their characters.
        self._others: list[str] = []
        self._other_length = 0
        # The latest text that was sent in place of an object, and whether an object came.
        self._said = ""
        self._any = False

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
        """Yield the rest after the last line: an incomplete event, or a response without events."""
        yield from self._event()
        if self._others and not self.done:
            yield from self._whole()
        if self._said and not self._any:
            raise StreamedError(self._said)

    def _line(self, value: str) -> Iterator[Chunk]:
        """One line of data. It nearly always is the whole event, and some servers omit the empty line after it."""
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
        """Yield the objects of a value. Raises `StreamedError` for an error object."""
        for chunk in value if isinstance(value, list) else [value]:
            if isinstance(chunk, dict):
                if self._name == "error" or _is_error(chunk):
                    raise StreamedError(chunk)
                self._any = True
                yield chunk
            elif isinstance(chunk, str):
                self._said = whole(chunk)


def _is_error(chunk: Chunk) -> bool:
    """Whether an object is an error, in any of the forms that servers use."""
    if chunk.get("error") or "error" in (chunk.get("object"), chunk.get("type")):
        return True
    answers = chunk.get("choices") is not None or chunk.get("usage") is not None
    told = any(isinstance(chunk.get(name), str | list) for name in ("message", "detail", "msg"))
    return told and not answers and (bool(chunk.get("code")) or not chunk.get("id"))
