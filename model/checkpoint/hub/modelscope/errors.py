"""Turns errors of modelscope_hub into sentences with the remedy.

Each function checks one group of causes and returns None for all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from json import JSONDecodeError

from model.checkpoint.hub import errors as sentences
from model.checkpoint.hub.errors import causes, disk_problem, hub_error
from model.checkpoint.hub.hub import HubWords
from model.errors import CheckpointError, Template

WORDS = HubWords(
    name="ModelScope",
    login="modelscope login",
    token="MODELSCOPE_API_TOKEN",
    cache="MODELSCOPE_CACHE",
    endpoint="MODELSCOPE_ENDPOINT",
    certificates="REQUESTS_CA_BUNDLE",
)


def to_checkpoint_error(
    checkpoint: str, error: BaseException, *, hub: str, folder: str
) -> CheckpointError:
    """The sentence for an error that modelscope_hub raised. hub: its address; folder: its cache."""
    chain = [*_causes(error)]
    # Outer errors say less, so each group looks at all of them.
    groups = (
        disk_problem,
        _account,
        _environment,
        _server,
        _certificate,
        _silence,
        _unreachable,
        _cut,
    )
    known = ((group(cause), cause) for group in groups for cause in chain)
    unknown = (sentences.UNKNOWN, error)
    template, cause = next(((found, cause) for found, cause in known if found), unknown)
    return hub_error(
        template,
        checkpoint,
        WORDS,
        hub=hub,
        folder=folder,
        status=_status(cause),
        reason=str(cause),
    )


def _account(cause: BaseException) -> Template | None:
    """The hub has no such checkpoint, or refuses this account or this network."""
    match _status(cause):
        case 401:
            return sentences.REFUSED
        case 403:
            return sentences.GATED_OR_PRIVATE
        case 404:
            return sentences.MISSING
        case 429:
            return sentences.RATE_LIMITED
    return None


def _environment(cause: BaseException) -> Template | None:
    """An environment variable names a proxy that does not work."""
    from requests import exceptions
    from urllib3.exceptions import ProxySchemeUnknown

    # A SOCKS proxy needs another package.
    unusable = (exceptions.InvalidSchema, exceptions.InvalidProxyURL, ProxySchemeUnknown)
    if isinstance(cause, unusable):
        return sentences.PROXY_UNUSABLE
    if isinstance(cause, exceptions.ProxyError) or _status(cause) == 407:
        return sentences.PROXY_REFUSES
    return None


def _server(cause: BaseException) -> Template | None:
    """The server fails, or it is not the hub."""
    from modelscope_hub.errors import FileIntegrityError

    if (_status(cause) or 0) >= 500:
        return sentences.OUT_OF_ORDER
    if isinstance(cause, FileIntegrityError | JSONDecodeError):
        return sentences.REPLACED
    return None


def _certificate(cause: BaseException) -> Template | None:
    return sentences.NOT_TRUSTED if "CERTIFICATE_VERIFY_FAILED" in str(cause) else None


def _silence(cause: BaseException) -> Template | None:
    from modelscope_hub.errors import RequestTimeoutError
    from urllib3.exceptions import ReadTimeoutError

    return sentences.SILENT if isinstance(cause, RequestTimeoutError | ReadTimeoutError) else None


def _unreachable(cause: BaseException) -> Template | None:
    from requests.exceptions import InvalidURL
    from urllib3.exceptions import ConnectTimeoutError, SSLError

    # urllib3 raises a ConnectTimeoutError for every connection that could not be made.
    causes = (ConnectTimeoutError, SSLError, InvalidURL)
    return sentences.UNREACHABLE if isinstance(cause, causes) else None


def _cut(cause: BaseException) -> Template | None:
    from modelscope_hub.errors import NetworkError

    return sentences.BROKE_OFF if isinstance(cause, NetworkError) else None


def _status(cause: BaseException) -> int | None:
    """The status of the HTTP response that caused the error, if there was one."""
    return getattr(cause, "status_code", None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The chain of causes. Files that were downloaded side by side have one each."""
    yield from causes(error)
    for failed in getattr(error, "failed_files", {}).values():
        yield from causes(failed)
