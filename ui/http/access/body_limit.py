"""Limits of request bodies: how slowly one may arrive, and how many bytes are in memory at once.

Uploads are timed but not counted, because they are written to the disk (`upload_limit`).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.http.asker import address_of, path_of, person_of
from ui.http.body import MAX_SMALL_BYTES, RefusedError
from ui.http.gate.routes import UPLOAD
from ui.http.share import share

# A body is refused when nothing arrives for this long. Phones change networks within this time.
MAX_SILENT_S = 20.0
# A body is refused when it is slower than this for MAX_SILENT_S. The slowest mobile networks are twice as fast.
MIN_BYTES_PER_S = 4 * 2**10
# All bodies together, without the first MAX_SMALL_BYTES of each, so that an ordinary message always fits.
MAX_HELD_BYTES = 64 * 2**20
_NO_ROOM = "Too many long messages arrive at once; try again in a minute, or make yours shorter."


class BodyLimit:
    """ASGI middleware: refuses a body that is too slow with 408, and one that does not fit with 503."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_HELD_BYTES) -> None:
        self.app, self.max_bytes = app, max_bytes
        self._held = Counter[str]()  # bytes, by person

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(self, scope, receive, send)
        try:
            await self.app(scope, body.receive, body.send)
        finally:
            self.give_back(body.person, body.held)

    @property
    def held(self) -> int:
        """Bytes that are in memory."""
        return self._held.total()

    def taken(self, person: str, count: int) -> bool:
        """Count `count` bytes of this person if they fit. Return whether they do."""
        own, all_bytes = self._held[person], self.held
        fits = all_bytes + count <= self.max_bytes
        fits &= own + count <= share(self.max_bytes, all_bytes - own)
        self._held[person] += count if fits else 0
        return fits

    def give_back(self, person: str, count: int) -> None:
        self._held[person] -= count
        if not self._held[person]:
            del self._held[person]


class _Body:
    """The body of one request. The application sees a disconnect as soon as it is refused."""

    def __init__(self, limit: BodyLimit, scope: Scope, receive: Receive, send: Send) -> None:
        self.person = person_of(address_of(HTTPConnection(scope)))
        self.held = 0
        self._limit, self._scope, self._receive, self._send = limit, scope, receive, send
        self._in_memory = path_of(scope) != UPLOAD
        self._patience_s = MAX_SILENT_S
        self._bytes, self._whole = 0, False
        self._refusal: Response | None = None
        self._started = False

    async def receive(self) -> Message:
        if self._refusal:
            return {"type": "http.disconnect"}
        if self._whole:  # the application waits for the client's disconnect
            return await self._receive()
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._patience_s):
                message = await self._receive()
        except TimeoutError:
            return self._refuse(408, "The request arrives too slowly; try again.")
        count = len(message.get("body", b""))
        self._whole = not message.get("more_body")
        left_s = self._patience_s - (time.monotonic() - begun) + count / MIN_BYTES_PER_S
        self._patience_s = min(MAX_SILENT_S, left_s)
        return message if self._fits(count) else self._refuse(503, _NO_ROOM)

    async def send(self, message: Message) -> None:
        if self._started or not self._refusal:
            self._started = True
            await self._send(message)
        elif message["type"] == "http.response.start":
            await self._refusal(self._scope, self._receive, self._send)

    def _fits(self, count: int) -> bool:
        """Count `count` more bytes if they fit. Return whether they do."""
        self._bytes += count
        more = max(0, self._bytes - MAX_SMALL_BYTES) - self.held if self._in_memory else 0
        if more and not self._limit.taken(self.person, more):
            return False
        self.held += more
        return True

    def _refuse(self, status: int, sentence: str) -> Message:
        self._refusal = RefusedError(status, sentence).answer
        self._refusal.headers["Connection"] = "close"
        return {"type": "http.disconnect"}
