"""The request to a sandbox: a job, the files that it may open, and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """The limits of a job while the header is read. Then they grow with the size of the picture."""

    cpu_s: float = 3.0
    memory_bytes: int = 2**30  # of address space; an empty process has 0.3 GB
    wait_s: float = 120.0  # wall time; 0: no limit
    # For the largest picture or frame. Valid ones take up to 5 s and 1.8 GB.
    largest_cpu_s: float = 12.0
    largest_memory_bytes: int = 5 * 2**29
    cores: int = 4  # decoders start a thread, with its memory, for each core; 0: all cores
    # Answers that are being written come first. With 19, a small picture beside them would take up to half a minute
    # instead of a second.
    nice: int = 5

    def share(self, of_largest: float) -> tuple[float, int]:
        """Return seconds of CPU time and bytes for a picture of this share of the largest size."""
        seconds = self.cpu_s + (self.largest_cpu_s - self.cpu_s) * of_largest
        more = max(0, self.largest_memory_bytes - self.memory_bytes)
        return seconds, self.memory_bytes + int(more * of_largest)


LOOKING = Limits()
# For a clip's frames or a copy of it. `container.DECODE_TIMEOUT_S` limits the decoding.
READING = Limits(3600.0, 2 * 2**30, 0.0, 3600.0, 4 * 2**30, cores=0, nice=19)


@dataclass(frozen=True)
class Request:
    """A job. largest: the size of the picture as a share of the largest that is read; None: its header tells."""

    job: str
    arguments: tuple[Any, ...]
    files: tuple[str, ...]
    limits: Limits
    largest: float | None = None
