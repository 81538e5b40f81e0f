"""The arrows between the packages, and what each may import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "assets" / "js"
# Of `from '../page/parts.js'`.
IMPORTED_FOLDER = re.compile(r"from '\.\./(\w+)/")
TOP = ("app", "cli", "ui", "model")
# The contract: immutable values, settings, errors and the Backend protocol. Everything may import it.
CONTRACT = {"backend", "conversation", "errors", "grounding", "json_size", "settings", "usage"}
# What each package or module of model/ may import of model/, beside itself and the contract.
MODEL_ARROWS: dict[str, set[str]] = {
    **{name: set() for name in CONTRACT},
    "answers": set(),
    "families": set(),
    "media": set(),
    "prompt": {"answers", "families", "media"},
    "serving": {"media", "prompt"},
    "engine": {"families", "media", "prompt", "serving"},
    "checkpoint": {"families", "prompt"},
    "remote": {"answers", "families", "media", "prompt", "serving"},
    "reproduce": {"answers", "families", "media", "prompt"},
    "loading": {"reproduce"},
    "switching": {"reproduce", "serving"},
    "local": {
        "answers",
        "checkpoint",
        "engine",
        "families",
        "media",
        "prompt",
        "reproduce",
        "serving",
        "switching",
    },
}
# What each package of ui/ may import of ui/, beside itself and `gradio_compat`.
UI_ARROWS: dict[str, set[str]] = {
    "ui": set(),
    "ui.text": set(),
    "ui.http": {"ui.text"},
    "ui.http.gate": {"ui.http", "ui.text"},
    "ui.http.access": {"ui.http", "ui.http.gate", "ui.text"},
    "ui.media.sandbox": {"ui.text"},
    "ui.media": {"ui.http", "ui.media.sandbox", "ui.text"},
    "ui.state.tray": {"ui.media", "ui.media.sandbox"},
    "ui.state.tab": {"ui.http", "ui.media", "ui.state.tray", "ui.text"},
    "ui.state": {"ui.http", "ui.http.access", "ui.media", "ui.media.sandbox", "ui.state.tab", "ui.state.tray", "ui.text"},
    "ui.html.syntax": {"ui.text"},
    "ui.html.markdown": {"ui.html.syntax", "ui.media", "ui.state.tray", "ui.text"},
    "ui.html.bar": {"ui.text"},
    "ui.html": {"ui.html.bar", "ui.html.markdown", "ui.html.syntax", "ui.media", "ui.state", "ui.state.tab", "ui.state.tray", "ui.text"},
    "ui.handlers.chat": {"ui.handlers", "ui.html", "ui.http", "ui.state", "ui.state.tab"},
    "ui.handlers.tray": {"ui.handlers", "ui.html", "ui.media", "ui.state", "ui.state.tab", "ui.state.tray"},
    "ui.handlers": {"ui.html", "ui.html.bar", "ui.http", "ui.media", "ui.state", "ui.state.tab", "ui.state.tray", "ui.text"},
    "ui.page": {"ui.handlers", "ui.handlers.chat", "ui.handlers.tray", "ui.html", "ui.html.bar", "ui.html.syntax", "ui.http", "ui.http.access", "ui.http.gate", "ui.media", "ui.media.sandbox", "ui.state", "ui.state.tab", "ui.text"},
}  # fmt: skip
# What each folder of the page's scripts may import of the others; main.js, which starts them, imports all.
SCRIPT_ARROWS: dict[str, set[str]] = {
    "browser": set(),
    "page": {"browser"},
    "settings": {"browser", "page"},
    "composer": {"browser", "page"},
    "opening": {"browser", "page", "settings", "composer"},
    "conversation": {"browser", "page", "settings", "composer", "opening"},
    "answers": {"browser", "page", "conversation"},
    "tray": {"browser", "page", "composer", "opening", "conversation"},
    "inspector": {"browser", "page", "composer"},
    "chats": {"browser", "page", "settings", "composer", "opening", "conversation", "tray"},
}
# Attributes of Gradio's objects that it does not promise.
GRADIO_PRIVATE = (
    "_queue",
    "fns",
    "_data",
    "state_holder",
    "session_data",
    "__signature__",
    "cookie_id",
)
# Packages and modules that may import torch.
TORCH = ("checkpoint", "engine", "local", "reproduce.stock", "reproduce.verify")


@cache
def imported(path: Path) -> frozenset[str]:
    """Every name that a file imports, wherever in the file, as `package.module.name`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def modules(*folders: str) -> list[Path]:
    found = sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    assert len(found) > 3
    return found


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def graph() -> dict[str, frozenset[str]]:
    """Every module of the program with those of the program that it imports."""
    files = {dotted(path): path for path in (ROOT / "app.py", *modules(*TOP[1:]))}

    def module(name: str) -> str | None:
        return next((n for n in (name, name.rpartition(".")[0]) if n in files), None)

    return {
        name: frozenset(m for m in map(module, imported(path)) if m and m != name)
        for name, path in files.items()
    }


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def require_no_circle(arrows: Mapping[str, Iterable[str]]) -> None:
    """Raise `CycleError`, which names the circle."""
    TopologicalSorter(arrows).prepare()


def test_a_circle_is_found() -> None:
    with pytest.raises(CycleError, match="a"):
        require_no_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})


def test_no_module_leads_back_to_itself() -> None:
    require_no_circle(graph())


