"""Importing Gradio the way the app does leaves out what it has no use for, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Each starts a Python of its own.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
IMPORTED = "from cli import gradio_import\nwith gradio_import.lean():\n    import gradio\n"


def run(program: str, imported: str = IMPORTED) -> str:
    """What a fresh Python prints that has imported Gradio so."""
    done = subprocess.run(
        [sys.executable, "-c", imported + program],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_pandas_waits_until_somebody_needs_it() -> None:
    assert run("import sys; print('pandas' in sys.modules)") == "False"


@pytest.mark.parametrize(
    "use",
    [
        "from gradio import caching; frame = caching.pd.DataFrame({'a': [1, 2]})",
        "import pandas; frame = pandas.DataFrame({'a': [1, 2]})",
    ],
)
def test_pandas_is_there_when_it_is_needed(use: str) -> None:
    program = f"{use}; print(gradio.Dataframe().postprocess(frame).data)"
    assert run(program) == "[[1], [2]]"


def test_pandas_that_somebody_has_imported_stays() -> None:
    program = "import sys, pandas\n" + IMPORTED + "print(sys.modules['pandas'] is pandas)"
    assert run(program, imported="") == "True"
