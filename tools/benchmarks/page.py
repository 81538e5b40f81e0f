"""Writes the tables of docs/benchmarks.md from the kept reports."""

from __future__ import annotations

import re
from pathlib import Path

from tools.benchmarks.machine import ROOT
from tools.benchmarks.report import RESULTS, kept

PAGE = ROOT / "docs" / "benchmarks.md"
_PLACE = re.compile(r"(<!-- (\w+): made by `python tools/bench\.py page` -->\n).*?(<!-- end -->)", re.DOTALL)  # fmt: skip


def places(page: str) -> list[str]:
    """The names of the benchmarks that have a table on the page, in order."""
    return [name for _, name, _ in _PLACE.findall(page)]


def filled(page: str, results: Path = RESULTS) -> str:
    """Return the page with the kept tables. Raises `FileNotFoundError` without a report."""

    def block(place: re.Match[str]) -> str:
        return f"{place[1]}\n{kept(results / f'{place[2]}.json').markdown()}\n\n{place[3]}"

    return _PLACE.sub(block, page)


def write() -> None:
    """Write the kept tables into the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
