"""What a batch has written is read again after a kill, without what was cut."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cli.batch.results import BESIDE, COLUMNS, Result, results
from model.errors import DemoError
from tests.support.fakes import USAGE

TEXT = '\u2028Two "lines",\nwith a comma; 数\r\nand more.'
GOOD = Result("a\udcff.png", TEXT, USAGE)
BAD = Result("b.png", error="b.png is no picture.")


def test_a_line_of_json_has_the_answer_with_its_usage_or_the_error(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    written = results(str(out), [])
    for result in (GOOD, BAD):
        written.add(result)
    good, bad = map(json.loads, out.read_text("utf-8", "surrogateescape").split("\n")[:2])
    assert (good["file"], good["answer"]) == (GOOD.file, TEXT)
    assert good["usage"]["new_tokens"] == USAGE.new_tokens
    assert bad == {"file": "b.png", "error": "b.png is no picture."}


def test_a_row_of_csv_has_the_same(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    written = results(str(out), [])
    for result in (GOOD, BAD):
        written.add(result)
    with out.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        good, bad = csv.DictReader(file)
    assert tuple(good) == COLUMNS
    assert (good["answer"], good["new_tokens"]) == (TEXT, str(USAGE.new_tokens))
    assert (bad["file"], bad["error"], bad["answer"]) == ("b.png", "b.png is no picture.", "")


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_file_that_was_cut_anywhere_goes_on_after_its_last_whole_result(
    tmp_path: Path, suffix: str
) -> None:
    whole = tmp_path / f"whole.{suffix}"
    for result in (GOOD, BAD, GOOD):
        results(str(whole), []).add(result)
    content = whole.read_bytes()
    ends = []
    for count in range(4):
        part = tmp_path / f"part{count}.{suffix}"
        for result in (GOOD, BAD, GOOD)[:count]:
            results(str(part), []).add(result)
        ends.append(part.stat().st_size if count else 0)
    for cut in range(len(content) + 1):
        out = tmp_path / f"cut.{suffix}"
        out.write_bytes(content[:cut])
        goes_on = results(str(out), [])
        known = sum(cut >= end for end in ends[1:])
        assert goes_on.done() == {result.file for result in (GOOD, BAD, GOOD)[:known]}, cut
        for result in (GOOD, BAD, GOOD)[known:]:
            goes_on.add(result)
        assert out.read_bytes() == content, cut


def test_answers_stand_beside_their_files(tmp_path: Path) -> None:
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    written = results(BESIDE, files)
    written.add(Result(str(files[0]), TEXT, USAGE))
    written.add(Result(str(files[1]), error="No."))
    assert (tmp_path / "a.txt").read_bytes().decode() == TEXT
    assert written.done() == {str(files[0])}


def test_what_cannot_hold_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"ends in \.jsonl or \.csv"):
        results("out.txt", [])
    with pytest.raises(DemoError, match="does not exist"):
        results(str(tmp_path / "nowhere" / "out.csv"), [])
    with pytest.raises(DemoError, match="would share one text"):
        results(BESIDE, [tmp_path / "a.png", tmp_path / "a.mp4"])


@pytest.mark.parametrize("content", ["[1]\n", "hello\n", '{"x": 1}\n'])
def test_another_programs_file_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    for name in ("out.jsonl", "out.csv"):
        out = tmp_path / name
        out.write_text(content.replace("\n", "\r\n"), encoding="utf-8", newline="")
        with pytest.raises(DemoError, match="something else than the results"):
            results(str(out), []).done()
        assert out.read_bytes().decode() == content.replace("\n", "\r\n")
