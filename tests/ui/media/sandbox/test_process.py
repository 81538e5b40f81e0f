"""A job in the sandbox waits for who reads it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from ui.media.sandbox import jobs, process
from ui.media.sandbox.process import AHEAD
from ui.media.sandbox.request import LOOKING, Request

TAKEN = 2


def test_a_job_goes_no_further_than_it_may_be_ahead_and_ends_with_who_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []

    def job(*_: object) -> Iterator[tuple[dict[str, Any], bytes]]:
        for number in range(20):
            made.append(number)
            yield {"number": number}, b"x"

    monkeypatch.setattr(jobs, "JOBS", {"count": job})
    theirs, ours = socket.socketpair()
    with closing(theirs), closing(ours):
        ours.sendall(bytes(TAKEN))
        ours.shutdown(socket.SHUT_WR)
        with pytest.raises(BrokenPipeError):
            process._work(theirs, Request("count", (), (), LOOKING))
    assert len(made) == TAKEN + AHEAD + 1
