"""The folder of a Hugging Face Space: the program, and a README that Spaces can read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from huggingface_hub import SpaceHardware
from packaging.specifiers import SpecifierSet

from tests.support.project import PROJECT, ROOT, pins
from tools import make_space


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("space") / "files"
    make_space.write(folder)
    return folder


def test_its_readme_says_what_the_space_needs(space: Path) -> None:
    _, front, body = (space / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    said = yaml.safe_load(front)
    assert said["sdk"] == "gradio" and said["sdk_version"] == pins()["gradio"]
    assert said["python_version"] in SpecifierSet(PROJECT["requires-python"])
    assert (space / said["app_file"]).is_file()
    assert said["license"] == PROJECT["license"].lower()
    assert said["suggested_hardware"] in [hardware.value for hardware in SpaceHardware]
    assert len(said["short_description"]) <= 60  # more is refused
    assert body.strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()


def test_it_installs_the_versions_that_are_tested(space: Path) -> None:
    included = (space / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert "-r requirements_web_demo.txt" in included
    pinned = (space / "requirements_web_demo.txt").read_text(encoding="utf-8")
    assert f"torch=={pins()['torch']}\n" in pinned and "-r requirements_page.txt\n" in pinned
    page = (space / "requirements_page.txt").read_text(encoding="utf-8")
    assert f"gradio=={pins()['gradio']}\n" in page
    assert "\npillow==" not in pinned  # pip refuses it beside Gradio
    assert (space / "requirements_pillow.txt").read_text(encoding="utf-8").startswith("pillow==")


def test_it_holds_the_program_and_what_its_readme_leads_to_and_no_large_file(space: Path) -> None:
    assert (space / "assets" / "tiny-qwen2-vl" / "model.safetensors").is_file()
    assert not list(space.rglob("__pycache__")) and not (space / "tests").exists()
    readme = (space / "README.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)", readme):
        assert (space / link).exists(), link
    files = [file for file in space.rglob("*") if file.is_file()]
    assert all(file.stat().st_size <= 10_000_000 for file in files)  # no need of Git LFS


def test_what_was_there_before_is_gone(space: Path) -> None:
    (space / "old.py").touch()
    make_space.write(space)
    assert not (space / "old.py").exists()


def test_without_a_name_nothing_is_uploaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make_space, "FOLDER", tmp_path / "space")
    monkeypatch.setattr(subprocess, "run", lambda *_: pytest.fail("uploaded"))
    assert make_space.main([]) == 0
    assert str(tmp_path / "space") in capsys.readouterr().out
