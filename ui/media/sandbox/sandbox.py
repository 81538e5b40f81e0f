"""Starts and stops the confined processes that decode untrusted files.

A malicious file can make a decoder use all memory, run for hours, crash, or execute code. The page's own process
decodes no picture and no clip.
"""

from __future__ import annotations

import atexit
import logging
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from model.backend import Cancel
from model.errors import LocalizedText, MediaError
from ui import ROOT
from ui.media.sandbox.channel import LENGTH, BrokenOffError, EndedError, Message, receive
from ui.media.sandbox.request import Request
from ui.text.english import ERRORS

log = logging.getLogger(__name__)

PASSED_ON = (
    "PATH",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
)  # environment variables; no keys
# The process forks, so it must have one thread. Each arena of a decoder's threads would reserve 64 MB of address space.
# A fork allocates all its memory anew, ten times faster in huge pages.
ALONE = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
LOOK_S = 0.1  # until a cancelled wait ends
SILENCE_S = 600.0  # without a message, after which a job without a time limit is given up
ENDING_S = 6.0  # between closing the connection and the end of a process, on a busy machine
TOO_MUCH = (signal.SIGXCPU, signal.SIGALRM, signal.SIGKILL)
STATUS_BYTES = 4


class Sandbox:
    """Runs jobs in confined processes. Thread-safe."""

    def __init__(self) -> None:
        self._standing_by: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._lock = threading.Lock()
        atexit.register(self.close)

    def ask(
        self, request: Request, name: str, cancel: Cancel | None = None
    ) -> Generator[Message, None, None]:
        """Yield the messages of the job, until it ends or is cancelled. Raises `MediaError`.

        name: the file's name in refusals. Closing the iterator ends the job.
        """
        with self._begun(request) as job:
            until = time.monotonic() + (request.limits.wait_s or SILENCE_S)
            while not (cancel and cancel.is_set()):
                try:
                    message = receive(job.channel)
                except TimeoutError:
                    if time.monotonic() > until:
                        raise too_much(name) from None
                    continue
                except EndedError:
                    raise _ended(job.ended_by(), name) from None
                except BrokenOffError:
                    raise damaged(name) from None
                if "done" in message.said:
                    return
                _raise_refusal(message.said, name)
                yield message
                if message.blob is not None:
                    job.go_on()
                until = time.monotonic() + (request.limits.wait_s or SILENCE_S)

    def stand_by(self) -> None:
        """Start the process that forks for each job, without waiting for it."""
        with self._lock:
            self._standing_by = self._standing_by or _started()

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process that forks for each job, if it runs."""
        return self._standing_by[0] if self._standing_by else None

    def close(self) -> None:
        """End that process and its jobs."""
        with self._lock:
            if self._standing_by:
                process, control = self._standing_by
                control.close()
                process.wait()
                self._standing_by = None

    @contextmanager
    def _begun(self, request: Request) -> Iterator[_Job]:
        here, there = socket.socketpair()
        told, tells = os.pipe()
        with here, there, os.fdopen(told, "rb", buffering=0) as status:
            try:
                self._pass_on((there.fileno(), tells))
            finally:
                os.close(tells)
            there.close()
            job = _Job(here, status.fileno())
            job.send(request)
            here.settimeout(LOOK_S)
            yield job

    def _pass_on(self, fds: tuple[int, int]) -> None:
        """Pass file descriptors to the process that forks, and start it if it does not run."""
        with self._lock:
            for last in (False, True):
                if self._standing_by and (code := self._standing_by[0].poll()) is not None:
                    log.warning("The sandbox had ended with status %s; it is started again.", code)
                    self._standing_by = None
                self._standing_by = self._standing_by or _started()
                try:
                    socket.send_fds(self._standing_by[1], [b"+"], fds)
                except OSError:
                    if last:
                        raise
                    self._standing_by[0].kill()
                    self._standing_by[0].wait()
                else:
                    return


@dataclass(frozen=True)
class _Job:
    """A running job. channel: the connection to it. status: the pipe that gets its exit status."""

    channel: socket.socket
    status: int

    def send(self, request: Request) -> None:
        content = pickle.dumps(request)
        with suppress(OSError):  # it has ended already, which its status tells
            self.channel.sendall(LENGTH.pack(len(content)) + content)

    def go_on(self) -> None:
        with suppress(OSError):
            self.channel.sendall(b"+")

    def ended_by(self) -> int:
        """Return the signal that ended the job, or 0. If the forking process was killed, that is SIGKILL too."""
        # A job may close its connection without ending.
        if not select.select([self.status], [], [], ENDING_S)[0]:
            return 0
        told = os.read(self.status, STATUS_BYTES)
        if not told:
            return signal.SIGKILL
        status = int.from_bytes(told, sys.byteorder)
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def too_much(name: str) -> MediaError:
    return MediaError(
        "{name} takes too much time or memory to read; "
        "save it as PNG or JPEG, or as MP4 (H.264), and attach it again.",
        name=name,
    )


def damaged(name: str) -> MediaError:
    return MediaError(
        "{name} is damaged; save it as PNG or JPEG, or as MP4 (H.264), and attach it again.",
        name=name,
    )


def _started() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the process that forks. It ends when its socket is closed."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    here, there = socket.socketpair()
    with there:
        process = subprocess.Popen(
            [sys.executable, "-m", "ui.media.sandbox.process", str(there.fileno())],
            cwd=ROOT,
            env=environment | ALONE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[there.fileno()],
            process_group=0,  # Ctrl-C in the terminal does not reach it
        )
    return process, here


def _ended(by: int, name: str) -> MediaError:
    return too_much(name) if by in TOO_MUCH else damaged(name)


def _raise_refusal(said: dict[str, Any], name: str) -> None:
    match said:
        case {"refused": sentence}:
            raise _refusal(sentence) or damaged(name)
        case {"spent": _}:
            raise too_much(name)
        case {"bug": str(trace)}:
            raise RuntimeError(trace)


def _refusal(plain: Any) -> MediaError | None:
    """The refusal, or None if the sentence is not one of this program's."""
    try:
        found = MediaError.of(LocalizedText.of_plain(plain))
        str(found)
    except (AttributeError, IndexError, KeyError, LookupError, TypeError, ValueError):
        return None
    return found if found.template in ERRORS.values() else None


SANDBOX = Sandbox()
