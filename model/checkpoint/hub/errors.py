"""Why a checkpoint cannot be fetched from the Hugging Face Hub, in words with the remedy that fits."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from json import JSONDecodeError

from model.errors import CheckpointError

FULL = errno.ENOSPC, errno.EDQUOT
UNWRITABLE = errno.EACCES, errno.EPERM, errno.EROFS


class InterruptedDownloadError(Exception):
    """A file ended before its end too often."""


class NoAnswerError(Exception):
    """There was no good answer for too long."""


def to_checkpoint_error(checkpoint: str, error: BaseException) -> CheckpointError:
    """What to say of an error of huggingface_hub, whatever it was raised for."""
    for cause in _causes(error):
        for say in (_of_the_disk, _of_the_account, _of_the_network):
            if said := say(checkpoint, cause):
                return said
    return CheckpointError(
        "{checkpoint} could not be fetched from the Hugging Face Hub; check the name and the "
        "network, or give the folder of a downloaded checkpoint.",
        checkpoint=checkpoint,
    )


def _of_the_disk(checkpoint: str, cause: BaseException) -> CheckpointError | None:
    from huggingface_hub import constants

    number = cause.errno if isinstance(cause, OSError) else None
    if number in FULL:
        return CheckpointError(
            "The disk is full, so {checkpoint} could not be stored; make room, or set HF_HOME "
            "to a folder on a larger disk.",
            checkpoint=checkpoint,
        )
    if number in UNWRITABLE:
        return CheckpointError(
            "{checkpoint} cannot be stored, because {folder} is not writable; set HF_HOME to a "
            "folder that is.",
            checkpoint=checkpoint,
            folder=constants.HF_HUB_CACHE,
        )
    return None


def _of_the_account(checkpoint: str, cause: BaseException) -> CheckpointError | None:
    """What the hub itself answers of this checkpoint."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
    )

    if isinstance(cause, GatedRepoError):
        return CheckpointError(
            "{checkpoint} is gated; accept its terms on its page at the Hugging Face Hub and "
            "log in with `hf auth login`.",
            checkpoint=checkpoint,
        )
    status = _status(cause)
    # Mirrors give no reason.
    missing = status == 404 and not isinstance(cause, EntryNotFoundError)
    hidden = status == 401 and not _has_wrong_token(cause)
    if isinstance(cause, RepositoryNotFoundError) or missing or hidden:
        return CheckpointError(
            "The Hugging Face Hub has no {checkpoint}, or it is private; check the name, or "
            "log in with `hf auth login`.",
            checkpoint=checkpoint,
        )
    if isinstance(cause, HFValidationError):
        return CheckpointError(
            "{checkpoint} is neither a folder nor the id of a checkpoint, like {example}; "
            "check its spelling.",
            checkpoint=checkpoint,
            example="Qwen/Qwen2-VL-2B-Instruct",
        )
    if status in (401, 403):
        return CheckpointError(
            "The Hugging Face Hub refuses to give {checkpoint} to this machine's account "
            "({status}); log in with `hf auth login`, or set HF_TOKEN to a token that may read it.",
            checkpoint=checkpoint,
            status=status,
        )
    if status == 429:
        return CheckpointError(
            "The Hugging Face Hub had too many requests from this network (429), so {checkpoint} could "
            "not be fetched; wait some minutes, or log in with `hf auth login`.",
            checkpoint=checkpoint,
        )
    return None


def _of_the_network(checkpoint: str, cause: BaseException) -> CheckpointError | None:
    """What lies between here and the hub."""
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import FileMetadataError, OfflineModeIsEnabled

    hub = constants.ENDPOINT
    if isinstance(cause, OfflineModeIsEnabled):
        return CheckpointError(
            "{checkpoint} is not whole in the Hugging Face cache and HF_HUB_OFFLINE forbids to fetch it; "
            "unset HF_HUB_OFFLINE, or give the folder of a downloaded checkpoint.",
            checkpoint=checkpoint,
        )
    if isinstance(cause, ImportError) or "proxy URL" in str(cause):
        return CheckpointError(
            "This environment's proxy cannot be used ({reason}), so {checkpoint} could not be fetched; set "
            "HTTPS_PROXY and ALL_PROXY to one that is http://, or give the folder of a downloaded checkpoint.",
            checkpoint=checkpoint,
            reason=str(cause),
        )
    status = _status(cause)
    if isinstance(cause, httpx2.ProxyError) or status == 407:
        return CheckpointError(
            "The proxy lets nobody through to {hub}, so {checkpoint} could not be fetched; check "
            "HTTPS_PROXY, or give the folder of a downloaded checkpoint.",
            checkpoint=checkpoint,
            hub=hub,
        )
    if status and status >= 500:
        return CheckpointError(
            "{hub}, or a proxy before it, is out of order ({status}), so {checkpoint} could not be fetched; "
            "try again later, or give the folder of a downloaded checkpoint.",
            checkpoint=checkpoint,
            hub=hub,
            status=status,
        )
    if isinstance(cause, httpx2.ConnectError) and "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return CheckpointError(
            "The certificate of {hub} is not trusted, so {checkpoint} could not be fetched; set "
            "SSL_CERT_FILE to your network's certificates.",
            checkpoint=checkpoint,
            hub=hub,
        )
    if isinstance(cause, httpx2.RemoteProtocolError | httpx2.ReadError | InterruptedDownloadError):
        return CheckpointError(
            "The download of {checkpoint} broke off; start again to go on where it ended, or give "
            "the folder of a downloaded checkpoint.",
            checkpoint=checkpoint,
        )
    if isinstance(cause, FileMetadataError | JSONDecodeError):
        return CheckpointError(
            "Something else answers in the place of {hub}, so {checkpoint} could not be fetched; open {hub} in a "
            "browser on this machine, where the network may ask for a log-in, and check HF_ENDPOINT.",
            checkpoint=checkpoint,
            hub=hub,
        )
    if isinstance(cause, NoAnswerError | httpx2.ReadTimeout):
        return CheckpointError(
            "{hub} does not answer, so {checkpoint} could not be fetched; try again later, or give the "
            "folder of a downloaded checkpoint.",
            checkpoint=checkpoint,
            hub=hub,
        )
    if isinstance(cause, httpx2.TransportError | httpx2.InvalidURL):
        return CheckpointError(
            "{hub} cannot be reached, so {checkpoint} could not be fetched; check the network (behind a proxy "
            "set HTTPS_PROXY), or give the folder of a downloaded checkpoint.",
            checkpoint=checkpoint,
            hub=hub,
        )
    return None


def _status(cause: BaseException) -> int | None:
    """Of an HTTP answer."""
    return getattr(getattr(cause, "response", None), "status_code", None)


def _has_wrong_token(cause: BaseException) -> bool:
    """Of a 401, which is otherwise the answer about any id that this machine may not see."""
    headers = getattr(getattr(cause, "response", None), "headers", {})
    return "credentials" in headers.get("X-Error-Message", "")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
