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
    half = __name__.rpartition(".")[2][:6]
    with pathlib.Path(f"ran-{browser}-{half}").open("a") as ran:
        ran.write(os.environ["PYTEST_XDIST_WORKER"] + " ")
"""


@pytest.mark.slow
def test_the_tests_of_one_browser_run_in_one_worker_and_those_of_chromium_in_two(
    tmp_path: Path,
) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.support.workers import pytest_xdist_make_scheduler"
    )
    (tmp_path / "tests" / "e2e").mkdir(parents=True)
    for half in ("test_a", "test_z"):
        for number in range(2):
            (tmp_path / "tests" / "e2e" / f"{half}{number}.py").write_text(RUNS_SOMEWHERE)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "3"], cwd=tmp_path, check=True)
    firefox, first, second = (
        [worker for file in tmp_path.glob(f"ran-{ran}") for worker in file.read_text().split()]
        for ran in ("firefox-*", "chromium-test_a", "chromium-test_z")
    )
    assert (len(firefox), len(first), len(second)) == (4, 2, 2)
    assert len({*firefox}) == len({*first}) == len({*second}) == 1
    assert {*first} != {*second}
