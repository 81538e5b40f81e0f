"""Workers of pytest-xdist do not start the same browser and servers twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import ROOT

RUNS_SOMEWHERE = """
import os, pathlib
import pytest

@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_something(browser):
    with pathlib.Path(f"ran-in-{browser}").open("a") as ran:
        ran.write(os.environ["PYTEST_XDIST_WORKER"] + " ")
"""


@pytest.mark.slow
def test_the_tests_of_one_browser_run_in_one_worker(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.support.workers import pytest_xdist_make_scheduler"
    )
    (tmp_path / "tests" / "e2e").mkdir(parents=True)
    for number in range(4):
        (tmp_path / "tests" / "e2e" / f"test_{number}.py").write_text(RUNS_SOMEWHERE)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "2"], cwd=tmp_path, check=True)
    for browser in ("chromium", "firefox"):
        workers = (tmp_path / f"ran-in-{browser}").read_text().split()
        assert len(workers) == 4 and len(set(workers)) == 1
