"""The sandbox's side: a process that forks for every file, so that opening one takes milliseconds.

Each fork confines itself (`confinement`), opens the files of its request, sends what it finds, and exits.
"""

from __future__ import annotations

import mimetypes
import os
import pickle
import random
import resource
import select
import signal
import socket
import struct
import sys
import sysconfig
import traceback
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pypdfium2

import model
import ui
from model.errors import DemoError
from model.media import image
from ui.media.sandbox import jobs as sandbox_jobs
from ui.media.sandbox.channel import LENGTH, Blob, send
from ui.media.sandbox.confinement import confine, prepare
from ui.media.sandbox.request import Limits, Request

AHEAD = 1  # blobs that wait for the page while the next is made
JOB, FIRST_FREE = 3, 4  # file descriptors of a fork
MAX_FDS = 256
STATUS = struct.Struct("i")
PACKAGES = (
    model,
    ui,
    av,
    np,
    PIL,
    pypdfium2,
    *((import_module("pillow_heif"),) if image.READS_HEIF else ()),
)
# Folders of modules that may be imported after the fork.
IMPORTABLE = (
    *{sysconfig.get_paths()[kind] for kind in ("stdlib", "platstdlib")},
    *(str(Path(package.__file__ or "").parent) for package in PACKAGES),
)
# Of the system, for documents that do not bring theirs along. PDFium looks in these folders.
FONTS = ("/usr/share/fonts", "/usr/share/X11/fonts", "/usr/local/share/fonts")


class StandingBy:
    """Forks for each request over `control`, which consists of two file descriptors: the job's channel and status."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, int] = {}  # process id to the pipe for its exit status
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._wake, wakened = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wakened, False)
        signal.set_wakeup_fd(wakened)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poll.register(self._wake, select.POLLIN)

    def run(self) -> None:
        """Serve requests until `control` is closed."""
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._wake:
                    os.read(fd, 4096)
                    self._reap()
                elif fd != self._control.fileno():
                    self._end(fd)
                elif not self._begin():
                    return

    def close(self) -> None:
        for process in self._running:
            os.kill(process, signal.SIGKILL)

    def _begin(self) -> bool:
        asked, fds, _, _ = socket.recv_fds(self._control, 1, 2)
        if not asked:
            return False
        job, status = fds
        process = os.fork()
        if not process:
            _do(job)
        os.close(job)
        self._running[process] = status
        self._poll.register(status, 0)  # reports when the reader has closed the pipe
        return True

    def _end(self, status: int) -> None:
        """Kill the job that nobody waits for. It is unknown if it was reaped since `poll` reported it."""
        for process, told in self._running.items():
            if told == status:
                self._poll.unregister(status)
                os.kill(process, signal.SIGKILL)

    def _reap(self) -> None:
        while self._running:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            told = self._running.pop(process)
            with suppress(KeyError):
                self._poll.unregister(told)
            with suppress(BrokenPipeError):
                os.write(told, STATUS.pack(status))
            os.close(told)


def _do(job: int) -> None:
    """The whole life of a fork."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(job, JOB)
        os.closerange(FIRST_FREE, MAX_FDS)
        with socket.socket(fileno=JOB) as channel:
            _answer(channel)
    finally:
        os._exit(0)


def _answer(channel: socket.socket) -> None:
    try:
        request = _request(channel)
        _begin_limits(request.limits)
        confine([*IMPORTABLE, *FONTS, *request.files])
        allowed = request.limits.share(_largeness(request))
        _allow(allowed, allowed)
        _work(channel, request)
        send(channel, {"done": True})
    except DemoError as refusal:
        send(channel, {"refused": refusal.sentence.plain()})
    except MemoryError:
        send(channel, {"spent": True})
    except BrokenPipeError:
        pass  # the page has closed the channel
    except BaseException:
        send(channel, {"bug": traceback.format_exc()[-8000:]})


def _work(channel: socket.socket, request: Request) -> None:
    """Send what the job yields, at most `AHEAD` blobs ahead of the page."""
    ahead = 0
    job = sandbox_jobs.JOBS[request.job]
    for said, content in job(partial(send, channel), *request.arguments):
        if content is None:
            send(channel, said)
            continue
        send(channel, said, Blob.of(content))
        ahead += 1
        if ahead > AHEAD:
            if not channel.recv(1):
                raise BrokenPipeError
            ahead -= 1


def _largeness(request: Request) -> float:
    if request.largest is None:
        return sandbox_jobs.largeness(*request.arguments)
    return request.largest


def _request(channel: socket.socket) -> Request:
    with channel.makefile("rb") as stream:
        (nbytes,) = LENGTH.unpack(stream.read(LENGTH.size))
        request: Request = pickle.loads(stream.read(nbytes))
    return request


def _begin_limits(limits: Limits) -> None:
    os.nice(limits.nice)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(
            "1000"
        )  # out of memory, the kernel kills this first
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_REAL, limits.wait_s)
    if limits.cores and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, random.sample(cores, min(limits.cores, len(cores))))
    _allow(limits.share(0.0), limits.share(1.0))


def _allow(now: tuple[float, int], most: tuple[float, int]) -> None:
    """Set the limits of CPU time in seconds and of memory in bytes to `now`; they can be raised up to `most`."""
    for kind, limit, later in zip(
        (resource.RLIMIT_CPU, resource.RLIMIT_AS), now, most, strict=True
    ):
        _, hard = resource.getrlimit(kind)
        hard = round(later) if hard == resource.RLIM_INFINITY else min(hard, round(later))
        resource.setrlimit(kind, (min(round(limit), hard), hard))


def main() -> None:
    mimetypes.init()  # reads system files, which a confined fork cannot
    prepare()
    PIL.Image.init()  # imports the plugin of each format once, not in every fork
    with socket.socket(fileno=int(sys.argv[1])) as control:
        standing_by = StandingBy(control)
        try:
            standing_by.run()
        finally:
            standing_by.close()


if __name__ == "__main__":
    main()
