"""`tools/eval_tiny.py` asks the application's own model service and keeps what it has measured."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from model.checkpoint.choose import BUNDLED
from tools.tiny.exam import svg

pytestmark = pytest.mark.slow

TOOL = Path(__file__).parents[2] / "tools" / "eval_tiny.py"


@pytest.mark.skipif(svg.there("sklearn"), reason="nothing is missing here")
def test_what_the_third_renderer_lacks_is_said_at_once() -> None:
    command = [sys.executable, str(TOOL), str(BUNDLED), "--condition", "third renderer"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 2 and "pip install --no-deps" in said.stderr
    assert "scikit-learn" in said.stderr


def test_a_killed_evaluation_leaves_the_rows_that_it_finished_in_the_card(tmp_path: Path) -> None:
    folder = shutil.copytree(BUNDLED, tmp_path / "checkpoint")
    command = [
        sys.executable,
        str(TOOL),
        str(folder),
        "--n",
        "2",
        "--processes",
        "1",
        "--condition",
        "generator",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(2)]
        os.killpg(process.pid, signal.SIGKILL)
    assert [line.split(" of ")[0][:10] for line in said] == ["generator ", "generator "]
    rows = [line for line in (folder / "README.md").read_text().splitlines() if "/2 |" in line]
    assert rows and rows[0].startswith("| describe, 1 shape | ") and rows[0].count("/2 |") == 1
    assert not any("read" in row or "(300)" in row for row in rows)
