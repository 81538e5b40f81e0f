"""Plants the bugs of mutants.toml, one at a time, and tells which test notices each: `python tools/mutants.py`.

The bugs are planted in copies of the working tree. The exit status is 1 if a bug survives its tests.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TABLE = Path(__file__).with_suffix(".toml")
# Slow to import, and not planted in. Each trial is a fork of a process that has them, which takes a third of the time.
COMMON = (
    "torch", "torchvision", "transformers", "transformers.models.qwen2_vl.modeling_qwen2_vl",
    "transformers.models.qwen2_5_vl.modeling_qwen2_5_vl", "accelerate", "gradio", "gradio_client", "openai", "av",
    "markdown_it", "playwright.sync_api", "prometheus_client",
)  # fmt: skip
BROWSER_TESTS = "tests/e2e/"
TEST_S = 100  # a bug may make a test wait for ever
UNREWRITTEN = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # plugins of pytest among those


@dataclass(frozen=True)
class Mutant:
    """A bug: `before`, which occurs once in `file`, becomes `after`."""

    id: str
    file: str
    breaks: str
    before: str
    after: str
    tests: tuple[str, ...]

    @property
    def needs_browser(self) -> bool:
        return any(test.startswith(BROWSER_TESTS) for test in self.tests)

    def planted(self, source: str) -> str:
        """Return the source with the bug. Raises `ValueError` unless `before` occurs exactly once."""
        if (count := source.count(self.before)) != 1:
            raise ValueError(f"{self.id}: its text stands {count} times in {self.file}")
        return source.replace(self.before, self.after)


@dataclass(frozen=True)
class Verdict:
    """The result of the tests in one copy."""

    id: str
    seconds: float
    status: int  # pytest's
    failed: str  # the first test that did
    log: Path


def table() -> list[Mutant]:
    """The planted bugs, in the order of the file."""
    listed = tomllib.loads(TABLE.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in listed]


def main() -> int:
    """Plant the bugs and print the results. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ids", nargs="*", help="bugs to plant; all, unless named")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at the same time")
    parser.add_argument(
        "--no-browser", action="store_true", help="none that only a browser notices"
    )
    flags = parser.parse_args()
    mutants = [mutant for mutant in table() if not flags.ids or mutant.id in flags.ids]
    if missing := set(flags.ids) - {mutant.id for mutant in mutants}:
        parser.error(f"not in {TABLE.name}: {', '.join(sorted(missing))}")
    if flags.no_browser:
        mutants = [mutant for mutant in mutants if not mutant.needs_browser]
    for name in COMMON:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        return judge(mutants, Path(folder), flags.jobs)


def judge(mutants: Iterable[Mutant], folder: Path, jobs: int) -> int:
    """The exit status."""
    clean = folder / "clean"
    copy_tree(clean)
    unplanted = [("without a bug", None, tests) for tests in batches(mutants, jobs)]
    planted = [(mutant.id, mutant, list(mutant.tests)) for mutant in mutants]
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        broken = [v for v in pool.imap_unordered(partial(tried, clean), unplanted) if v.status]
        for verdict in broken:
            print(verdict.log.read_text()[-4000:])
            print(f"{verdict.id}: the tests fail ({verdict.failed})")
        if broken:
            return 1
        verdicts = [told(v) for v in pool.imap_unordered(partial(tried, clean), planted)]
    survived = [
        verdict.id for verdict in verdicts if verdict.status != pytest.ExitCode.TESTS_FAILED
    ]
    print(f"{len(verdicts) - len(survived)} of {len(verdicts)} noticed.", *survived)
    return 1 if survived else 0


def batches(mutants: Iterable[Mutant], count: int) -> list[list[str]]:
    """The tests of all bugs, each once, in so many parts; those of a file, and of the browser, are in one."""
    tests = {test for mutant in mutants for test in mutant.tests}
    by_room: dict[str, list[str]] = {}
    for test in sorted(tests):
        browser = test.startswith(BROWSER_TESTS)
        by_room.setdefault(BROWSER_TESTS if browser else test.partition("::")[0], []).append(test)
    parts: list[list[str]] = [[] for _ in range(count)]
    for room in sorted(by_room.values(), key=len, reverse=True):
        min(parts, key=len).extend(room)
    return [part for part in parts if part]


def told(verdict: Verdict) -> Verdict:
    """Print it."""
    match verdict.status:
        case pytest.ExitCode.TESTS_FAILED:
            outcome = verdict.failed
        case pytest.ExitCode.OK:
            outcome = "SURVIVED"
        case _:
            outcome = f"ERROR: the tests did not run\n{verdict.log.read_text()[-2000:]}"
    print(f"{verdict.id:4} {verdict.seconds:5.1f} s  {outcome}", flush=True)
    return verdict


def copy_tree(target: Path) -> None:
    """Copy the files of the working tree that git does not ignore."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def tried(clean: Path, trial: tuple[str, Mutant | None, list[str]]) -> Verdict:
    """Run a bug's tests in a copy that contains it."""
    name, mutant, tests = trial
    began = time.monotonic()
    tree = Path(tempfile.mkdtemp(dir=clean.parent))
    log = tree.with_suffix(".log")
    if mutant:
        # Links cost no time; what is written replaces the link.
        shutil.copytree(clean, tree, copy_function=os.link, dirs_exist_ok=True)
        file = tree / mutant.file
        source = mutant.planted(file.read_text(encoding="utf-8"))
        file.unlink()
        file.write_text(source, encoding="utf-8")
    else:
        tree = clean  # leaves its bytecode to the others
    first = FirstFailure()
    with inside(tree, log):
        flags = ["-x", "-q", "-p", "no:cacheprovider", f"--timeout={TEST_S}", *UNREWRITTEN]
        status = ended([*flags, *tests], first)
    if mutant:
        shutil.rmtree(tree, ignore_errors=True)
    return Verdict(name, time.monotonic() - began, status, first.test, log)


def ended(flags: list[str], first: FirstFailure) -> int:
    """The exit status of pytest, which may raise if a bug has left threads behind."""
    try:
        return int(pytest.main(flags, plugins=[first]))
    except Exception:
        traceback.print_exc()
        return pytest.ExitCode.TESTS_FAILED if first.test else pytest.ExitCode.INTERNAL_ERROR


@contextlib.contextmanager
def inside(tree: Path, log: Path) -> Iterator[None]:
    """Let this process, which ends soon, work in `tree` and write into `log`."""
    os.chdir(tree)
    sys.path[0] = str(tree)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        yield
        sys.stdout.flush()


class FirstFailure:
    """A plugin of pytest that remembers the first test that failed."""

    def __init__(self) -> None:
        self.test = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Also when a fixture fails."""
        if report.failed:
            self.test = self.test or report.nodeid


if __name__ == "__main__":
    sys.exit(main())
