"""Files of a folder that are sent from memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from ui.http import kept_files


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    folder = tmp_path / "kept"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "a.css").write_text("a {}")
    (tmp_path / "secret.css").write_text("b {}")
    return TestClient(Starlette(routes=[kept_files.route("/kept", folder)]))


def test_a_file_is_sent_from_memory_once_it_was_asked_for(
    client: TestClient, tmp_path: Path
) -> None:
    first = client.get("/kept/inner/a.css")
    assert first.status_code == 200 and first.text == "a {}"
    assert first.headers["content-type"].startswith("text/css")
    (tmp_path / "kept" / "inner" / "a.css").unlink()
    assert client.get("/kept/inner/a.css").text == "a {}"


@pytest.mark.parametrize(
    "name", ["", "inner", "b.css", "../secret.css", "%2e%2e/secret.css", "inner/%2e%2e/inner/a.css"]
)
def test_only_files_of_the_folder_are_there(client: TestClient, name: str) -> None:
    assert client.get(f"/kept/{name}").status_code == 404
