"""The arrows between the parts (app -> ui -> model) and what each part may import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TORCH_MODULES = {
    "adapter",
    "checkpoint",
    "compiled",
    "decode_threads",
    "encoder",
    "feature_cache",
    "grouped_attention",
    "kv_cache",
    "local",
    "prefill",
    "prefix_cache",
    "stock",
    "verify",
    "token_stream",
    "turn",
    "weights",
}
STANDARD_ONLY = {
    "backend",
    "conversation",
    "errors",
    "grounding",
    "grounding_json",
    "grounding_tags",
    "loose_json",
    "mention",
    "settings",
}


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).glob("*.py"))
    assert len(found) > 5
    return found


@pytest.mark.parametrize("path", modules("model"), ids=lambda path: path.stem)
def test_model_knows_nothing_of_the_page(path: Path) -> None:
    assert not packages(path) & {"ui", "gradio", "app", "tools"}
    if path.stem not in TORCH_MODULES:
        assert not packages(path) & {"torch", "torchvision"}
    if path.stem in STANDARD_ONLY:
        assert packages(path) <= {*sys.stdlib_module_names, "model"}
        assert {name for name in imported(path) if name.startswith("model.")} <= {
            f"model.{name}" for name in STANDARD_ONLY
        }


@pytest.mark.parametrize("path", modules("ui"), ids=lambda path: path.stem)
def test_the_page_knows_nothing_of_torch(path: Path) -> None:
    assert not packages(path) & {"torch", "torchvision", "transformers", "app", "tools"}


@pytest.mark.slow
def test_importing_the_page_and_the_command_line_loads_neither_torch_nor_transformers() -> None:
    code = "import sys, app, ui.page; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.slow
def test_answering_with_a_server_loads_neither_torch_nor_transformers() -> None:
    code = """
import sys
import app
from model.backend import Cancel
from model.conversation import Conversation, Image, Text
from model.errors import DemoError
from model.remote.backend import RemoteBackend
from model.remote.http.client import Server
from model.settings import GenerationSettings
from ui.flags import parser

options = parser({}).parse_args(["--backend", "openai", "--api-base", "http://127.0.0.1:9/v1"])
backend = RemoteBackend(Server(app.connection(options, {})))
picture = Image("assets/examples/cat.jpg")
try:
    list(backend.stream(Conversation().with_user_turn(picture), GenerationSettings(), Cancel()))
except DemoError as error:
    print(error)
print([name for name in ("torch", "torchvision", "transformers") if name in sys.modules])
"""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    said, loaded = run.stdout.splitlines()
    assert "127.0.0.1:9 cannot be reached" in said
    assert loaded == "[]"
