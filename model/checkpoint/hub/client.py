"""Questions to the Hugging Face Hub that end within seconds where it does not answer.

huggingface_hub retries for minutes, and as long as it takes with a server that breaks each file off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from model.checkpoint.hub.errors import InterruptedDownloadError, NoAnswerError, to_checkpoint_error

if TYPE_CHECKING:
    import httpx2

REQUEST_TIMEOUT_S = 10.0  # for the next bytes of one answer
MAX_SILENCE_S = 10.0  # without any good answer, after which nothing is asked again
NEW_OPERATION_AFTER_S = 60.0  # after the latest request, whether it was answered no longer counts
MAX_RESTARTS = 3  # of files from their beginning
TOO_MANY_REQUESTS = 429


def model_info(checkpoint: str) -> Any:
    """`ModelInfo` with the names and sizes of all files. Raises `CheckpointError`."""
    from huggingface_hub import HfApi

    _silence_limit().reset()
    try:
        return HfApi().model_info(checkpoint, files_metadata=True, timeout=REQUEST_TIMEOUT_S)
    except _hub_exceptions() as error:
        raise to_checkpoint_error(checkpoint, error) from error


def download(checkpoint: str, names: Iterable[str], report: Callable[[int], None]) -> str:
    """The folder in the cache with these files. Raises `CheckpointError`.

    report: told how many bytes there are so far.
    """
    from huggingface_hub import snapshot_download

    _silence_limit().reset()
    try:
        return snapshot_download(
            checkpoint, allow_patterns=list(names), tqdm_class=_progress_bar(report)
        )
    except _hub_exceptions() as error:
        raise to_checkpoint_error(checkpoint, error) from error


class _SilenceLimit:
    """Lets requests pass as long as there are good answers now and then, each within `REQUEST_TIMEOUT_S`."""

    _latest_request_at = 0.0  # request
    _unanswered_since: float | None = None
    _bad_response: httpx2.Response | None = None

    def reset(self) -> None:
        self._unanswered_since = self._bad_response = None

    def on_request(self, request: httpx2.Request) -> None:
        now = time.monotonic()
        if now - self._latest_request_at > NEW_OPERATION_AFTER_S:
            self.reset()  # others of this process ask for something else
        self._latest_request_at = now
        if self._unanswered_since is None:
            self._unanswered_since = now
        if now - self._unanswered_since > MAX_SILENCE_S:
            self._give_up()
        limits = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {
            name: min(limits.get(name) or REQUEST_TIMEOUT_S, REQUEST_TIMEOUT_S)
            for name in ("connect", "read", "write", "pool")
        }

    def on_response(self, response: httpx2.Response) -> None:
        if response.status_code == TOO_MANY_REQUESTS:
            _raise_for_status(response)  # rather than wait for as long as it says
        if response.status_code < 500:
            self.reset()
            return
        self._bad_response = response
        since = self._unanswered_since
        if since and time.monotonic() - since > MAX_SILENCE_S / 2:
            self._give_up()

    def _give_up(self) -> NoReturn:
        if self._bad_response is not None:
            _raise_for_status(self._bad_response)
        raise NoAnswerError


def _raise_for_status(response: httpx2.Response) -> NoReturn:
    from huggingface_hub.utils._http import hf_raise_for_status

    hf_raise_for_status(response)
    raise AssertionError("called for errors only")


@cache
def _silence_limit() -> _SilenceLimit:
    """That of all requests of huggingface_hub in this process."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    limit = _SilenceLimit()

    def client() -> httpx2.Client:
        made = default_client_factory()
        hooks = made.event_hooks
        made.event_hooks = {
            "request": [*hooks["request"], limit.on_request],
            "response": [*hooks["response"], limit.on_response],
        }
        return made

    set_client_factory(client)
    return limit


def _progress_bar(report: Callable[[int], None]) -> Any:
    """A class of huggingface_hub's progress bars that tells how far the files are."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        restarts = 0
        bytes_done = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.counts_bytes = kwargs.get("name") == "huggingface_hub.snapshot_download"
            super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]  # of tqdm

        def update(self, n: float | None = 1) -> bool | None:
            # Taken back: a file begins anew.
            if n and n < 0:
                self.restarts += 1
                if self.restarts > MAX_RESTARTS:
                    raise InterruptedDownloadError
            elif n:
                _silence_limit().reset()
            if self.counts_bytes:
                self.bytes_done += int(n or 0)
                report(self.bytes_done)
            shown: bool | None = super().update(n)
            return shown

    return Bar


def _hub_exceptions() -> tuple[type[Exception], ...]:
    """What huggingface_hub and what it uses raise. hf_xet has its network's errors as RuntimeError."""
    import httpx2

    return (
        ImportError,  # of what a kind of proxy needs
        OSError,
        ValueError,
        RuntimeError,
        InterruptedDownloadError,
        NoAnswerError,
        httpx2.HTTPError,
        httpx2.InvalidURL,
    )
