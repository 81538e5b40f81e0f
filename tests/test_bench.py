"""The benchmarks measure what they say; how fast that is says no test."""

from __future__ import annotations

from tools import bench
from tools.benchmarks import decoding, quoting


def test_an_answer_that_repeats_itself_is_measured_to_its_end() -> None:
    options = bench.parse(["decode", "--lengths", "1", "--new-tokens", "520", "--repeats", "1"])
    (figures,) = decoding.run(options).figures["lengths"]  # these random weights loop after 240
    assert figures["input"] == 1
    assert min(figures[way] for way in ("bare", "stock", "ours")) > 0


def test_answers_with_lookup_and_without_are_compared() -> None:
    figures = quoting.run(bench.parse(["lookup", "--repeats", "2"])).figures
    assert set(figures) == {"new", "again"}
    assert all(way["without"] > 0 < way["with"] for way in figures.values())
