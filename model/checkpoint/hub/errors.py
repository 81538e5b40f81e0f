"""Sentences with the remedy for what fails between this machine and a hub."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from model.checkpoint.hub.hub import HubWords
from model.errors import CheckpointError, Template

_DISK_FULL = errno.ENOSPC, errno.EDQUOT
_NOT_WRITABLE = errno.EACCES, errno.EPERM, errno.EROFS

DISK_FULL = Template(
    "The disk is full, so {checkpoint} could not be stored; make room, or set {cache} "
    "to a folder on a larger disk."
)
NOT_WRITABLE = Template(
    "{checkpoint} cannot be stored, because {folder} is not writable; set {cache} to a "
    "folder that is."
)
GATED = Template(
    "{checkpoint} is gated; accept its terms on its page at {service}, and log in with `{login}` "
    "or a token in {token}."
)
GATED_OR_PRIVATE = Template(
    "{checkpoint} is gated or private at {service} ({status}); ask for access on its page, and "
    "log in with `{login}` or a token in {token}."
)
MISSING = Template(
    "{service} has no {checkpoint}, or it is private; check the name, or log in with `{login}` "
    "or a token in {token}."
)
MISSPELT = Template(
    "{checkpoint} is neither a folder nor the id of a checkpoint, like {example}; "
    "check its spelling."
)
REFUSED = Template(
    "{service} refuses to give {checkpoint} to this machine's account "
    "({status}); log in with `{login}`, or set {token} to a token that may read it."
)
RATE_LIMITED = Template(
    "{service} had too many requests from this network (429), so {checkpoint} could "
    "not be fetched; wait some minutes, or log in with `{login}`."
)
OFFLINE = Template(
    "{checkpoint} is not whole in the Hugging Face cache and HF_HUB_OFFLINE forbids to fetch it; "
    "unset HF_HUB_OFFLINE, or give the folder of a downloaded checkpoint."
)
PROXY_UNUSABLE = Template(
    "This environment's proxy cannot be used ({reason}), so {checkpoint} could not be fetched; set "
    "HTTPS_PROXY and ALL_PROXY to one that is http://, or give the folder of a downloaded checkpoint."
)
PROXY_REFUSES = Template(
    "The proxy lets nobody through to {hub}, so {checkpoint} could not be fetched; check "
    "HTTPS_PROXY, or give the folder of a downloaded checkpoint."
)
OUT_OF_ORDER = Template(
    "{hub}, or a proxy before it, is out of order ({status}), so {checkpoint} could not be fetched; "
    "try again later, or give the folder of a downloaded checkpoint."
)
REPLACED = Template(
    "Something else answers in the place of {hub}, so {checkpoint} could not be fetched; open {hub} in a "
    "browser on this machine, where the network may ask for a log-in, and check {endpoint}."
)
NOT_TRUSTED = Template(
    "The certificate of {hub} is not trusted, so {checkpoint} could not be fetched; set "
    "{certificates} to your network's certificates."
)
BROKE_OFF = Template(
    "The download of {checkpoint} broke off; start again to go on where it ended, or give "
    "the folder of a downloaded checkpoint."
)
SILENT = Template(
    "{hub} does not answer, so {checkpoint} could not be fetched; try again later, or give the "
    "folder of a downloaded checkpoint."
)
UNREACHABLE = Template(
    "{hub} cannot be reached, so {checkpoint} could not be fetched; check the network (behind a proxy "
    "set HTTPS_PROXY), or give the folder of a downloaded checkpoint."
)
UNKNOWN = Template(
    "{checkpoint} could not be fetched from {service}; check the name and the "
    "network, or give the folder of a downloaded checkpoint."
)


def hub_error(
    template: Template,
    checkpoint: str,
    words: HubWords,
    *,
    hub: str,
    folder: str,
    status: int | None = None,
    reason: str = "",
) -> CheckpointError:
    """The error with one of the sentences above. hub: its address; folder: its cache."""
    return CheckpointError(
        template,
        checkpoint=checkpoint,
        service=words.name,
        login=words.login,
        token=words.token,
        cache=words.cache,
        endpoint=words.endpoint,
        certificates=words.certificates,
        hub=hub,
        folder=folder,
        status=status,
        reason=reason,
        example="Qwen/Qwen2-VL-2B-Instruct",
    )


def disk_problem(cause: BaseException) -> Template | None:
    """The sentence for a disk that takes no file, or None."""
    number = cause.errno if isinstance(cause, OSError) else None
    if number in _DISK_FULL:
        return DISK_FULL
    return NOT_WRITABLE if number in _NOT_WRITABLE else None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its chain of causes, outermost first. A chain can lead back: urllib3's does, raised again."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
