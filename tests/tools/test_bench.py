"""The benchmarks measure what they say; how fast that is says no test."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest

from model.conversation import Conversation, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support import stock
from tests.support.patience import wait_until
from tools import bench
from tools.benchmarks import alone, conversations, decoding, page
from tools.benchmarks.report import RESULTS, Figures, Report, kept

PAGE = page.PAGE.read_text(encoding="utf-8")


def test_the_tables_of_the_page_are_made_of_what_is_kept() -> None:
    assert page.places(PAGE) and page.filled(PAGE) == PAGE


def test_every_benchmark_has_a_place_on_the_page_and_nothing_else_is_kept() -> None:
    assert sorted(page.places(PAGE)) == sorted(bench.BENCHMARKS)
    assert sorted(file.stem for file in RESULTS.iterdir()) == sorted(bench.BENCHMARKS)


@pytest.mark.parametrize("name", bench.BENCHMARKS)
def test_what_is_kept_is_of_a_commit_and_of_at_least_five_repetitions(name: str) -> None:
    report = kept(RESULTS / f"{name}.json")
    assert report.repetitions >= 5
    assert f"python tools/bench.py {name}" in report.facts["command"]
    assert "dirty" not in report.facts["commit"] != "unknown"


def test_another_figure_is_another_page(tmp_path: Path) -> None:
    for name in bench.BENCHMARKS:
        Report("x", ["a"], [[Figures((1.0, 2.0, 9.0), "s")]], FACTS).keep(tmp_path / f"{name}.json")
    made = page.filled(PAGE, tmp_path)
    assert made.count("| 2.00 s (1.00 to 9.00) |") == len(bench.BENCHMARKS)
    assert made.count(
        "Median and range of 3, commit abc, today. here; load 1 before. Python."
    ) == len(bench.BENCHMARKS)
    assert page.filled(made) == PAGE


FACTS = {
    "command": "python tools/bench.py x",
    "commit": "abc",
    "date": "today",
    "machine": "here",
    "load": "1",
    "software": "Python",
}


def test_a_ratio_is_that_of_each_repetition() -> None:
    slow, fast = Figures((3.0, 8.0, 10.0), "s"), Figures((1.0, 4.0, 1.0), "s")
    assert slow.per(fast) == Figures((3.0, 2.0, 10.0))
    assert str(slow.per(fast)) == "3.00 (2.00 to 10.0)"
    assert slow.less(fast) == Figures((2.0, 4.0, 9.0), "s")


def test_figures_of_different_numbers_of_repetitions_are_no_report() -> None:
    report = Report("x", ["a", "b"], [[Figures((1.0,)), Figures((1.0, 2.0))]], FACTS)
    with pytest.raises(ValueError, match="too many values"):
        report.markdown()


@pytest.mark.parametrize("tokens", [30, 257])
def test_a_prompt_has_the_length_that_is_said(qwen2_vl: LocalBackend, tokens: int) -> None:
    talk = conversations.of_length(qwen2_vl, tokens)
    (length,) = stock.stock_inputs(qwen2_vl, talk, GenerationSettings())["input_ids"].shape[1:]
    assert length == tokens


def test_memory_is_that_of_one_piece_of_work(capfd: pytest.CaptureFixture[str]) -> None:
    bytearray(300 * 2**20)  # an earlier peak
    alone.tell(lambda: bytearray(100 * 2**20))
    _, megabytes = json.loads(capfd.readouterr().out)
    assert 95 < megabytes < 120


@pytest.mark.slow
def test_an_answer_that_repeats_itself_is_measured_to_its_end() -> None:
    backend = LocalBackend.load("tiny", device="cpu")
    decoding.endless(backend)
    talk = Conversation().with_user_turn(Text(conversations.WORD * 1000))
    speeds = [way(backend, talk, 320) for way in decoding.WAYS]  # raises if an answer is shorter
    assert min(speeds) > 0


LOOKUP = bench.BENCHMARKS["lookup"]


@pytest.mark.slow
def test_one_failure_loses_nothing_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "BENCHMARKS", {"unknown": LOOKUP, "lookup": LOOKUP})
    assert bench.main(["all", "--quick", "--out", str(tmp_path)]) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["lookup.json"]
    assert "These failed, and their tables are as before: unknown." in capfd.readouterr().out


@pytest.mark.slow
def test_what_takes_longer_than_the_limit_is_ended_with_what_it_started(tmp_path: Path) -> None:
    started = tmp_path / "started"
    program = f"""
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path({str(started)!r}).write_text(str(child.pid))
child.wait()
"""
    assert not bench._ended_well([sys.executable, "-c", program], 5.0)
    child = int(started.read_text(encoding="utf-8"))
    wait_until(lambda: not running(child))


def running(process: int) -> bool:
    """A zombie, whose new parent has not looked yet, is not."""
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    "what",
    [
        *("ttft", "ahead", "decode", "crowd"),
        *(
            pytest.param(name, marks=pytest.mark.nightly)
            for name in ("video", "long", "memory", "sandbox", "load")
        ),
    ],
)
@pytest.mark.slow
def test_a_benchmark_runs_and_keeps_what_it_found(tmp_path: Path, what: str) -> None:
    assert bench.main([what, "--quick", "--out", str(tmp_path)]) == 0
    found = kept(tmp_path / f"{what}.json")
    figures = [cell for row in found.rows for cell in row if isinstance(cell, Figures)]
    assert figures and found.repetitions == 1
    if what != "load":  # its last column is a difference, which may be nothing
        assert all(cell.values[0] > 0 for cell in figures if cell.unit in ("s", "ms", "tokens/s"))
