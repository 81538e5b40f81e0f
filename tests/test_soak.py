"""The long day of `tools/bench.py soak`, an hour of it: nothing is held on to."""

from __future__ import annotations

from argparse import Namespace

from tools.benchmarks import soaking
from tools.benchmarks.soaking import Sample


def test_threads_and_files_come_back_when_everybody_has_left() -> None:
    report = soaking.run(Namespace(turns=20, checkpoint="tiny", repeats=1))
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
