"""Turns errors of huggingface_hub into sentences with the remedy.

Each function checks one group of causes and returns None for all others.
"""

from __future__ import annotations

from json import JSONDecodeError

import httpx2

from model.checkpoint.hub import errors as sentences
from model.checkpoint.hub.errors import causes, disk_problem, hub_error
from model.checkpoint.hub.hub import HubWords
from model.errors import CheckpointError, Template

WORDS = HubWords(
    name="Hugging Face",
    login="hf auth login",
    token="HF_TOKEN",
    cache="HF_HOME",
    endpoint="HF_ENDPOINT",
    certificates="SSL_CERT_FILE",
)


class InterruptedDownloadError(Exception):
    """The server broke off the same download too often."""


class NoAnswerError(Exception):
    """No request had a good answer for too long."""


def to_checkpoint_error(checkpoint: str, error: BaseException) -> CheckpointError:
    """The sentence for an error that huggingface_hub raised. The first known cause in its chain decides."""
    from huggingface_hub import constants

    groups = (disk_problem, _id, _account, _environment, _server, _connection)
    known = ((group(cause), cause) for cause in causes(error) for group in groups)
    unknown = (sentences.UNKNOWN, error)
    template, cause = next(((found, cause) for found, cause in known if found), unknown)
    return hub_error(
        template,
        checkpoint,
        WORDS,
        hub=constants.ENDPOINT,
        folder=constants.HF_HUB_CACHE,
        status=_status(cause),
        reason=str(cause),
    )


def _id(cause: BaseException) -> Template | None:
    """The hub has no such checkpoint, or the id is none."""
    from huggingface_hub import errors

    if isinstance(cause, errors.GatedRepoError):
        return sentences.GATED
    status = _status(cause)
    # Mirrors answer with a bare 404, without the header that makes huggingface_hub raise RepositoryNotFoundError.
    missing = status == 404 and not isinstance(cause, errors.EntryNotFoundError)
    hidden = status == 401 and not _has_wrong_token(cause)
    if isinstance(cause, errors.RepositoryNotFoundError) or missing or hidden:
        return sentences.MISSING
    if isinstance(cause, errors.HFValidationError):
        return sentences.MISSPELT
    return None


def _account(cause: BaseException) -> Template | None:
    """The hub refuses this account or this network."""
    status = _status(cause)
    if status in (401, 403):
        return sentences.REFUSED
    if status == 429:
        return sentences.RATE_LIMITED
    return None


def _environment(cause: BaseException) -> Template | None:
    """An environment variable forbids the request, or names a proxy that does not work."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(cause, OfflineModeIsEnabled):
        return sentences.OFFLINE
    if isinstance(cause, ImportError) or "proxy URL" in str(cause):
        return sentences.PROXY_UNUSABLE
    if isinstance(cause, httpx2.ProxyError) or _status(cause) == 407:
        return sentences.PROXY_REFUSES
    return None


def _server(cause: BaseException) -> Template | None:
    """The server fails, or it is not the hub."""
    from huggingface_hub.errors import FileMetadataError

    if (_status(cause) or 0) >= 500:
        return sentences.OUT_OF_ORDER
    if isinstance(cause, FileMetadataError | JSONDecodeError):
        return sentences.REPLACED
    return None


def _connection(cause: BaseException) -> Template | None:
    """No connection to the hub, or one that broke off."""
    if isinstance(cause, httpx2.ConnectError) and "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return sentences.NOT_TRUSTED
    if isinstance(cause, httpx2.RemoteProtocolError | httpx2.ReadError | InterruptedDownloadError):
        return sentences.BROKE_OFF
    if isinstance(cause, NoAnswerError | httpx2.ReadTimeout):
        return sentences.SILENT
    if isinstance(cause, httpx2.TransportError | httpx2.InvalidURL):
        return sentences.UNREACHABLE
    return None


def _status(cause: BaseException) -> int | None:
    """The status of the HTTP response that caused the error, if there was one."""
    return getattr(getattr(cause, "response", None), "status_code", None)


def _has_wrong_token(cause: BaseException) -> bool:
    """Whether a 401 is about the token. Any other 401 means that the id is unknown or hidden from this account."""
    headers = getattr(getattr(cause, "response", None), "headers", {})
    return "credentials" in headers.get("X-Error-Message", "")
