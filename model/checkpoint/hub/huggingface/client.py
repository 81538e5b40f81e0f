"""Requests to the Hugging Face Hub that fail within seconds if it does not answer.

huggingface_hub by itself retries for minutes, and without end if a server breaks off each download.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import httpx2

from model.checkpoint.hub.hub import HubFile, HubWords
from model.checkpoint.hub.huggingface import errors
from model.checkpoint.hub.huggingface.errors import InterruptedDownloadError, NoAnswerError

# To connect, and between two reads of one response.
REQUEST_TIMEOUT_S = 10.0
# Without a good response, after which no request is sent any more.
MAX_SILENCE_S = 10.0
# Without a request, after which the next one begins another operation, with a silence of its own.
NEW_OPERATION_AFTER_S = 60.0
# How often a download may begin a file again.
MAX_RESTARTS = 3
TOO_MANY_REQUESTS = 429
WORDS: HubWords = errors.WORDS


def model_info(checkpoint: str) -> Any:
    """huggingface_hub's `ModelInfo` with the names and sizes of all files. Raises `CheckpointError`."""
    from huggingface_hub import HfApi

    with _operation(checkpoint):
        return HfApi().model_info(checkpoint, files_metadata=True, timeout=REQUEST_TIMEOUT_S)


def list_files(checkpoint: str) -> list[HubFile]:
    """See `Hub`."""
    listing = model_info(checkpoint).siblings or []
    return [HubFile(file.rfilename, file.size or 0) for file in listing]


def download(checkpoint: str, files: Sequence[HubFile], report: Callable[[int], None]) -> str:
    """See `Hub`."""
    from huggingface_hub import snapshot_download

    with _operation(checkpoint):
        bar = _progress_bar(report)
        names = [file.name for file in files]
        return snapshot_download(checkpoint, allow_patterns=names, tqdm_class=bar)


def cached_snapshot(checkpoint: str, name: str) -> Path | None:
    """See `Hub`."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        file = try_to_load_from_cache(checkpoint, name)
    except HFValidationError:
        return None
    return Path(file).parent if isinstance(file, str) else None


@contextmanager
def _operation(checkpoint: str) -> Iterator[None]:
    """Inside, errors of huggingface_hub and the packages below it become `CheckpointError`."""
    _silence_limit().reset()
    try:
        yield
    except (
        # A SOCKS proxy needs another package. hf_xet raises RuntimeError for network errors.
        *(ImportError, OSError, ValueError, RuntimeError),
        *(InterruptedDownloadError, NoAnswerError, httpx2.HTTPError, httpx2.InvalidURL),
    ) as error:
        raise errors.to_checkpoint_error(checkpoint, error) from error


class _SilenceLimit:
    """Hooks of an HTTP client that end an operation after `MAX_SILENCE_S` without a good response."""

    _latest_request_at = 0.0
    _unanswered_since: float | None = None
    _bad_response: httpx2.Response | None = None

    def reset(self) -> None:
        self._unanswered_since = self._bad_response = None

    def on_request(self, request: httpx2.Request) -> None:
        now = time.monotonic()
        if now - self._latest_request_at > NEW_OPERATION_AFTER_S:
            self.reset()
        self._latest_request_at = now
        if self._unanswered_since is None:
            self._unanswered_since = now
        if now - self._unanswered_since > MAX_SILENCE_S:
            self._give_up(self._bad_response)
        limits = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {
            name: min(limits.get(name) or REQUEST_TIMEOUT_S, REQUEST_TIMEOUT_S)
            for name in ("connect", "read", "write", "pool")
        }

    def on_response(self, response: httpx2.Response) -> None:
        if response.status_code == TOO_MANY_REQUESTS:
            # huggingface_hub would wait for as long as the response says.
            self._give_up(response)
        if response.status_code < 500:
            self.reset()
            return
        self._bad_response = response
        since = self._unanswered_since
        if since and time.monotonic() - since > MAX_SILENCE_S / 2:
            self._give_up(response)

    def _give_up(self, response: httpx2.Response | None) -> NoReturn:
        from huggingface_hub.utils._http import hf_raise_for_status

        if response is not None:
            hf_raise_for_status(response)
        raise NoAnswerError


@cache
def _silence_limit() -> _SilenceLimit:
    """The limit of all requests of huggingface_hub in this process. The first call installs it."""
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
    """A class of progress bars for huggingface_hub that reports the bytes and counts restarts."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        restarts = 0
        bytes_done = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.counts_bytes = kwargs.get("name") == "huggingface_hub.snapshot_download"
            super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]  # of tqdm

        def update(self, n: float | None = 1) -> bool | None:
            # huggingface_hub takes bytes back when a file begins again.
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
