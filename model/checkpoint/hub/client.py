"""Questions to the Hugging Face Hub that end within seconds where it does not answer.

huggingface_hub retries for minutes, and as long as it takes with a server that breaks each file off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from model.checkpoint.hub.errors import BrokenOffError, SilenceError, unfetched

if TYPE_CHECKING:
    import httpx2

REQUEST_S = 10.0  # for the next bytes of one answer
PATIENCE_S = 10.0  # without any good answer, after which nothing is asked again
FORGOTTEN_S = 60.0  # after the latest request, whether it was answered no longer counts
MAX_RESTARTS = 3  # of files from their beginning
TOO_MANY_REQUESTS = 429


def ask(checkpoint: str) -> Any:
    """`ModelInfo` with the names and sizes of all files. Raises `CheckpointError`."""
    from huggingface_hub import HfApi

    _watch().begin()
    try:
        return HfApi().model_info(checkpoint, files_metadata=True, timeout=REQUEST_S)
    except _failures() as error:
        raise unfetched(checkpoint, error) from error


def download(checkpoint: str, names: Iterable[str], report: Callable[[int], None]) -> str:
    """The folder in the cache with these files. Raises `CheckpointError`.

    report: told how many bytes there are so far.
    """
    from huggingface_hub import snapshot_download

    _watch().begin()
    try:
        return snapshot_download(
            checkpoint, allow_patterns=list(names), tqdm_class=_progress_bar(report)
        )
    except _failures() as error:
        raise unfetched(checkpoint, error) from error


class _Patience:
    """Lets requests pass as long as there are good answers now and then, each within `REQUEST_S`."""

    _latest = 0.0  # request
    _unanswered_since: float | None = None
    _bad: httpx2.Response | None = None

    def begin(self) -> None:
        self._unanswered_since = self._bad = None

    def before(self, request: httpx2.Request) -> None:
        now = time.monotonic()
        if now - self._latest > FORGOTTEN_S:
            self.begin()  # others of this process ask for something else
        self._latest = now
        if self._unanswered_since is None:
            self._unanswered_since = now
        if now - self._unanswered_since > PATIENCE_S:
            self._give_up()
        limits = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {
            name: min(limits.get(name) or REQUEST_S, REQUEST_S)
            for name in ("connect", "read", "write", "pool")
        }

    def after(self, response: httpx2.Response) -> None:
        if response.status_code == TOO_MANY_REQUESTS:
            _refuse(response)  # rather than wait for as long as it says
        if response.status_code < 500:
            self.begin()
            return
        self._bad = response
        since = self._unanswered_since
        if since and time.monotonic() - since > PATIENCE_S / 2:
            self._give_up()

    def _give_up(self) -> NoReturn:
        if self._bad is not None:
            _refuse(self._bad)
        raise SilenceError


def _refuse(response: httpx2.Response) -> NoReturn:
    from huggingface_hub.utils._http import hf_raise_for_status

    hf_raise_for_status(response)
    raise AssertionError("called for errors only")


@cache
def _watch() -> _Patience:
    """That of all requests of huggingface_hub in this process."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    patience = _Patience()

    def client() -> httpx2.Client:
        made = default_client_factory()
        hooks = made.event_hooks
        made.event_hooks = {
            "request": [*hooks["request"], patience.before],
            "response": [*hooks["response"], patience.after],
        }
        return made

    set_client_factory(client)
    return patience


def _progress_bar(report: Callable[[int], None]) -> Any:
    """A class of huggingface_hub's progress bars that tells how far the files are."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        restarts = 0
        told = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.counts_bytes = kwargs.get("name") == "huggingface_hub.snapshot_download"
            super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]  # of tqdm

        def update(self, n: float | None = 1) -> bool | None:
            # Taken back: a file begins anew.
            if n and n < 0:
                self.restarts += 1
                if self.restarts > MAX_RESTARTS:
                    raise BrokenOffError
            elif n:
                _watch().begin()
            if self.counts_bytes:
                self.told += int(n or 0)
                report(self.told)
            shown: bool | None = super().update(n)
            return shown

    return Bar


def _failures() -> tuple[type[Exception], ...]:
    """What huggingface_hub and what it uses raise. hf_xet has its network's errors as RuntimeError."""
    import httpx2

    return (
        ImportError,  # of what a kind of proxy needs
        OSError,
        ValueError,
        RuntimeError,
        BrokenOffError,
        SilenceError,
        httpx2.HTTPError,
        httpx2.InvalidURL,
    )
