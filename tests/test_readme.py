"""README.md and the packaging files say what the program does, and its snippets run as printed."""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from PIL import Image

from model.settings import TUNABLES
from tests.fakes import FakeBackend
from tests.pages import gradio_environment, listening
from tools.benchmarks.machine import RESULTS, table
from ui.flags import parser
from ui.page import build_page

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DOCUMENTED_ADDRESS = "http://127.0.0.1:7860"


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head and without backquotes."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.split("|")[1:-1]] for line in lines[2:]]


def snippet(title: str) -> str:
    """The section's Python."""
    (code,) = re.findall(r"```python\n(.*?)```", section(title), re.DOTALL)
    return str(code)


def written(value: object) -> str:
    """A default as a table writes it."""
    if value in (None, argparse.SUPPRESS):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def one_for_each(cell: str, names: list[str]) -> list[str]:
    """A cell's values: one for all names, or one for each."""
    values = cell.split(", ")
    return values if len(values) == len(names) else [cell] * len(names)


def front_matter() -> dict[str, str]:
    lines = README.split("---\n")[1].splitlines()
    pairs = (line.partition(": ") for line in lines)
    return {key: value.strip('"') for key, _, value in pairs}


def pins() -> dict[str, str]:
    """Name to version of the default install."""
    lines = (ROOT / "requirements_web_demo.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("==") for line in lines if line and not line.startswith("#"))
    return {name: version for name, _, version in pairs}


def test_the_table_of_settings_is_that_of_the_program() -> None:
    documented = {}
    for cells in rows("Settings"):
        names = cells[0].split(", ")
        columns = [names, *(one_for_each(cell, names) for cell in cells[1:3])]
        documented.update({name: rest for name, *rest in zip(*columns, strict=True)})
    assert documented == {
        tunable.name: [
            written(tunable.default),
            "" if tunable.kind in ("bool", "str") else tunable.range,
        ]
        for tunable in TUNABLES
    }


def test_the_table_of_flags_is_that_of_the_program() -> None:
    settings = {tunable.name for tunable in TUNABLES}
    actions = [action for action in parser({})._actions if action.dest not in settings]
    known = {
        ", ".join(action.option_strings): "off"
        if action.default is False
        else written(action.default)
        for action in actions
        if not isinstance(action, argparse._HelpAction)
    }
    assert {flag: default for flag, default, _ in rows("Flags")} == known


def test_the_advice_on_security_names_flags_and_targets_that_exist() -> None:
    advice = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    known = {option for action in parser({})._actions for option in action.option_strings}
    flags = set(re.findall(r"`(--[a-z-]+)", advice))
    assert len(flags) > 8 and flags <= known
    assert all(f"\n{target}:" in MAKEFILE for target in re.findall(r"`make (\w+)`", advice))
    assert all((ROOT / file).exists() for file in re.findall(r"`(\w+/[\w./]+)`", advice))


def test_the_space_gets_the_versions_that_are_tested() -> None:
    space = front_matter()
    assert space["sdk_version"] == pins()["gradio"]
    assert space["python_version"] in SpecifierSet(PROJECT["requires-python"])
    assert (ROOT / space["app_file"]).is_file()
    included = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert "-r requirements_web_demo.txt" in included


def test_every_picture_in_the_readme_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file(), picture


def test_no_file_that_is_kept_is_too_large_for_a_space_without_lfs() -> None:
    kept = [*ROOT.glob("*.*"), *(ROOT / "assets").rglob("*")]
    assert [file for file in kept if file.is_file() and file.stat().st_size > 10_000_000] == []


def test_the_pins_are_what_the_package_asks_for() -> None:
    asked = [Requirement(line) for line in PROJECT["dependencies"]]
    assert {requirement.name for requirement in asked} == set(pins())
    for requirement in asked:
        assert pins()[requirement.name] in requirement.specifier, requirement.name


def test_flash_attention_is_an_extra_and_never_installed_unasked() -> None:
    extras = PROJECT["optional-dependencies"]
    assert [Requirement(line).name for line in extras["flash-attn"]] == ["flash-attn"]
    for file in ROOT.glob("requirements*.txt"):
        lines = file.read_text(encoding="utf-8").splitlines()
        asked = [line for line in lines if not line.startswith("#")]
        assert not any(re.search(r"flash|kernels", line) for line in asked), file.name


def test_the_two_commands_are_wrappers_around_the_plain_ones() -> None:
    (plain,) = re.findall(
        r"plain commands behind them</summary>\n(.*?)</details>", README, re.DOTALL
    )
    documented = [line.split("  #")[0].strip() for line in plain.splitlines() if line.strip()]
    assert recipes() == [command for command in documented if "playwright" not in command]
    (browser,) = (command for command in documented if "playwright" in command)
    assert browser in expanded(MAKEFILE)
    for target in ("demo", "test"):
        assert re.search(rf"^    make {target}\s", README, re.MULTILINE)
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


def recipes() -> list[str]:
    """What `make demo test` runs in this order, without the search for Python and for a browser."""
    order = ("$(RUN)", "$(VENV)/.installed", "demo", "$(VENV)/.installed-test", "check", "test")
    bodies = dict(re.findall(r"^(\S+):.*\n((?:\t.*\n?)+)", MAKEFILE, re.MULTILINE))
    lines = [line for target in order for line in expanded(bodies[target]).splitlines()]
    return [line.strip() for line in lines if not line.startswith(("\ttouch", "\t@"))]


def expanded(text: str) -> str:
    """Makefile text with its variables replaced."""
    variables = dict(re.findall(r"^(\w+) *[?:]= *(.*)$", MAKEFILE, re.MULTILINE))
    while (replaced := re.sub(r"\$\((\w+)\)", lambda m: variables[m[1]], text)) != text:
        text = replaced
    return text


@pytest.fixture
def in_a_folder_with_boats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a reader would try the snippets: in a checkout, with a picture of their own."""
    Image.new("RGB", (320, 240), "navy").save(tmp_path / "boats.jpg")
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[FakeBackend, str]]:
    """A page with a fake model and its address."""
    backend = FakeBackend()
    with gradio_environment(tmp_path / "uploads"), listening(build_page(backend)) as address:
        yield backend, address


@pytest.mark.usefixtures("in_a_folder_with_boats")
def test_the_client_snippet_runs_as_printed(served: tuple[FakeBackend, str]) -> None:
    backend, address = served
    code = snippet("From a program")
    assert code.count(DOCUMENTED_ADDRESS) == 1
    names: dict[str, Any] = {}
    exec(code.replace(DOCUMENTED_ADDRESS, address), names)
    assert names["answer"] == "Hello"
    assert names["usage"]["stop_reason"] == "stop"
    assert len(names["cost"]["items"]) == 2  # its own picture, and that of the turn before
    (call,) = backend.calls
    (picture,) = call.conversation.media
    assert (picture.name, picture.vision.max_tokens) == ("boats.jpg", 640)
    assert call.settings.vision_ids
    assert call.session in backend.forgotten


@pytest.mark.usefixtures("in_a_folder_with_boats")
def test_the_python_snippet_runs_as_printed(capsys: pytest.CaptureFixture[str]) -> None:
    exec(snippet("From Python"), {})
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(r"\d+ prompt tokens, \d+ visual, ended by (stop|length|loop)", last)


@pytest.mark.parametrize("kept", sorted(RESULTS.glob("*.json")), ids=lambda kept: kept.stem)
def test_a_measured_table_is_that_of_the_run_that_is_kept(kept: Path) -> None:
    run = json.loads(kept.read_text(encoding="utf-8"))
    assert table(run["rows"]) in README
    assert run["command"] in README
    assert not run["commit"].endswith("dirty")
