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


def command(folder: Path, out: str) -> list[str]:
    return [sys.executable, "app.py", *FLAGS, "--batch", str(folder), "--out", out]


def answers(out: Path) -> dict[str, str]:
    lines = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    return {line["file"]: line["answer"] for line in lines}


@pytest.mark.slow
def test_a_killed_run_is_completed_by_the_same_command(folder: Path, tmp_path: Path) -> None:
    unbroken, broken = tmp_path / "unbroken.jsonl", tmp_path / "broken.jsonl"
    done = subprocess.run(command(folder, str(unbroken)), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "24/24" in done.stderr
    killed = subprocess.Popen(command(folder, str(broken)), cwd=ROOT, stderr=subprocess.PIPE)
    until = time.monotonic() + PATIENCE_S
    while not (broken.exists() and broken.read_bytes().count(b"\n") >= 4):
        assert time.monotonic() < until
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    before = broken.read_bytes().count(b"\n")
    assert before < 24
    subprocess.run(command(folder, str(broken)), cwd=ROOT, capture_output=True, check=True)
    assert list(answers(broken).items()) == list(answers(unbroken).items())
    assert broken.read_bytes().count(b"\n") == 24


@pytest.mark.slow
def test_a_table_and_texts_beside_the_files(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    subprocess.run(command(folder, str(out)), cwd=ROOT, capture_output=True, check=True)
    with out.open(encoding="utf-8", newline="") as file:
        said = {row["file"]: row["answer"] for row in csv.DictReader(file)}
    subprocess.run(command(folder, "beside"), cwd=ROOT, capture_output=True, check=True)
    beside = {
        str(file): file.with_suffix(".txt").read_text("utf-8") for file in folder.glob("*.png")
    }
    assert beside == said


def test_a_question_and_a_file_are_needed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app.main(["-c", "tiny", "--batch", str(folder)])
    assert ended.value.code == 2
    assert "--batch needs a question with --prompt" in capsys.readouterr().err
