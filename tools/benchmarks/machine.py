"""What a figure depends on besides the program, and how figures are printed and kept."""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "transformers", "gradio")


@dataclass(frozen=True)
class Report:
    """What a benchmark found. `rows`: a table with its head; `figures`: the same in seconds and bytes."""

    name: str
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]
    figures: dict[str, Any]

    def markdown(self) -> str:
        """The table and what belongs to it."""
        return "\n".join([table(self.rows), "", *self.notes])

    def keep(self, before: Sequence[tuple[str, str]]) -> Path:
        """Write it with the machine, the versions, the commit and the command; gives the file."""
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"{self.name}.json"
        content = {
            "command": " ".join(["python", *sys.argv]),
            "commit": _commit(),
            **dict(before),
            "rows": [list(row) for row in self.rows],
            "notes": list(self.notes),
            "figures": self.figures,
        }
        file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return file


def facts() -> list[tuple[str, str]]:
    """The machine and how busy it is just now, as rows of a table."""
    load = ", ".join(f"{minutes:.1f}" for minutes in os.getloadavg())
    packages = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return [
        ("processor", f"{os.cpu_count()} cores, {_processor()}"),
        ("GPU", _gpu()),
        ("load over 1, 5 and 15 minutes", load),
        ("software", f"Python {platform.python_version()}, {packages}"),
    ]


def peak_bytes() -> int:
    """The most memory that this process has had so far."""
    # What Linux tells `getrusage` may be the peak of whoever started this process.
    status = Path("/proc/self/status")
    if status.exists():
        told = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"))
        if told:
            return int(told[1]) * 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 2**10


def _commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)  # fmt: skip
    return told.stdout.strip() or "unknown"


def _processor() -> str:
    """Its name where Linux tells it, else its architecture."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _version(package: str) -> str:
    """Some of the benchmarks need no page."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _gpu() -> str:
    """Its name, asked of the driver: importing torch would slow a start down that is measured."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return "none"
    command = [tool, "--query-gpu=name", "--format=csv,noheader"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")
    return told[0].strip() or "none"


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as a Markdown table, the first one its head, columns aligned."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in (rows[0], rule, *rows[1:])
    )
