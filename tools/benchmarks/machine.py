"""What a figure depends on besides the program, and how figures are printed."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("torch", "transformers", "gradio")


def facts() -> list[tuple[str, str]]:
    """The machine and how busy it is just now, as rows of a table."""
    load = ", ".join(f"{minutes:.1f}" for minutes in os.getloadavg())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        ("processor", f"{os.cpu_count()} cores, {_processor()}"),
        ("load over 1, 5 and 15 minutes", load),
        ("software", f"Python {platform.python_version()}, {packages}"),
    ]


def _processor() -> str:
    """Its name where Linux tells it, else its architecture."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as a Markdown table with an empty head, its columns aligned."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head = [[" " * width for width in widths], ["-" * width for width in widths]]
    return "\n".join(
        "| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in (*head, *rows)
    )
