"""The answers of a batch in a file, which goes on after a kill where it stopped."""

from __future__ import annotations

import csv
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.backend import Usage
from model.errors import DemoError

COLUMNS = ("file", "answer", "error", "stop_reason", "prompt_tokens", "new_tokens", "seed")
BESIDE = "beside"
# File names may hold bytes that are no text, and a kill may cut a character.
TEXT: Mapping[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}


@dataclass(frozen=True)
class Result:
    """One line. error: the sentence that stands where an answer would, empty for an answer."""

    file: str
    answer: str = ""
    usage: Usage | None = None
    error: str = ""


class Results(ABC):
    """Where results are written. Each is on the disk when `add` returns."""

    @abstractmethod
    def done(self) -> set[str]:
        """The files whose results are there already. What a kill has left half written is removed."""

    @abstractmethod
    def add(self, result: Result) -> None: ...


def results(out: str, files: Sequence[Path]) -> Results:
    """Where the results of `files` go. Raises `DemoError` for a name with another ending, and for a folder that is missing."""
    if out == BESIDE:
        return TextsBeside(files)
    path = Path(out).expanduser()
    kind = {".jsonl": JsonLines, ".csv": CsvLines}.get(path.suffix.lower())
    if kind is None:
        raise DemoError("--out takes a file that ends in .jsonl or .csv, or the word beside.")
    if not path.parent.is_dir():
        raise DemoError("--out names a file in {folder}, which does not exist.", folder=path.parent)
    return kind(path)


class _Lines(Results):
    """A file with a line, or a row, for each result."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, result: Result) -> None:
        text = self._text(result)
        if not self._path.exists() or not self._path.stat().st_size:
            text = self._head() + text
        with self._path.open("a", **TEXT) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def done(self) -> set[str]:
        if not self._path.exists():
            return set()
        with self._path.open(**TEXT) as file:
            content = file.read()
        kept, names = self._read(content)
        if len(kept) < len(content):
            self._path.write_text(kept, **TEXT)
        return names

    def _head(self) -> str:
        return ""

    @abstractmethod
    def _text(self, result: Result) -> str: ...

    @abstractmethod
    def _read(self, content: str) -> tuple[str, set[str]]:
        """The whole lines, and the files that they are about. Raises `DemoError` for another program's file."""


class JsonLines(_Lines):
    """A JSON object a line: the file, and its answer with `usage` or its error."""

    def _text(self, result: Result) -> str:
        told: dict[str, Any] = {"file": result.file}
        if result.usage is None:
            told["error"] = result.error
        else:
            told |= {"answer": result.answer, "usage": result.usage.told}
        return json.dumps(told, ensure_ascii=False) + "\n"

    def _read(self, content: str) -> tuple[str, set[str]]:
        kept = content[: content.rfind("\n") + 1]
        try:
            return kept, {json.loads(line)["file"] for line in kept.split("\n") if line}
        except (ValueError, TypeError, KeyError) as error:
            raise _foreign(self._path) from error


class CsvLines(_Lines):
    """A row for each file, under the names of `COLUMNS`."""

    def _head(self) -> str:
        return _row(COLUMNS)

    def _text(self, result: Result) -> str:
        usage = result.usage.figures if result.usage else {}
        told = {**usage, "file": result.file, "answer": result.answer, "error": result.error}
        return _row([told.get(column, "") for column in COLUMNS])

    def _read(self, content: str) -> tuple[str, set[str]]:
        whole = content.rfind("\r\n") + 2
        # A cut within a quoted answer may end at a line of that answer.
        while whole > 1 and content.count('"', 0, whole) % 2:
            whole = content.rfind("\r\n", 0, whole - 2) + 2
        kept = content[: whole if whole > 1 else 0]
        rows = list(csv.reader(io.StringIO(kept, newline="")))
        if rows and tuple(rows[0]) != COLUMNS:
            raise _foreign(self._path)
        return kept, {row[0] for row in rows[1:]}


class TextsBeside(Results):
    """A text file beside each file, with the answer alone; an error leaves none."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Raises `DemoError` if two files would share one text."""
        texts: dict[Path, Path] = {}
        for file in files:
            other = texts.setdefault(_text_file(file), file)
            if other != file:
                raise DemoError(
                    "{file} and {other} would share one text; rename one of them, or choose a .jsonl file with --out.",
                    file=file,
                    other=other,
                )
        self._files = files

    def done(self) -> set[str]:
        return {str(file) for file in self._files if _text_file(file).exists()}

    def add(self, result: Result) -> None:
        if result.usage is None:
            return
        text = _text_file(Path(result.file))
        partial = text.with_name(f"{text.name}.partial")
        partial.write_text(result.answer, **TEXT)
        partial.replace(text)


def _text_file(file: Path) -> Path:
    return file.with_suffix(".txt")


def _row(cells: Sequence[object]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _foreign(path: Path) -> DemoError:
    return DemoError(
        "{file} holds something else than the results of a batch; choose another name with --out.",
        file=path,
    )
