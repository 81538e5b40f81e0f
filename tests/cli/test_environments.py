"""Proxies and folders that people's machines have: the page starts, or says in one sentence what to set."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from huggingface_hub import close_session

from cli.proxies import past_proxies
from model.checkpoint.hub.huggingface.client import model_info
from model.errors import CheckpointError, DemoError
from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.served import REPLY_S, ROOT, free_port
from ui.media import temp_folder as scratch
from ui.page.build import build_page

NOBODY = "127.0.0.1:9"  # there listens no proxy
PROXIES = {
    "none": {},
    "http": {"http_proxy": f"http://{NOBODY}"},
    "HTTP": {"HTTP_PROXY": f"http://{NOBODY}", "HTTPS_PROXY": f"http://{NOBODY}"},
    "all": {"ALL_PROXY": f"http://{NOBODY}"},
    "without a scheme": {"http_proxy": NOBODY},
    "except some": {"HTTP_PROXY": f"http://{NOBODY}", "NO_PROXY": "example.org"},
}
UNUSABLE = {
    "SOCKS": {"ALL_PROXY": f"socks5://{NOBODY}"},
    "SOCKS, except here": {"all_proxy": f"socks5h://{NOBODY}", "NO_PROXY": "localhost,127.0.0.1"},
    "unknown": {"HTTP_PROXY": f"ftp://{NOBODY}"},
}


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    close_session()  # the hub's client keeps the proxies that there were when it was made
    yield monkeypatch
    close_session()


def proxies() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a page that is up. Gradio asks itself by `httpx.get`."""
    with (
        gradio_environment(tmp_path_factory.mktemp("uploads")),
        listening(build_page(FakeBackend())) as address,
    ):
        yield address


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("environment", PROXIES.values(), ids=PROXIES)
@pytest.mark.slow
def test_the_page_asks_itself_past_any_proxy(
    no_proxies: pytest.MonkeyPatch, address: str, environment: Mapping[str, str], share: bool
) -> None:
    for name, value in environment.items():
        no_proxies.setenv(name, value)
    with past_proxies("::", share):
        assert httpx.get(address, timeout=REPLY_S).status_code == 200
        others = {name: value for name, value in environment.items() if name != "NO_PROXY"}
        assert (others.items() <= proxies().items()) == (
            share or not others
        )  # a public link is asked for elsewhere
        if share:
            assert proxies()["NO_PROXY"].split(",")[3:] == ["::", *filter(None, [environment.get("NO_PROXY")])]  # fmt: skip
    assert proxies() == environment


@pytest.mark.parametrize("environment", UNUSABLE.values(), ids=UNUSABLE)
def test_a_page_without_a_public_link_needs_no_proxy(
    no_proxies: pytest.MonkeyPatch, address: str, environment: Mapping[str, str]
) -> None:
    for name, value in environment.items():
        no_proxies.setenv(name, value)
    with past_proxies():
        assert httpx.get(address, timeout=REPLY_S).status_code == 200
    assert proxies() == environment


@pytest.mark.parametrize("environment", UNUSABLE.values(), ids=UNUSABLE)
def test_a_proxy_that_cannot_be_used_is_named_where_it_is_needed(
    no_proxies: pytest.MonkeyPatch, environment: Mapping[str, str]
) -> None:
    for name, value in environment.items():
        no_proxies.setenv(name, value)
    with pytest.raises(DemoError, match="HTTPS_PROXY and ALL_PROXY"), past_proxies("::", True):
        pass
    assert proxies() == environment
    if "HTTP_PROXY" not in environment:  # that is not the hub's
        with pytest.raises(CheckpointError, match="HTTPS_PROXY and ALL_PROXY"):
            model_info("me/some-model")


@pytest.mark.parametrize("folder", ["/proc/nowhere", "/dev/null", "/dev/null/below", "x" * 5000])
def test_a_folder_that_cannot_be_written_to_is_named(
    monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setenv(scratch.VARIABLE, folder)
    with pytest.raises(DemoError, match="set GRADIO_TEMP_DIR") as refused, scratch.private_folder():
        pass
    assert folder in str(refused.value)


def test_a_machine_without_any_folder_for_temporary_files_is_told_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc/nowhere"])
    monkeypatch.delenv(scratch.VARIABLE, raising=False)
    with pytest.raises(DemoError, match="set GRADIO_TEMP_DIR"), scratch.private_folder():
        pass
    monkeypatch.setenv(scratch.VARIABLE, str(tmp_path / "new" / "folder"))
    with scratch.private_folder() as folder:
        assert folder.parent == tmp_path / "new" / "folder"


STARTED = """
import sys
import app
from cli import process
from tests.support.fakes import FakeBackend

app.load, process.wait_for_signal, process.drain = lambda *_: FakeBackend(), lambda: None, lambda page: print("up")
app.main(sys.argv[1:])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "status", "said"),
    [
        (UNUSABLE["SOCKS"], 0, "up"),
        (PROXIES["HTTP"], 0, "up"),
        ({scratch.VARIABLE: "/proc/nowhere"}, 2, "set GRADIO_TEMP_DIR"),
    ],
)
def test_the_program_itself_starts_or_says_what_to_set(
    no_proxies: pytest.MonkeyPatch,  # noqa: ARG001
    tmp_path: Path,
    environment: Mapping[str, str],
    status: int,
    said: str,
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", STARTED, "--server-port", str(free_port())],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, scratch.VARIABLE: str(tmp_path), **environment},
    )  # fmt: skip
    assert run.returncode == status, run.stderr
    assert said in run.stdout + run.stderr and "Traceback" not in run.stderr
