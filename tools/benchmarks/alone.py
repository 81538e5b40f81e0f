"""Measures the time and the peak memory of work in a process of its own.

A process cannot give back its peak, so two measurements in one process would mix.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tools.benchmarks.machine import ROOT, clock

_STATUS, _FORGET_PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Cost:
    """The cost of one piece of work. mb: peak of resident memory, less the memory before."""

    seconds: float
    mb: float  # resident memory: the peak less what was there before


def measured(module: str, *arguments: str) -> Cost:
    """Run `python -m module arguments`, which reports its cost by `tell`."""
    command = [sys.executable, "-m", module, *arguments]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(*json.loads(told.stdout.splitlines()[-1]))


def tell(work: Callable[[], object]) -> None:
    """Do the work and print its cost, in the process that `measured` started."""
    before = _memory_mb()
    began = clock()
    work()
    seconds = clock() - began
    print(json.dumps([seconds, _peak_mb() - before]))


def _memory_mb() -> float:
    """Reset the peak where the system can, and return the resident memory; elsewhere return the peak so far."""
    with suppress(OSError):
        _FORGET_PEAK.write_text("5", encoding="ascii")  # see proc_pid_clear_refs(5)
    return _peak_mb()


def _peak_mb() -> float:
    # What Linux tells `getrusage` may be the peak of whoever started this process.
    if _STATUS.exists():
        told = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text(encoding="utf-8"))
        if told:
            return int(told[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
