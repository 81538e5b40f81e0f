"""The long day of `tools/soak.py`, a moment of it: nothing is held on to."""

from __future__ import annotations

import pytest

from tests.conftest import Times
from tools import soak
from tools.soak import Sample

pytestmark = pytest.mark.slow


def test_threads_and_files_come_back_when_everybody_has_left(
    monkeypatch: pytest.MonkeyPatch, times: Times
) -> None:
    monkeypatch.setenv("GRADIO_IS_E2E_TEST", "1")  # it looks for who has gone more often
    monkeypatch.setattr(soak, "CLOSED_S", 4.0)
    turns = times(6, nightly=1000)
    samples, counts = soak.run(turns)
    assert sum(counts[kind] for kind in soak.TURNS) == turns
    assert "| open files |" in soak.shown(samples)
    busy, after = max(sample.files for sample in samples[:-1]), samples[-1]
    # Connections of programs that have left are gone; what a running page always has stays.
    assert after.files < busy
    assert after.threads <= max(sample.threads for sample in samples[:-1])
    assert after.uploads > 0 and after.memory > 0


def test_growth_is_told_from_noise() -> None:
    noisy = [Sample(turns, 100 + turns % 2, 9, 9, turns / 10) for turns in range(0, 1000, 25)]
    slope, error = soak._slope(noisy, 1)
    assert abs(slope) < 2 * error
    slope, error = soak._slope(noisy, 4)
    assert abs(slope - 100) < 1e-6 and error < 1e-6
