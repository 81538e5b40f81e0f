"""ModelScope on loopback, with everything that can be wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model.checkpoint.hub import repository
from model.checkpoint.hub.modelscope import client
from tests.support.hub_server import Fault
from tests.support.modelscope_server import ModelScopeServer

At = Callable[[str], None]  # sets the address of the hub
NOBODY = "http://127.0.0.1:9"  # refuses every connection
TOKEN = "ms-0123"
FAULTS = {
    "me/gated": Fault(403, files_only=True, token=TOKEN),
    "me/private": Fault(404, token=TOKEN),
    "me/old-token": Fault(401),
    "me/proxy-log-in": Fault(407),
    "me/busy": Fault(429, {"Retry-After": "300"}),
    "me/busy-files": Fault(429, {"Retry-After": "300"}, files_only=True),
    "me/broken": Fault(502),
    "me/broken-files": Fault(503, files_only=True),
    "me/silent": Fault(silent=True),
    "me/silent-files": Fault(silent=True, files_only=True),
    "me/portal": Fault(body=b"<html>Welcome to the hotel"),
    "me/portal-files": Fault(body=b"<html>Welcome to the hotel", files_only=True),
    "me/cut": Fault(cuts=10**6, ranges=False),
    "me/unreadable": Fault(400),
}


@pytest.fixture(scope="module")
def hub(checkpoints: dict[str, Path]) -> Iterator[ModelScopeServer]:
    cut = {"me/cut-often": Fault(cuts=5), "me/cut-at-first": Fault(cuts=1, ranges=False)}
    served = ModelScopeServer(checkpoints["qwen2_vl"], "me/tiny", FAULTS | cut)
    with served.running():
        yield served


@pytest.fixture
def at(hub: ModelScopeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[At]:
    """Sets the address of the hub, at first of the one here; with an empty cache, in this process."""
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MODELSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MODELSCOPE_API_TOKEN", raising=False)
    client._config()  # sets the variables that modelscope_hub reads when it is imported
    from modelscope_hub import _download, _legacy_api

    monkeypatch.setattr(_legacy_api, "REPO_TREE_PAGE_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(_legacy_api, "DOWNLOAD_TIMEOUT", 0.5)
    monkeypatch.setattr(_download, "DOWNLOAD_INTEGRITY_RETRY_BACKOFF", 0.01)

    def at(endpoint: str) -> None:
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", endpoint)
        repository._listing.cache_clear()

    repository.look_up_at("modelscope")
    at(hub.endpoint)
    yield at
    repository.look_up_at("huggingface")


def snapshot(tmp_path: Path) -> Path:
    """The folder of me/tiny in the cache."""
    return tmp_path / "cache" / "models" / "me--tiny" / "snapshots" / "master"
