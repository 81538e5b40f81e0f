"""Turns errors of huggingface_hub into sentences with the remedy.

Each function checks one group of causes and returns None for all others.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from json import JSONDecodeError

import httpx2

from model.errors import CheckpointError, Template

DISK_FULL = errno.ENOSPC, errno.EDQUOT
NOT_WRITABLE = errno.EACCES, errno.EPERM, errno.EROFS


class InterruptedDownloadError(Exception):
    """The server broke off the same download too often."""


class NoAnswerError(Exception):
    """No request had a good answer for too long."""


def to_checkpoint_error(checkpoint: str, error: BaseException) -> CheckpointError:
    """The sentence for an error that huggingface_hub raised. The first known cause in its chain decides."""
    from huggingface_hub import constants

    groups = (_disk, _id, _account, _environment, _server, _connection)
    known = ((group(cause), cause) for cause in _causes(error) for group in groups)
    template, cause = next(((found, cause) for found, cause in known if found), (UNKNOWN, error))
    return CheckpointError(
        template,
        checkpoint=checkpoint,
        hub=constants.ENDPOINT,
        folder=constants.HF_HUB_CACHE,
        status=_status(cause),
        reason=str(cause),
        example="Qwen/Qwen2-VL-2B-Instruct",
    )


UNKNOWN = Template(
    "{checkpoint} could not be fetched from the Hugging Face Hub; check the name and the "
    "network, or give the folder of a downloaded checkpoint."
)


def _disk(cause: BaseException) -> Template | None:
    number = cause.errno if isinstance(cause, OSError) else None
    if number in DISK_FULL:
        return Template(
            "The disk is full, so {checkpoint} could not be stored; make room, or set HF_HOME "
            "to a folder on a larger disk."
        )
    if number in NOT_WRITABLE:
        return Template(
            "{checkpoint} cannot be stored, because {folder} is not writable; set HF_HOME to a "
            "folder that is."
        )
    return None


def _id(cause: BaseException) -> Template | None:
    """The hub has no such checkpoint, or the id is none."""
    from huggingface_hub import errors

    if isinstance(cause, errors.GatedRepoError):
        return Template(
            "{checkpoint} is gated; accept its terms on its page at the Hugging Face Hub and "
            "log in with `hf auth login`."
        )
    status = _status(cause)
    # Mirrors answer with a bare 404, without the header that makes huggingface_hub raise RepositoryNotFoundError.
    missing = status == 404 and not isinstance(cause, errors.EntryNotFoundError)
    hidden = status == 401 and not _has_wrong_token(cause)
    if isinstance(cause, errors.RepositoryNotFoundError) or missing or hidden:
        return Template(
            "The Hugging Face Hub has no {checkpoint}, or it is private; check the name, or "
            "log in with `hf auth login`."
        )
    if isinstance(cause, errors.HFValidationError):
        return Template(
            "{checkpoint} is neither a folder nor the id of a checkpoint, like {example}; "
            "check its spelling."
        )
    return None


def _account(cause: BaseException) -> Template | None:
    """The hub refuses this account or this network."""
    status = _status(cause)
    if status in (401, 403):
        return Template(
            "The Hugging Face Hub refuses to give {checkpoint} to this machine's account "
            "({status}); log in with `hf auth login`, or set HF_TOKEN to a token that may read it."
        )
    if status == 429:
        return Template(
            "The Hugging Face Hub had too many requests from this network (429), so {checkpoint} could "
            "not be fetched; wait some minutes, or log in with `hf auth login`."
        )
    return None


def _environment(cause: BaseException) -> Template | None:
    """An environment variable forbids the request, or names a proxy that does not work."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(cause, OfflineModeIsEnabled):
        return Template(
            "{checkpoint} is not whole in the Hugging Face cache and HF_HUB_OFFLINE forbids to fetch it; "
            "unset HF_HUB_OFFLINE, or give the folder of a downloaded checkpoint."
        )
    if isinstance(cause, ImportError) or "proxy URL" in str(cause):
        return Template(
            "This environment's proxy cannot be used ({reason}), so {checkpoint} could not be fetched; set "
            "HTTPS_PROXY and ALL_PROXY to one that is http://, or give the folder of a downloaded checkpoint."
        )
    if isinstance(cause, httpx2.ProxyError) or _status(cause) == 407:
        return Template(
            "The proxy lets nobody through to {hub}, so {checkpoint} could not be fetched; check "
            "HTTPS_PROXY, or give the folder of a downloaded checkpoint."
        )
    return None


def _server(cause: BaseException) -> Template | None:
    """The server fails, or it is not the hub."""
    from huggingface_hub.errors import FileMetadataError

    if (_status(cause) or 0) >= 500:
        return Template(
            "{hub}, or a proxy before it, is out of order ({status}), so {checkpoint} could not be fetched; "
            "try again later, or give the folder of a downloaded checkpoint."
        )
    if isinstance(cause, FileMetadataError | JSONDecodeError):
        return Template(
            "Something else answers in the place of {hub}, so {checkpoint} could not be fetched; open {hub} in a "
            "browser on this machine, where the network may ask for a log-in, and check HF_ENDPOINT."
        )
    return None


def _connection(cause: BaseException) -> Template | None:
    """No connection to the hub, or one that broke off."""
    if isinstance(cause, httpx2.ConnectError) and "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return Template(
            "The certificate of {hub} is not trusted, so {checkpoint} could not be fetched; set "
            "SSL_CERT_FILE to your network's certificates."
        )
    if isinstance(cause, httpx2.RemoteProtocolError | httpx2.ReadError | InterruptedDownloadError):
        return Template(
            "The download of {checkpoint} broke off; start again to go on where it ended, or give "
            "the folder of a downloaded checkpoint."
        )
    if isinstance(cause, NoAnswerError | httpx2.ReadTimeout):
        return Template(
            "{hub} does not answer, so {checkpoint} could not be fetched; try again later, or give the "
            "folder of a downloaded checkpoint."
        )
    if isinstance(cause, httpx2.TransportError | httpx2.InvalidURL):
        return Template(
            "{hub} cannot be reached, so {checkpoint} could not be fetched; check the network (behind a proxy "
            "set HTTPS_PROXY), or give the folder of a downloaded checkpoint."
        )
    return None


def _status(cause: BaseException) -> int | None:
    """The status of the HTTP response that caused the error, if there was one."""
    return getattr(getattr(cause, "response", None), "status_code", None)


def _has_wrong_token(cause: BaseException) -> bool:
    """Whether a 401 is about the token. Any other 401 means that the id is unknown or hidden from this account."""
    headers = getattr(getattr(cause, "response", None), "headers", {})
    return "credentials" in headers.get("X-Error-Message", "")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its chain of causes, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
