"""The planted bugs of tools/mutants.toml stay true of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.mutants import BROWSER_TESTS, ROOT, FirstFailure, Mutant, batches, ended, table


@pytest.mark.parametrize("mutant", table(), ids=lambda mutant: mutant.id)
def test_a_planted_bug_changes_one_place_and_names_tests_that_exist(mutant: Mutant) -> None:
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert mutant.planted(source) != source
    assert mutant.tests and mutant.breaks.endswith(".")
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert re.search(rf"^def {name.partition('[')[0]}\(", (ROOT / file).read_text(), re.M)


def test_every_planted_bug_has_its_own_name() -> None:
    ids = [mutant.id for mutant in table()]
    assert len(ids) == len(set(ids))


def test_each_test_runs_once_without_a_bug_and_those_of_the_browser_together() -> None:
    parts = batches(table(), 3)
    named = {test for mutant in table() for test in mutant.tests}
    assert sorted(test for part in parts for test in part) == sorted(named) and len(parts) == 3
    assert sum(any(test.startswith(BROWSER_TESTS) for test in part) for part in parts) == 1
    assert batches([], 2) == []


@pytest.mark.parametrize("source", ["", "twice twice"])
def test_a_bug_that_no_longer_has_its_one_place_is_refused(source: str) -> None:
    mutant = Mutant("X1", "a.py", "It breaks.", "twice", "once", ("tests/test_a.py::test_a",))
    with pytest.raises(ValueError, match=r"X1: its text stands \d times in a\.py"):
        mutant.planted(source)


@pytest.mark.parametrize(
    ("passes", "status"),
    [(True, pytest.ExitCode.INTERNAL_ERROR), (False, pytest.ExitCode.TESTS_FAILED)],
)
def test_a_run_of_pytest_that_breaks_off_ends_no_other(
    tmp_path: Path, passes: bool, status: int
) -> None:
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "conftest.py").write_text("def pytest_unconfigure():\n    raise OSError\n")
    (tmp_path / f"test_planted_{passes}.py").write_text(f"def test_a():\n    assert {passes}\n")
    flags = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", f"--rootdir={tmp_path}"]
    first = FirstFailure()
    assert ended([*flags, "-c", str(tmp_path / "pytest.ini"), str(tmp_path)], first) == status
    assert bool(first.test) != passes