def test_no_package_leads_back_to_itself() -> None:
    arrows: dict[str, set[str]] = {}
    for name, targets in graph().items():
        package = package_of(name)
        arrows.setdefault(package, set()).update({*map(package_of, targets)} - {package})
    require_no_circle(arrows)


def package_of(name: str) -> str:
    """The folder of a module, or the module itself where it stands beside folders."""
    folder = name.rpartition(".")[0]
    parent = ROOT.joinpath(*folder.split(".")) if folder else ROOT
    beside_folders = any(file.is_dir() and file.name != "__pycache__" for file in parent.iterdir())
    return name if beside_folders else folder


@pytest.mark.parametrize("top", TOP)
def test_arrows_lead_from_the_command_line_to_the_page_to_the_model(top: str) -> None:
    above = set(TOP[: TOP.index(top)]) | {"tests", "tools"}
    for path in [ROOT / "app.py"] if top == "app" else modules(top):
        assert not packages(path) & above, path


def test_tests_and_tools_lead_to_each_other_in_no_circle() -> None:
    """Tools use what supports the tests, and tests use the tools."""
    arrows: dict[str, set[str]] = {}
    for path in modules("tests", "tools"):
        folder = dotted(path.parent)
        names = {name for name in imported(path) if name.split(".")[0] in ("tests", "tools")}
        arrows.setdefault(folder, set()).update({*map(folder_of, names)} - {folder})
    require_no_circle(arrows)


def folder_of(name: str) -> str:
    """The folder of what is imported under this name: of a module, or of what is in one."""
    parent = name.rpartition(".")[0]
    return parent if ROOT.joinpath(*parent.split(".")).is_dir() else parent.rpartition(".")[0]


@pytest.mark.parametrize("path", modules("model"), ids=dotted)
def test_a_part_of_the_model_service_imports_what_lies_below_it(path: Path) -> None:
    name = dotted(path).removeprefix("model.")
    room = name.split(".")[0]
    if room == "model":
        return
    allowed = MODEL_ARROWS[room] | {room} | (set() if room in CONTRACT else CONTRACT)
    used = {target.split(".")[1] for target in graph()[dotted(path)] if target != "model"}
    assert used <= allowed | (CONTRACT if room in CONTRACT else set())
    assert not packages(path) & {"gradio"}
    if not any(name == part or name.startswith(f"{part}.") for part in TORCH):
        assert not packages(path) & {"torch", "torchvision"}
    if room in CONTRACT:
        assert packages(path) <= {*sys.stdlib_module_names, "model"}


def room_of(name: str) -> str:
    """The folder of a module of the page; a package is its own."""
    return name if ROOT.joinpath(*name.split(".")).is_dir() else name.rpartition(".")[0]


@pytest.mark.parametrize("room", UI_ARROWS)
def test_a_part_of_the_page_imports_what_lies_below_it(room: str) -> None:
    targets = [target for name in graph() if room_of(name) == room for target in graph()[name]]
    used = {room_of(target) for target in targets if target.startswith("ui.")}
    assert used <= UI_ARROWS[room] | {room, "ui"}


@pytest.mark.parametrize("path", modules("ui"), ids=dotted)
def test_what_gradio_does_not_promise_is_used_in_one_file(path: Path) -> None:
    if dotted(path) == "ui.gradio_compat":
        return
    private = [f"import of {name}" for name in imported(path) if not is_promised(name)]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in GRADIO_PRIVATE:
            own = isinstance(node.value, ast.Name) and node.value.id == "self"
            private += [] if own else [ast.unparse(node)]
    assert private == []


def is_promised(name: str) -> bool:
    """Whether Gradio's documentation has what is imported under this name, or it is none of Gradio's."""
    return not name.startswith("gradio.") or name.split(".")[1] in ("components", "themes")


@pytest.mark.parametrize("folder", SCRIPT_ARROWS)
def test_a_script_imports_what_lies_below_it(folder: str) -> None:
    """No module leads back to itself: Biome holds that (biome.json)."""
    scripts = [*(SCRIPTS / folder).glob("*.js")]
    used = {name for path in scripts for name in IMPORTED_FOLDER.findall(path.read_text("utf-8"))}
    assert scripts and used <= SCRIPT_ARROWS[folder]


def test_every_folder_of_scripts_has_its_arrows() -> None:
    assert {path.name for path in SCRIPTS.iterdir()} == {*SCRIPT_ARROWS, "main.js"}


@pytest.mark.parametrize("arrows", [MODEL_ARROWS, UI_ARROWS, SCRIPT_ARROWS])
def test_no_arrow_leads_back(arrows: dict[str, set[str]]) -> None:
    require_no_circle(arrows)


def test_every_package_of_the_page_has_its_arrows() -> None:
    assert {dotted(path.parent) for path in modules("ui")} == UI_ARROWS.keys()


@pytest.mark.parametrize("path", modules("ui"), ids=dotted)
def test_the_page_knows_nothing_of_torch(path: Path) -> None:
    assert not packages(path) & {"torch", "torchvision", "transformers"}


def test_every_package_says_what_it_is_for() -> None:
    for path in modules("cli", "model", "ui"):
        if path.name == "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


@pytest.mark.slow
def test_importing_the_page_and_the_command_line_loads_neither_torch_nor_transformers() -> None:
    code = "import sys, app, ui.page.build; print([m for m in ('torch', 'transformers') if m in sys.modules])"
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
from cli.flags import connection, parser

options = parser({}).parse_args(["--backend", "openai", "--api-base", "http://127.0.0.1:9/v1"])
backend = RemoteBackend(Server(connection(options, {})))
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
