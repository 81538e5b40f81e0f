"""The long day of `tools/bench.py soak`, a moment of it: nothing is held on to."""

from __future__ import annotations

from argparse import Namespace

import pytest

from tests.conftest import Times
from tools.benchmarks import soaking
from tools.benchmarks.soaking import Sample

pytestmark = pytest.mark.slow


def test_threads_and_files_come_back_when_everybody_has_left(
    monkeypatch: pytest.MonkeyPatch, times: Times
) -> None:
    monkeypatch.setenv("GRADIO_IS_E2E_TEST", "1")  # it looks for who has gone more often
    monkeypatch.setattr(soaking, "CLOSED_S", 4.0)
    turns = times(20, nightly=1000)
    report = soaking.run(Namespace(turns=turns, checkpoint="tiny", repeats=1))
    samples = [Sample(*values) for values in report.figures["samples"]]
    busy, after = max(sample.files for sample in samples[:-1]), samples[-1]
    # Connections of programs that have left are gone; what a running page always has stays.
    assert after.files < busy
    assert after.threads <= max(sample.threads for sample in samples[:-1])
    assert after.uploads > 0 and after.memory > 0


def test_growth_is_told_from_noise() -> None:
    noisy = [Sample(turns, 100 + turns % 2, 9, 9, turns / 10) for turns in range(0, 1000, 25)]
    slope, error = soaking._slope(noisy, 1)
    assert abs(slope) < 2 * error
    slope, error = soaking._slope(noisy, 4)
    assert abs(slope - 100) < 1e-6 and error < 1e-6
