"""Strangers' files are opened in a process of their own first, which may take only so much time and memory.

A few bytes can make a decoder take all the memory there is, go on for hours, or crash. What has been opened
there once can be opened here. A helper process stands by and forks for each file, so that this takes milliseconds.
"""

from __future__ import annotations

import atexit
import json
import os
import random
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import LifoQueue
from typing import Any, TextIO

from model.errors import DemoError, MediaError, Sentence
from ui.first_look import FirstLook, largeness, look

AT_ONCE = 2  # so that together they cannot take much either
CORES = 4  # for each: decoders start a thread for every one, and memory for every thread
ROOT = Path(__file__).parent.parent
PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")  # of the environment: no keys

# One thread alone can fork; and each arena of a decoder's threads would reserve 64 MB of address space.
ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True)
class Limits:
    """What a file may take: so much while its header is read, then the more the larger it is by that."""

    cpu_s: float = 3.0  # of a processor's time
    memory_bytes: int = 2**30  # of address space; an empty process has 0.3 GB
    wait_s: float = 30.0  # altogether, if it takes hardly any of a processor's time
    # For the largest picture or frame; honest ones take up to 5 s and 1.5 GB.
    largest_cpu_s: float = 12.0
    largest_memory_bytes: int = 2 * 2**30

    def share(self, of_largest: float) -> tuple[float, int]:
        """Processor's time and memory for so much of the largest size."""
        seconds = self.cpu_s + (self.largest_cpu_s - self.cpu_s) * of_largest
        more = max(0, self.largest_memory_bytes - self.memory_bytes)
        return seconds, self.memory_bytes + int(more * of_largest)


class Quarantine:
    """Looks at files elsewhere, a few at once. Safe to use from several threads."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._helpers: LifoQueue[subprocess.Popen[str] | None] = LifoQueue()
        for _ in range(AT_ONCE):
            self._helpers.put(None)
        atexit.register(self.close)

    def first_look(self, file: str, name: str, folder: str) -> FirstLook:
        """See `first_look.look`; blocks. Raises `MediaError`."""
        if not hasattr(os, "fork"):  # Windows, where nobody posts a public link from
            return look(file, name, folder)
        helper = self._helpers.get()
        try:
            if helper is None or helper.poll() is not None:
                helper = _started()
            told = _asked(helper, {"file": [file, name, folder], "limits": asdict(self._limits)})
        finally:
            self._helpers.put(helper)
        return _said(told, name)

    def close(self) -> None:
        """End the helpers that stand by."""
        for helper in [self._helpers.get() for _ in range(self._helpers.qsize())]:
            self._helpers.put(None)
            if helper:
                helper.communicate()


def _started() -> subprocess.Popen[str]:
    """A helper that ends when nobody can ask it any more."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "ui.quarantine"],
        cwd=ROOT,
        env=environment | ALONE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # an interrupt from the terminal is not for it
    )


def _asked(helper: subprocess.Popen[str], question: dict[str, Any]) -> dict[str, Any]:
    assert helper.stdin and helper.stdout
    try:
        helper.stdin.write(json.dumps(question) + "\n")
        helper.stdin.flush()
        told = helper.stdout.readline()
    except OSError:
        told = ""
    if told:
        answer: dict[str, Any] = json.loads(told)
        return answer
    helper.kill()
    return {"signal": signal.SIGKILL}


def _said(told: dict[str, Any], name: str) -> FirstLook:
    match told:
        case {"look": seen}:
            return FirstLook(**{**seen, "size": tuple(seen["size"])})
        case {"refused": sentence}:
            raise MediaError.of(Sentence.of_plain(sentence))
        case {"bug": trace}:
            raise RuntimeError(trace)
        case {"signal": signal.SIGXCPU | signal.SIGALRM | signal.SIGKILL}:
            raise MediaError(
                "{name} takes too much time or memory to read; "
                "save it as PNG or JPEG, or as MP4 (H.264), and attach it again.",
                name=name,
            )
    raise MediaError(
        "{name} is damaged; save it as PNG or JPEG, or as MP4 (H.264), and attach it again.",
        name=name,
    )


def _stand_by() -> None:
    """The helper: a fork for every file, which tells what it saw in one line."""
    # What a library prints is no answer.
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)
        for question in sys.stdin:
            child = os.fork()
            if not child:
                _tell(json.loads(question), out)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            if os.WIFSIGNALED(status):
                _write(out, {"signal": os.WTERMSIG(status)})


def _tell(question: dict[str, Any], out: TextIO) -> None:
    try:
        seen = _limited_look(Limits(**question["limits"]), *question["file"])
        _write(out, {"look": asdict(seen)})
    except DemoError as refusal:
        _write(out, {"refused": refusal.sentence.plain()})
    except MemoryError:
        _write(out, {"signal": signal.SIGKILL})
    except BaseException:
        _write(out, {"bug": traceback.format_exc()})


def _write(out: TextIO, told: dict[str, Any]) -> None:
    out.write(json.dumps(told) + "\n")
    out.flush()


def _limited_look(limits: Limits, file: str, name: str, folder: str) -> FirstLook:
    signal.setitimer(signal.ITIMER_REAL, limits.wait_s)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, random.sample(cores, min(CORES, len(cores))))
    _allow(*limits.share(0.0))
    _allow(*limits.share(largeness(file, name)))
    return look(file, name, folder)


def _allow(seconds: float, memory_bytes: int) -> None:
    """So much of a processor's time, after which the process is killed, and of memory."""
    import resource

    for kind, limit in (
        (resource.RLIMIT_CPU, round(seconds)),
        (resource.RLIMIT_AS, memory_bytes),
    ):
        _, most = resource.getrlimit(kind)
        with suppress(ValueError):  # a lower limit is there already
            resource.setrlimit(kind, (limit, most))


if __name__ == "__main__":
    _stand_by()
