"""The planted bugs of tools/mutants.toml stay true of the code."""

from __future__ import annotations

import re

import pytest

from tools.mutants import ROOT, Mutant, table


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


@pytest.mark.parametrize("source", ["", "twice twice"])
def test_a_bug_that_no_longer_has_its_one_place_is_refused(source: str) -> None:
    mutant = Mutant("X1", "a.py", "It breaks.", "twice", "once", ("tests/test_a.py::test_a",))
    with pytest.raises(ValueError, match=r"X1: its text stands \d times in a\.py"):
        mutant.planted(source)
