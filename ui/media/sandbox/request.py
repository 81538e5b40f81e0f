"""What the page asks of a sandbox: a job, the files that it may open, and what it may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """What a job may take: so much while a header is read, then the more the larger the picture is by that."""

    cpu_s: float = 3.0  # of a processor's time
    memory_bytes: int = 2**30  # of address space; an empty process has 0.3 GB
    wait_s: float = 120.0  # altogether, if it takes hardly any of a processor's time; 0: for ever
    # For the largest picture or frame; honest ones take up to 5 s and 1.8 GB.
    largest_cpu_s: float = 12.0
    largest_memory_bytes: int = 5 * 2**29
    cores: int = 4  # decoders start a thread for every one, and memory for every thread; 0: all
    # Somebody waits for it. Answers that are being written come first, but not alone: with 19, on a processor that computes
    # them, a small picture would take up to half a minute instead of a second.
    nice: int = 5

    def share(self, of_largest: float) -> tuple[float, int]:
        """Processor's time and memory for so much of the largest size."""
        seconds = self.cpu_s + (self.largest_cpu_s - self.cpu_s) * of_largest
        more = max(0, self.largest_memory_bytes - self.memory_bytes)
        return seconds, self.memory_bytes + int(more * of_largest)


LOOKING = Limits()
# A clip's frames, or a copy of it; how long it may be decoded is bounded elsewhere (`container.DECODE_TIMEOUT_S`).
READING = Limits(3600.0, 2 * 2**30, 0.0, 3600.0, 4 * 2**30, cores=0, nice=19)


@dataclass(frozen=True)
class Request:
    """largest: how large the picture is, from 0 to 1 for the largest that is read; None: its header says."""

    job: str
    arguments: tuple[Any, ...]
    files: tuple[str, ...]
    limits: Limits
    largest: float | None = None
