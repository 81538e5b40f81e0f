"""`pip install .` gives the command `qwen-vl-chat`, which answers from any folder without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import handle_file

from model import VERSION
from tests.support.served import Server, ended, free_port, program

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "app.py", "cli", "model", "ui", "assets")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source)
    run_uv("build", "--wheel", "--no-build-isolation", "--out-dir", str(source / "dist"), str(source))  # fmt: skip
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the program alone; the packages that it needs are the tests' own."""
    target = tmp_path_factory.mktemp("site")
    run_uv("pip", "install", "--no-deps", "--target", str(target), str(wheel))
    return target


def run_uv(*arguments: str) -> None:
    environment = {**os.environ, "UV_PYTHON": sys.executable, "UV_OFFLINE": "1"}
    subprocess.run([sys.executable, "-m", "uv", "--quiet", *arguments], env=environment, check=True)


def environment_of(installed: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(installed), "HF_HUB_OFFLINE": "1"}


def command(installed: Path) -> str:
    return str(installed / "bin" / "qwen-vl-chat")


@pytest.fixture
def served(installed: Path, tmp_path: Path) -> Iterator[Server]:
    """The command, started from a folder that holds nothing of the program."""
    port = free_port()
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [command(installed), "-c", "tiny", "--cpu-only", "--server-port", str(port)],
            cwd=tmp_path,
            env=environment_of(installed) | {"GRADIO_TEMP_DIR": str(tmp_path / "uploads")},
            stdout=log,
            stderr=log,
        )
    try:
        server = Server(port, time.perf_counter(), process)
        server.wait()
        yield server
    finally:
        ended(process)


def test_the_wheel_holds_the_program_and_its_licence_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names}
    assert top == {"app.py", "cli", "model", "ui", "assets", f"qwen_vl_chat-{VERSION}.dist-info"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    kept = {str(file.relative_to(ROOT)) for file in files_of_the_program()}
    assert kept <= set(names)


def files_of_the_program() -> Iterator[Path]:
    yield from (file for folder in ("cli", "model", "ui") for file in (ROOT / folder).rglob("*.py"))
    for file in (ROOT / "assets").rglob("*"):
        if file.is_file() and file.name != "ASSETS.md":
            yield file


def test_what_is_imported_is_what_was_installed(installed: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import app, model, ui; print(app.__file__, model.__file__, ui.__file__)"],
        cwd=tmp_path, env=environment_of(installed), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert all(Path(file).is_relative_to(installed) for file in run.stdout.split())


def test_the_command_says_what_would_run(installed: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [command(installed), "--check", "-c", "tiny"],
        cwd=tmp_path, env=environment_of(installed), capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert str(installed / "assets" / "tiny-qwen2-vl") in run.stdout
    assert run.stdout.splitlines()[-1] == "ready"


def test_the_command_answers_about_a_picture_from_any_folder(
    served: Server, tmp_path: Path
) -> None:
    picture = ROOT / "assets" / "examples" / "shapes.png"
    client = program(served.address, download_files=str(tmp_path))
    message = {"text": "What colour is the star?", "files": [handle_file(str(picture))]}
    answer, usage = client.predict(message, {}, api_name="/chat")
    assert "yellow" in answer
    assert usage["visual_tokens"] > 0
