"""A proxy that passes bytes on, until it cuts every connection at once, as a tunnel does that restarts, or goes on to
another server, as if that had been started in the place of the first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.support.served import free_port


class Relay:
    """In front of a server on `target`, a port of this machine, which may become another."""

    def __init__(self, target: int) -> None:
        self.port, self.target = free_port(), target
        self.listening = threading.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def cut(self) -> None:
        """Reset what is open now; what is opened later is passed on."""
        self._loop.call_soon_threadsafe(self._cut)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)

    async def serve(self) -> None:
        """Until its end. What is still open ends with the event loop."""
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.listening.set()
        await self._ended.wait()
        server.close()

    def _cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _connected(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            there, forth = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:  # nobody listens there
            back.transport.abort()
            return
        self._open |= {back, forth}
        with suppress(OSError, asyncio.CancelledError):  # the event loop ends
            await asyncio.gather(_pass_on(here, forth), _pass_on(there, back))
        self._open -= {back, forth}


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    finally:
        target.close()


@contextmanager
def relayed(address: str) -> Iterator[Relay]:
    """In front of the server at `address`."""
    relay = Relay(urlsplit(address).port or 80)
    thread = threading.Thread(target=asyncio.run, args=(relay.serve(),), daemon=True)
    thread.start()
    relay.listening.wait()
    try:
        yield relay
    finally:
        relay.end()
        thread.join()
