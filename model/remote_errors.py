"""What a server's failure means: what to leave out, how long to wait, and the sentence for the person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
)

from model.connection import Connection
from model.errors import DemoError

REFUSED = (400, 422)  # the request is not understood
NO_CLIPS = (400, 404, 415, 422, 500, 501)  # what servers say to a clip that they cannot take
BUSY = (429, 502, 503, 504)
REASON_CHARACTERS = 300  # of a server's own words
_NUMBER = r"(\d[\d,]*)"
# vLLM's and SGLang's wordings, over their versions.
_INPUT = re.compile(
    rf"{_NUMBER} (?:input tokens|in the messages|tokens from the input)"
    rf"|(?:[Ii]nput|prompt) \(?(?:length )?\(?{_NUMBER}"
)
_CONTEXT = re.compile(rf"(?:context|model) length[^\d]{{0,12}}{_NUMBER}")


class BrokenOffError(Exception):
    """A stream that ended before the answer did."""


def words(error: Exception) -> str:
    """The server's own words, as far as there are any."""
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        said = body.get("message") or body.get("detail") or body.get("error") or body
        return said if isinstance(said, str) else json.dumps(said, default=str)
    return body if isinstance(body, str) else getattr(error, "message", "")


def named(error: Exception, fields: Iterable[str]) -> frozenset[str]:
    """Which of `fields` a refusal names."""
    if not isinstance(error, APIStatusError) or error.status_code not in REFUSED:
        return frozenset()
    said = words(error)
    return frozenset(field for field in fields if re.search(rf"\b{field}\b", said))


def exceeded_context(error: Exception) -> tuple[int, int] | None:
    """Tokens of the prompt and of the context, when these are why it was refused; 0 for what is not said."""
    if not isinstance(error, APIError) or "length" not in words(error):
        return None
    held = _CONTEXT.search(words(error))
    if not held:
        return None
    needed = _INPUT.search(words(error))
    return _number(needed), _number(held)


def retry_after(error: Exception) -> float | None:
    """How many seconds to wait as the server says; 0.0 if it does not; None if waiting does not help."""
    if _is_silence(error):
        return None
    if isinstance(error, APIConnectionError):
        return 0.0
    if not isinstance(error, APIStatusError) or error.status_code not in BUSY:
        return None
    try:
        return max(0.0, float(error.response.headers.get("retry-after", 0)))
    except ValueError:  # a date
        return 0.0


def explained(
    error: Exception, connection: Connection, *, model: str, models: Iterable[str] = ()
) -> DemoError:
    """The sentence for the person. `models` are what the server says it serves."""
    host = connection.host
    if _is_silence(error):
        return DemoError(
            "The server at {host} has said nothing for {seconds:.0f} s; try again later.",
            host=host,
            seconds=connection.silence_s,
        )
    if isinstance(error, APIConnectionError):
        return DemoError(
            "The server at {host} cannot be reached; start it, or check --api-base.", host=host
        )
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        return DemoError(
            "The server at {host} does not accept the key; "
            "check the variable that --api-key-env names.",
            host=host,
        )
    if isinstance(error, APIStatusError) and error.status_code in BUSY:
        return _busy(error, host)
    if is_about_the_model(error):
        return _wrong_model(host, model, models)
    if isinstance(error, APIStatusError):
        return DemoError(
            "The server at {host} refused: {reason}", host=host, reason=_reason(error, connection)
        )
    return DemoError("The server at {host} broke off its answer; try again.", host=host)


def _is_silence(error: Exception) -> bool:
    """Whether there was a connection, and then nothing came."""
    unconnected = type(error.__cause__).__name__ in ("ConnectTimeout", "PoolTimeout")
    return isinstance(error, APITimeoutError) and not unconnected


def _busy(error: APIStatusError, host: str) -> DemoError:
    if wait := retry_after(error):
        return DemoError(
            "The server at {host} has too much to do; try again in {seconds:.0f} s.",
            host=host,
            seconds=wait,
        )
    return DemoError("The server at {host} has too much to do; try again in a minute.", host=host)


def is_about_the_model(error: Exception) -> bool:
    """What vLLM answers with 404, a server that is pinned to one model with 400."""
    if isinstance(error, NotFoundError):
        return "model" in words(error).lower()
    return isinstance(error, APIStatusError) and "pinned" in words(error)


def _wrong_model(host: str, model: str, models: Iterable[str]) -> DemoError:
    if names := ", ".join(models):
        return DemoError(
            "The server at {host} has no model {model}; choose with --api-model: {models}.",
            host=host,
            model=model,
            models=names,
        )
    return DemoError(
        "The server at {host} has no model {model}; name one that it has with --api-model.",
        host=host,
        model=model,
    )


def _reason(error: APIStatusError, connection: Connection) -> str:
    """The server's words, short and without the key that it may repeat."""
    said = words(error)
    if connection.key:
        said = said.replace(connection.key, "…")
    said = " ".join(said.split()) or f"HTTP {error.status_code}"
    return said if len(said) <= REASON_CHARACTERS else f"{said[:REASON_CHARACTERS]}…"


def _number(match: re.Match[str] | None) -> int:
    groups = [group for group in match.groups() if group] if match else []
    return int(groups[0].replace(",", "")) if groups else 0
