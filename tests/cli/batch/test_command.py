"""`python app.py --batch`: a folder, a question, a file; killed in between, the same command goes on."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import app
from tests.support import media_files
from tests.support.patience import PATIENCE_S
from tests.support.project import ROOT

FLAGS = ("-c", "tiny", "--cpu-only", "--prompt", "What is this?", "--max-new-tokens", "8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    for number in range(24):
        media_files.photo(folder / f"{number:02}.png", (112, 84), seed=number)
    return folder


def arguments(folder: Path, out: Path | str) -> list[str]:
    return [*FLAGS, "--batch", str(folder), "--out", str(out)]


def run(folder: Path, out: Path | str) -> int:
    """In this process: only one that is killed needs its own. Returns the exit status."""
    return app.main(arguments(folder, out))


def answers(out: Path) -> dict[str, str]:
    lines = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    return {line["file"]: line["answer"] for line in lines}


@pytest.mark.slow
def test_a_killed_run_is_completed_by_the_same_command(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unbroken, broken = tmp_path / "unbroken.jsonl", tmp_path / "broken.jsonl"
    assert run(folder, unbroken) == 0
    assert "24/24" in capsys.readouterr().err
    command = [sys.executable, "app.py", *arguments(folder, broken)]
    killed = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    until = time.monotonic() + PATIENCE_S
    while not (broken.exists() and broken.read_bytes().count(b"\n") >= 4):
        assert time.monotonic() < until
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    before = broken.read_bytes().count(b"\n")
    assert before < 24
    assert run(folder, broken) == 0
    assert list(answers(broken).items()) == list(answers(unbroken).items())
    assert broken.read_bytes().count(b"\n") == 24


@pytest.mark.slow
def test_a_table_and_texts_beside_the_files(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    assert run(folder, out) == 0
    with out.open(encoding="utf-8", newline="") as file:
        said = {row["file"]: row["answer"] for row in csv.DictReader(file)}
    assert run(folder, "beside") == 0
    beside = {
        str(file): file.with_suffix(".txt").read_text("utf-8") for file in folder.glob("*.png")
    }
    assert beside == said


def test_a_question_and_a_file_are_needed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app.main(["-c", "tiny", "--batch", str(folder)])
    assert ended.value.code == 2
    assert "--batch needs a question with --prompt" in capsys.readouterr().err
