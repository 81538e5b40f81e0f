"""The benchmarks measure what they say; how fast that is says no test."""

from __future__ import annotations

import pytest

from model.choose import BUNDLED
from tools import bench
from tools.benchmarks import decoding, quoting

pytestmark = pytest.mark.slow


def test_an_answer_that_repeats_itself_is_measured_to_its_end() -> None:
    tiny = ["--checkpoint", str(BUNDLED)]
    options = bench.parse(
        ["decode", "--lengths", "1", "--new-tokens", "520", "--repeats", "1", *tiny]
    )
    (figures,) = decoding.run(options).figures["lengths"]  # what ends no answer soon loops
    assert figures["input"] == 1
    assert min(figures[way] for way in ("bare", "stock", "ours")) > 0


def test_answers_with_lookup_and_without_are_compared() -> None:
    figures = quoting.run(bench.parse(["lookup", "--repeats", "2"])).figures
    assert set(figures) == {"new", "again"}
    assert all(way["without"] > 0 < way["with"] for way in figures.values())
