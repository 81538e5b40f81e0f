"""The pages under docs/ say what the program does, and their snippets run as printed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cli.flags import parser
from model.settings import SETTING_SPECS
from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from ui.page.build import build_page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
DOCUMENTED_ADDRESS = "http://127.0.0.1:7860"


def section(page: str, title: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(page: str, title: str) -> list[list[str]]:
    """The cells of a section's table, without its head and without backquotes."""
    lines = [line for line in section(page, title).splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.split("|")[1:-1]] for line in lines[2:]]


def snippet(page: str, title: str) -> str:
    """The section's Python."""
    (code,) = re.findall(r"```python\n(.*?)```", section(page, title), re.DOTALL)
    return str(code)


def written(value: object) -> str:
    """A default as a table writes it."""
    if value in (None, argparse.SUPPRESS):
        return ""
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def one_for_each(cell: str, names: list[str]) -> list[str]:
    """A cell's values: one for all names, or one for each."""
    values = cell.split(", ")
    return values if len(values) == len(names) else [cell] * len(names)


def test_the_table_of_settings_is_that_of_the_program() -> None:
    documented = {}
    for cells in rows("settings-and-flags.md", "Settings"):
        names = cells[0].split(", ")
        columns = [names, *(one_for_each(cell, names) for cell in cells[1:3])]
        documented.update({name: rest for name, *rest in zip(*columns, strict=True)})
    assert documented == {
        spec.name: [
            written(spec.default),
            "" if spec.kind in ("bool", "str") else spec.range,
        ]
        for spec in SETTING_SPECS
    }


def test_the_table_of_flags_is_that_of_the_program() -> None:
    settings = {spec.name for spec in SETTING_SPECS}
    actions = [action for action in parser({})._actions if action.dest not in settings]
    known = {
        ", ".join(action.option_strings): "off"
        if action.default is False
        else written(action.default)
        for action in actions
        if not isinstance(action, argparse._HelpAction)
    }
    assert {flag: default for flag, default, _ in rows("settings-and-flags.md", "Flags")} == known


def anchors(page: Path) -> set[str]:
    """The headings of a page, as a forge makes them addresses."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def code(page: Path) -> str:
    """What a page sets as code."""
    text = page.read_text(encoding="utf-8")
    return "\n".join(
        [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^ {4}(.+)$", text, re.MULTILINE)]
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_for_make_is_a_target(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for targets in re.findall(r"^make ((?:[a-z-]+ ?)+)", code(page), re.MULTILINE):
        for target in targets.split():
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_flag_of_the_program_that_a_page_names_exists(page: Path) -> None:
    known = {option for action in parser({})._actions for option in action.option_strings}
    lines = re.findall(
        r"^(?:\w+=\S+ )*(?:python app\.py|qwen-vl-chat|-).*", code(page), re.MULTILINE
    )
    for line in lines:
        flags = re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", line.partition("  #")[0])
        assert {*flags} - FLAGS_OF_OTHERS <= known, line


# Named alone in a text: of vLLM, docker and tools/bench.py.
FLAGS_OF_OTHERS = {
    "--enable-prompt-tokens-details",
    "--media-io-kwargs",
    "--allowed-media-domains",
    "--build-arg",
    "--quick",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_the_project_that_a_page_names_is_there(page: Path) -> None:
    folders = "assets|cli|deploy|docs|model|tests|tools|ui"
    for name in re.findall(rf"(?<![\w/.-])((?:{folders})/[\w./-]+\w)", code(page)):
        assert (ROOT / name).exists() or page.name in HISTORY, name


HISTORY = ("CHANGELOG.md",)


@pytest.mark.parametrize("top", ["model", "ui"])
def test_the_design_has_every_package_of_the_model_service_and_of_the_page_and_no_other(
    top: str,
) -> None:
    design = (DOCS / "design.md").read_text(encoding="utf-8")
    table = design.split(f"| package of `{top}/` |")[1].split("\n\n")[0]
    named = {
        name
        for cell in re.findall(r"^\| `([a-z_ ]+)` \|", table, re.MULTILINE)
        for name in cell.split()
    }
    there = {path.stem for path in (ROOT / top).iterdir() if not path.name.startswith("__")}
    assert named == there - {"json_size"}


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
    code = snippet("api.md", "From a program")
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
    exec(snippet("api.md", "From Python"), {})
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(r"\d+ prompt tokens, \d+ visual, ended by (stop|length|loop)", last)


@pytest.mark.usefixtures("in_a_folder_with_boats")
def test_the_snippet_of_several_conversations_runs_as_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exec(snippet("api.md", "Several conversations at once"), {})
    answers = capsys.readouterr().out.splitlines()
    assert len(answers) >= 3 and all(re.search(r" \d+$", answer) for answer in answers)
