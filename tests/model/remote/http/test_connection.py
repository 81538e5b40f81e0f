"""Where a server is, as the command line says it."""

from __future__ import annotations

import pytest

from model.errors import DemoError
from model.remote.http.connection import Connection


@pytest.mark.parametrize(
    ("address", "host", "root"),
    [
        ("http://localhost:8000/v1", "localhost:8000", "http://localhost:8000"),
        ("https://api.example.org/v1/", "api.example.org", "https://api.example.org"),
        ("http://[::1]:8000/v1", "::1:8000", "http://[::1]:8000"),
        ("https://example.org/compatible-mode/v1", "example.org", "https://example.org/compatible-mode"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_its_path(address: str, host: str, root: str) -> None:
    connection = Connection(address)
    assert (connection.host, connection.root) == (host, root)


@pytest.mark.parametrize(
    "address",
    ["localhost:8000/v1", "", "http://", "ftp://x/v1", "http://x:y", "http://[::1:8000/v1"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(DemoError, match=r"such as http://localhost:8000/v1"):
        Connection(address)


def test_the_banner_names_the_model_and_the_server() -> None:
    connection = Connection("http://localhost:8000/v1")
    assert connection.label("Qwen/Qwen2-VL-7B-Instruct") == "Qwen2-VL-7B-Instruct · localhost:8000"
    assert connection.label("/models/mine/") == "mine · localhost:8000"
    assert connection.label("") == "localhost:8000"


def test_neither_the_key_nor_a_password_in_the_address_is_shown() -> None:
    connection = Connection("http://ann:pass@localhost:8000/v1", key="sk-secret")
    shown = f"{connection.label('m')} {connection.host}"
    assert "pass" not in shown
    assert "sk-secret" not in f"{shown} {connection!r}"
