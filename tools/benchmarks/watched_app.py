"""`app.py` with a watch on its event loop: `python -m tools.benchmarks.watched_app FLAG...`.

For each line on standard input it prints the time of the longest callback since the line before, in wall and processor
seconds. It allows conversations with more turns than an import may have, so that they can be measured.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any

import uvicorn

import app
from model.reproduce import archive_reader

MAX_TURNS = 1_000
TOLD = "held"  # begins each line; Gradio prints others


class Longest:
    """The longest callback of the event loop that serves the page."""

    def __init__(self) -> None:
        self.seconds = self.computed = 0.0  # each of its own longest
        self._thread = 0  # of that loop; others have loops, too

    def watch(self) -> None:
        """Start watching."""
        run, serve = asyncio.Handle._run, uvicorn.Server.serve

        def timed(handle: asyncio.Handle) -> None:
            began, before = time.perf_counter(), time.thread_time()
            run(handle)
            if threading.get_ident() == self._thread:
                self.seconds = max(self.seconds, time.perf_counter() - began)
                self.computed = max(self.computed, time.thread_time() - before)

        async def served(server: uvicorn.Server, *given: Any, **named: Any) -> None:
            self._thread = threading.get_ident()
            await serve(server, *given, **named)

        asyncio.Handle._run = timed  # type: ignore[method-assign,assignment]
        uvicorn.Server.serve = served  # type: ignore[method-assign,assignment]

    def tell(self) -> None:
        """Answer lines until standard input ends."""
        for _ in sys.stdin:
            print(TOLD, self.seconds, self.computed, flush=True)
            self.seconds = self.computed = 0.0


def main() -> int:
    """Run `app.py` with the watch."""
    archive_reader.MAX_TURNS = MAX_TURNS
    longest = Longest()
    longest.watch()
    threading.Thread(target=longest.tell, daemon=True).start()
    return app.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
