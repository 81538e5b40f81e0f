"""README.md, SECURITY.md and the packaging files fit the program and each other."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tools import install
from ui.flags import parser

ROOT = Path(__file__).parent.parent
PYTHON = ".venv/bin/python"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def front_matter() -> dict[str, str]:
    lines = README.split("---\n")[1].splitlines()
    pairs = (line.partition(": ") for line in lines)
    return {key: value.strip('"') for key, _, value in pairs}


def pins() -> dict[str, str]:
    """Name to version of the default install."""
    lines = (ROOT / "requirements_web_demo.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("==") for line in lines if line and not line.startswith("#"))
    return {name: version for name, _, version in pairs}


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
    commands = [line.strip() for line in lines if not line.startswith(("\ttouch", "\t@"))]
    script = commands.index(f"{PYTHON} tools/install.py --torch auto --python {PYTHON}")
    commands[script] = " ".join([PYTHON, *install.as_locked(PYTHON, install.LOCK)[1:]])
    return commands


def expanded(text: str) -> str:
    """Makefile text with its variables replaced."""
    variables = dict(re.findall(r"^(\w+) *[?:]= *(.*)$", MAKEFILE, re.MULTILINE))
    while (replaced := re.sub(r"\$\((\w+)\)", lambda m: variables[m[1]], text)) != text:
        text = replaced
    return text
