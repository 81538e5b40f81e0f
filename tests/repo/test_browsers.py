"""What only Chromium can run is marked and counted."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.browsers import ALONE
from tests.support.project import ROOT

TWO_TESTS = """
import pytest

@pytest.mark.parametrize("core_tab", ["chromium", "firefox"])
def test_core(core_tab): pass

@pytest.mark.chromium_only
def test_alone(): pass
"""


def test_what_speaks_chromiums_own_protocol_is_marked() -> None:
    marked = []
    for file in (ROOT / "tests" / "e2e").rglob("test_*.py"):
        text = file.read_text(encoding="utf-8")
        if f"\npytestmark = pytest.mark.{ALONE}" in text:
            continue  # the whole file is
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and "cdp_session(" in ast.unparse(node):
                marked.append((node.name, [ast.unparse(mark) for mark in node.decorator_list]))
    assert marked
    assert [name for name, marks in marked if f"pytest.mark.{ALONE}" not in marks] == []


@pytest.mark.slow
def test_the_end_of_a_run_says_how_many_tests_ran_in_which_browser(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.support.browsers import pytest_terminal_summary as pytest_terminal_summary"
    )
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\npythonpath = {ROOT}\nmarkers = {ALONE}\naddopts = -n 2"
    )
    (tmp_path / "test_some.py").write_text(TWO_TESTS)
    run = subprocess.run(
        [sys.executable, "-m", "pytest"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    told = "browsers: core tests: 1 in chromium, 1 in firefox; tests that need Chromium: 1"
    assert told in run.stdout
