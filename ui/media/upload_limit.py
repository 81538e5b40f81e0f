"""Limits uploads while their bytes arrive."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress

from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model.errors import MediaError
from ui.http.asker import address_of, person_of
from ui.media.disk_quota import DiskQuota, remove_unfinished
from ui.media.room import Room, Writing
from ui.media.uploads import MAX_ATTACHMENTS

NO_FORM, TOO_LARGE, INSUFFICIENT_STORAGE = 400, 413, 507
# Of form fields that are no files: the page sends none, and Gradio would keep them in memory.
MAX_FIELDS_BYTES = 2**16
MAX_AROUND_BYTES = 2**20  # of boundaries and headers
CLOCKS_S = 1.0  # by which the disk's clock may be behind
MAX_UNREAD_S = 30.0  # for receiving the rest of a refused upload
SENTENCES = {
    NO_FORM: "The upload cannot be read.",
    TOO_LARGE: "The upload is too large.",
    INSUFFICIENT_STORAGE: "No room for uploads.",
}
# Gradio removes what it has written of an upload when it meets this, and answers 413.
_TOO_LARGE = "File size exceeded the maximum allowed size."


class UploadLimit:
    """ASGI middleware: refuses uploads that are too large, by their declared length or at the first byte too many."""

    def __init__(self, app: ASGIApp, quota: DiskQuota) -> None:
        self.app, self.quota = app, quota
        self._going: dict[_Upload, float] = {}  # the time when each began
        self._removing = set[asyncio.Future[None]]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        posted = scope["type"] == "http" and scope["method"] == "POST"
        if not posted or not scope["path"].rstrip("/").endswith("/upload"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        room = Room(self.quota, person_of(address_of(HTTPConnection(scope))))
        with room.writing() as writing:
            try:
                upload = _Upload(room, writing, headers, receive, send)
                status = await self._refused(headers, room)
            except FormParserError:
                status = NO_FORM
            if status:
                answer = _heard(receive, send, room.max_file_bytes)
                await PlainTextResponse(SENTENCES[status], status)(scope, receive, answer)
            else:
                await self._let_in(scope, upload)

    async def _let_in(self, scope: Scope, upload: _Upload) -> None:
        while self._removing:  # that would remove this upload's files, too
            await asyncio.wait(self._removing)
        self._going[upload] = time.time()
        try:
            await self.app(scope, upload.receive, upload.send)
        finally:
            del self._going[upload]
            before = min(self._going.values(), default=math.inf) - CLOCKS_S
            loop = asyncio.get_running_loop()
            removing = loop.run_in_executor(None, remove_unfinished, before)
            self._removing.add(removing)
            removing.add_done_callback(self._removing.discard)

    async def _refused(self, headers: Headers, room: Room) -> int:
        """The status with which it is refused before its first byte, or 0."""
        length = headers.get("content-length", "")
        declared = int(length) if length.isdecimal() else 0
        full = await asyncio.to_thread(room.full)
        if full or declared > room.free_bytes:
            return INSUFFICIENT_STORAGE
        largest = MAX_ATTACHMENTS * room.max_file_bytes + MAX_AROUND_BYTES
        return TOO_LARGE if declared > largest else 0


class _Upload:
    """One request on its way to Gradio."""

    def __init__(
        self, room: Room, writing: Writing, headers: Headers, receive: Receive, send: Send
    ) -> None:
        self._room, self._writing, self._receive, self._send = room, writing, receive, send
        self._form = _Form(headers.get("content-type", ""))
        self._status = 0  # of the refusal

    async def receive(self) -> Message:
        """Raises `MultiPartException` for an upload that is too large or broken off."""
        message = await self._receive()
        if message["type"] != "http.request":
            raise MultiPartException("The upload was broken off.")
        body = message.get("body", b"")
        try:
            self._form.read(body)
            if not self._writing.taken(len(body)):
                await asyncio.to_thread(self._writing.take, len(body))
        except MediaError:
            self._status = INSUFFICIENT_STORAGE
        except OverflowError:
            self._status = TOO_LARGE
        if self._status:
            if message.get("more_body"):
                self._send = _heard(self._receive, self._send, self._room.max_file_bytes)
            raise MultiPartException(_TOO_LARGE)
        return message

    async def send(self, message: Message) -> None:
        if self._status and message["type"] == "http.response.start":
            message = {**message, "status": self._status}
        await self._send(message)


def _heard(receive: Receive, send: Send, most_bytes: int) -> Send:
    """Answer at once, and read the rest of the request, because most browsers read the answer only after that."""

    async def send_and_wait(message: Message) -> None:
        last = message["type"] == "http.response.body" and not message.get("more_body")
        if not last:
            await send(message)
            return
        await send({**message, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(MAX_UNREAD_S):
                await _unread(receive, most_bytes)
        await send({"type": "http.response.body", "body": b""})

    return send_and_wait


async def _unread(receive: Receive, most_bytes: int) -> None:
    """Receive at most `most_bytes` of a request and discard them."""
    message: Message = {"more_body": True}
    while message.get("more_body") and most_bytes > 0:
        message = await receive()
        most_bytes -= len(message.get("body", b""))


class _Form:
    """Counts the files of a form, and the bytes of its other fields, as Gradio will read it."""

    def __init__(self, content_type: str) -> None:
        _, options = parse_options_header(content_type)
        self._name = self._disposition = b""
        self._is_file = False
        self._files = self._fields_bytes = 0
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
        }
        boundary = options.get(b"boundary")  # without one Gradio reads nothing
        self._parser = MultipartParser(boundary, callbacks) if boundary else None  # type: ignore[arg-type]

    def read(self, body: bytes) -> None:
        """Raises `OverflowError`."""
        try:
            if self._parser:
                self._parser.write(body)
        except MultipartParseError:
            self._parser = None  # Gradio says so

    def _begin(self) -> None:
        self._disposition = self._name = b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition += data[start:end]

    def _header_end(self) -> None:
        self._name = b""

    def _headers_finished(self) -> None:
        self._is_file = b"filename" in parse_options_header(self._disposition)[1]
        self._files += self._is_file
        self._fields_bytes += len(self._disposition)
        if self._files > MAX_ATTACHMENTS:
            raise OverflowError

    def _data(self, _: bytes, start: int, end: int) -> None:
        if not self._is_file:
            self._fields_bytes += end - start
        if self._fields_bytes > MAX_FIELDS_BYTES:
            raise OverflowError
