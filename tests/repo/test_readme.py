"""README.md and the packaging files fit the program and each other."""

from __future__ import annotations

import re

from packaging.requirements import Requirement

from tests.support.project import MAKEFILE, PROJECT, ROOT, pins
from tools import install

PYTHON = ".venv/bin/python"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_is_a_front_door() -> None:
    assert len(README.splitlines()) <= 150
    assert README.startswith("# qwen-vl-chat\n"), "no front matter"
    front = README.partition("\n## Run a full checkpoint")[0]
    assert "git clone" in front and "WSL 2" in front
    assert all(f"(docs/{page.name})" in README for page in (ROOT / "docs").glob("*.md"))


def test_every_picture_in_the_readme_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(pictures) == 2
    for picture in pictures:
        assert (ROOT / picture).stat().st_size < 300_000, picture


def test_no_file_that_is_kept_is_too_large_for_a_space_without_lfs() -> None:
    kept = [*ROOT.glob("*.*"), *(ROOT / "assets").rglob("*"), *(ROOT / "docs").rglob("*")]
    assert [file for file in kept if file.is_file() and file.stat().st_size > 10_000_000] == []


def test_the_pins_are_what_the_package_asks_for() -> None:
    asked = [Requirement(line) for line in PROJECT["dependencies"]]
    assert {requirement.name for requirement in asked} == {*pins(), "pillow"}
    for requirement in asked:
        if (
            requirement.name == "pillow"
        ):  # newer than pip takes beside Gradio: tests/repo/test_supply.py
            continue
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
    assert browser.replace("chromium firefox", "$$missing") in expanded(MAKEFILE)
    for target in ("demo", "test"):
        assert re.search(rf"^    make {target}\s", README, re.MULTILINE)
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


def recipes() -> list[str]:
    """What `make demo test` runs in this order, without the search for Python and for a browser."""
    installed = ("$(VENV)/.installed-test", "node_modules/.package-lock.json")
    order = ("$(RUN)", "$(VENV)/.installed", "demo", *installed, "check", "test")
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
