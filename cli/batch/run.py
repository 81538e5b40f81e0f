"""Asks one question about each file, writes what comes, and says how far it is."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from cli.batch import files as batch_files
from cli.batch.files import PageChoice
from cli.batch.results import Result, Results
from model.backend import Backend, Cancel, LoadProgress, collected
from model.conversation import Conversation, Text
from model.errors import DemoError
from model.settings import DefaultSettings, GenerationSettings

log = logging.getLogger(__name__)

# The exit status of a shell for a program that Ctrl-C has ended.
INTERRUPTED = 130
# Files that a local model is asked about together.
TOGETHER = 8
ALL_PAGES = PageChoice()


def run(
    backend: Backend,
    files: Sequence[Path],
    prompt: str,
    settings: DefaultSettings,
    results: Results,
    concurrency: int,
    pages: PageChoice = ALL_PAGES,
) -> int:
    """Ask about the files that have no result yet. Returns the exit status: 1 if there is an error among the results.

    concurrency: requests at once, for a server; pages: of documents.
    """
    done = results.done()
    left = [file for file in files if str(file) not in done]
    if done:
        log.info("%d of %d files have a result already.", len(files) - len(left), len(files))
    asking = _Asking(backend, prompt, settings, pages)
    errors = 0
    with tqdm(total=len(left), unit="file", smoothing=0.05, disable=not left) as bar:
        try:
            for result in asking.answers(left, concurrency):
                results.add(result)
                errors += bool(result.error)
                bar.update()
                if result.error:
                    bar.write(f"{result.file}: {result.error}", sys.stderr)
        except KeyboardInterrupt:
            log.warning("Stopped; the same command goes on from here.")
            return INTERRUPTED
    if errors:
        log.warning("%d files have no answer; their lines say why.", errors)
    return 1 if errors else 0


@contextmanager
def loading() -> Iterator[LoadProgress]:
    """Give what shows how far the checkpoint is loaded."""
    with tqdm(total=100, desc="loading", bar_format="{desc} {percentage:3.0f}% {postfix}") as bar:

        def report(progress: float, note: str = "") -> None:
            bar.n = round(100 * progress)
            bar.set_postfix_str(note)

        yield report


class _Asking:
    """One question about files, with the settings of every file."""

    def __init__(
        self, backend: Backend, prompt: str, settings: DefaultSettings, pages: PageChoice
    ) -> None:
        self._backend, self._prompt, self._pages = backend, prompt, pages
        self._vision, self._generation = settings.vision, settings.generation

    def answers(self, files: Sequence[Path], concurrency: int) -> Iterator[Result]:
        """Yield the results in the order of the files."""
        together: Any = getattr(self._backend, "answer_batch", None)
        if together is not None and self._generation.temperature == 0:
            # A document is asked about alone, because its pages may fill the context.
            for alone, group in groupby(files, batch_files.is_document):
                for some in _parts(list(group), 1 if alone else TOGETHER):
                    yield from self._together(together, some)
            return
        with ThreadPoolExecutor(concurrency) as threads:
            # A few at a time, so that what an interruption loses is little.
            for some in _parts(files, 2 * concurrency):
                yield from threads.map(self._alone, some)

    def _together(self, answer_batch: Any, files: Sequence[Path]) -> Iterator[Result]:
        try:
            with self._conversations(files) as talks:
                answers = answer_batch(talks, self._generation)
        except DemoError as error:
            if len(files) == 1:
                yield Result(str(files[0]), error=str(error))
                return
            # One of them cannot be answered, and the error does not say which.
            yield from map(self._alone, files)
            return
        for file, (text, usage) in zip(files, answers, strict=True):
            yield Result(str(file), text, usage)

    def _alone(self, file: Path) -> Result:
        settings: GenerationSettings = self._generation
        try:
            with self._conversations([file]) as (talk,):
                text, usage = collected(self._backend.stream(talk, settings, Cancel()))
        except DemoError as error:
            return Result(str(file), error=str(error))
        return Result(str(file), text, usage)

    @contextmanager
    def _conversations(self, files: Sequence[Path]) -> Iterator[list[Conversation]]:
        """One question about each file. The pages of documents are on the disk as long as it is being answered.

        Raises `MediaError`.
        """
        with TemporaryDirectory(prefix="pages-") as folder:
            yield [
                Conversation().with_user_turn(
                    *batch_files.parts(file, self._pages, self._vision, Path(folder)),
                    Text(self._prompt),
                )
                for file in files
            ]


def _parts(files: Sequence[Path], length: int) -> Iterator[Sequence[Path]]:
    for at in range(0, len(files), length):
        yield files[at : at + length]
