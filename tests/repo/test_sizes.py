"""How much of the code a reader has to take in at once: files in a folder, lines of a file and of a function.

The lines of a function in the page's scripts are Biome's to count (biome.json), in `make check`.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILES = 10  # in a folder, without its __init__.py
MAX_FILE_LINES = 320
MAX_FUNCTION_LINES = 45  # with its decorators' lines left out
PROGRAM = ("cli", "model", "ui", "assets")
# Their folders are those of the program.
MIRRORS = ("tests/cli", "tests/js", "tests/model", "tests/ui")
# Rows of one kind, one below the other.
TABLES = {
    "model/settings.py",
    "ui/text/chinese.py",
    "ui/text/english.py",
    "ui/text/korean.py",
}


def files(*folders: str, kinds: tuple[str, ...] = (".py", ".js")) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    return sorted(path for path in found if path.suffix in kinds)


@pytest.mark.parametrize("folder", [*PROGRAM, *MIRRORS])
def test_no_folder_holds_more_files_than_a_reader_takes_in(folder: str) -> None:
    held = Counter(path.parent for path in files(folder) if path.name != "__init__.py")
    assert held and {str(parent): n for parent, n in held.items() if n > MAX_FILES} == {}


def test_no_file_but_a_table_is_longer_than_a_reader_takes_in() -> None:
    paths = [ROOT / "app.py", *files(*PROGRAM, kinds=(".py", ".js", ".css"))]
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in paths
    }
    assert {name for name, count in lines.items() if count > MAX_FILE_LINES} == TABLES


def test_every_function_fits_on_a_screen() -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    for path in (ROOT / "app.py", *files(*PROGRAM, kinds=(".py",))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kinds) and node.end_lineno:
                assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, f"{path}: {node.name}"
