"""The report of a benchmark: a table whose cells keep the figure of every repetition.

It imports nothing that is measured, so docs/benchmarks.md can be written without torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figures:
    """One figure of each repetition. unit: empty for a ratio."""

    values: tuple[float, ...]
    unit: str = ""  # none: a ratio

    def __str__(self) -> str:
        """The median, and the range of several repetitions."""
        shown = f"{_number(median(self.values))} {self.unit}".strip()
        if len(self.values) == 1:
            return shown
        return f"{shown} ({_number(min(self.values))} to {_number(max(self.values))})"

    def per(self, other: Figures) -> Figures:
        """The ratio in each repetition."""
        return Figures(tuple(a / b for a, b in zip(self.values, other.values, strict=True)))

    def less(self, other: Figures) -> Figures:
        """The difference in each repetition."""
        pairs = zip(self.values, other.values, strict=True)
        return Figures(tuple(a - b for a, b in pairs), self.unit)


def columns(repetitions: Iterable[Iterable[float]], unit: str) -> tuple[Figures, ...]:
    """The `Figures` of each column. repetitions: a row of figures each."""
    return tuple(Figures(column, unit) for column in zip(*repetitions, strict=True))


Cell = str | Figures


@dataclass(frozen=True)
class Report:
    """A table with what was measured. facts: its circumstances, see `machine.facts`."""

    about: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def repetitions(self) -> int:
        """The number of repetitions. Raises `ValueError` if the figures differ in it."""
        (count,) = {len(c.values) for row in self.rows for c in row if isinstance(c, Figures)}
        return count

    def markdown(self) -> str:
        """The table with its circumstances."""
        facts = self.facts
        return "\n\n".join(
            [
                f"`{facts['command']}`: {self.about}.",
                table([self.head, *(map(str, row) for row in self.rows)]),
                f"Median and range of {self.repetitions}, commit {facts['commit']}, {facts['date']}. "
                f"{facts['machine']}; load {facts['load']} before. {facts['software']}.",
            ]
        )

    def keep(self, file: Path) -> None:
        """Write the report as JSON."""
        rows = [[_kept(cell) for cell in row] for row in self.rows]
        content = {**self.facts, "about": self.about, "head": list(self.head), "rows": rows}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def kept(file: Path) -> Report:
    """Read a report that `keep` wrote."""
    content = json.loads(file.read_text(encoding="utf-8"))
    about, head, rows = (content.pop(name) for name in ("about", "head", "rows"))
    return Report(about, head, [[_cell(cell) for cell in row] for row in rows], content)


def table(rows: Iterable[Iterable[str]]) -> str:
    """Format rows as a Markdown table with aligned columns. The first row is the head."""
    rows = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in (rows[0], rule, *rows[1:])
    )


def _number(value: float) -> str:
    """A number with three digits, or more for thousands."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}"


def _kept(cell: Cell) -> str | dict[str, Any]:
    if isinstance(cell, str):
        return cell
    return {"unit": cell.unit, "values": list(cell.values)}


def _cell(content: str | dict[str, Any]) -> Cell:
    if isinstance(content, str):
        return content
    return Figures(tuple(content["values"]), content["unit"])
