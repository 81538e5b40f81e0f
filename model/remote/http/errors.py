"""Reads a server's errors: the fields to leave out, the seconds to wait, and the sentence for the person."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable

import openai

from model.errors import DemoError, Template
from model.remote.http.characters import whole
from model.remote.http.connection import Connection
from model.remote.http.route import RedirectedError, proxy_of

# HTTP status of a request that the server does not understand.
REFUSED = (400, 422)
# HTTP status of servers that cannot take a video.
NO_CLIPS = (400, 404, 415, 422, 500, 501)
BUSY = (429, 502, 503, 504)
# 407 Proxy Authentication Required comes from a proxy only.
PROXYS_OWN = 407
# Characters of a server's message that are shown.
REASON_CHARACTERS = 300
# Seconds. A longer Retry-After header is cut to this.
MAX_WAIT_S = 86_400.0
_NUMBER = r"(\d[\d,]*)"
# The wordings of several versions of vLLM and SGLang.
_INPUT = re.compile(
    rf"{_NUMBER} (?:input tokens|in the messages|tokens from the input)"
    rf"|(?:[Ii]nput|prompt) \(?(?:length )?\(?{_NUMBER}"
)
_CONTEXT = re.compile(rf"(?:context|model) length[^\d]{{0,12}}{_NUMBER}")
_NO_MEMORY = re.compile(
    r"out of (?:\w+ )?memory|\bOOM\b|OutOfMemory|(?:not enough|insufficient|failed to allocate) .{0,20}memory"
    r"|\b(?:alloc|reserve)\w* .{0,40}memory|KV cache (?:is )?(?:full|space)",
    re.IGNORECASE,
)
# The fields in which servers put their message, the most telling first.
_WORDS = ("message", "detail", "msg", "error", "error_message", "reason", "text", "errors")


class BrokenOffError(Exception):
    """The stream ended before the answer was complete."""


class StreamedError(Exception):
    """The stream contains an error object. body: that object."""

    def __init__(self, body: object) -> None:
        super().__init__(words_in(body) or "no reason given")
        self.body = body

    @property
    def status_code(self) -> int:
        """The HTTP status that the error object names; 0 if it names none."""
        body = self.body
        inner = body.get("error") if isinstance(body, dict) else None
        for place in (inner, body):
            if isinstance(place, dict):
                for name in ("code", "status_code", "status", "http_status"):
                    code = str(place.get(name))
                    if re.fullmatch(r"[45]\d\d", code):
                        return int(code)
        return 0


class StrangerError(Exception):
    """The response does not follow the protocol; it may be a log-in page. body: the response's text."""

    def __init__(self, body: str = "") -> None:
        super().__init__(body[:REASON_CHARACTERS])
        self.body = body


def words(error: Exception) -> str:
    """Return the server's message, or an empty text."""
    return words_in(getattr(error, "body", None)) or whole(str(getattr(error, "message", "")))


def words_in(body: object) -> str:
    """Return the message in the body of an error, at any depth."""
    if isinstance(body, str):
        return whole(body)
    if isinstance(body, list):
        return next(filter(None, map(words_in, body[:3])), "")
    if not isinstance(body, dict):
        return ""
    # A gateway such as OpenRouter adds the message of the server behind it as `metadata.raw`.
    behind = body.get("metadata")
    raw = behind.get("raw") if isinstance(behind, dict) else None
    said = next(filter(None, (words_in(body.get(name)) for name in _WORDS)), "")
    if isinstance(raw, str) and raw not in said:
        return whole(f"{said}: {raw}" if said else raw)
    return said or whole(json.dumps(body, default=str, ensure_ascii=False))


def status(error: Exception) -> int:
    """Return the HTTP status of an error, also of one in a stream; 0 if it has none."""
    code = getattr(error, "status_code", 0)
    return code if isinstance(code, int) else 0


def rejected_fields(error: Exception, fields: Iterable[str]) -> frozenset[str]:
    """Return those of `fields` that the message of a refused request names."""
    if status(error) not in REFUSED:
        return frozenset()
    said = words(error)
    return frozenset(field for field in fields if re.search(rf"\b{field}\b", said))


def exceeded_context(error: Exception) -> tuple[int, int] | None:
    """Return (prompt tokens, context tokens) if the prompt is too long, 0 for a number that is not given; else None."""
    if not isinstance(error, openai.APIError | StreamedError) or "length" not in words(error):
        return None
    held = _CONTEXT.search(words(error))
    if not held:
        return None
    needed = _INPUT.search(words(error))
    return _number(needed), _number(held)


def retry_after(error: Exception) -> float | None:
    """Return the seconds to wait before a retry: 0.0 if the server names none, None if a retry does not help."""
    if _is_silence(error) or isinstance(error.__cause__, RedirectedError):
        return None
    if isinstance(error, openai.APIConnectionError):
        return 0.0
    if status(error) not in BUSY or out_of_memory(error):
        return None
    try:
        response = getattr(error, "response", None)
        asked = float(response.headers.get("retry-after", 0)) if response is not None else 0.0
    except ValueError:  # a date
        return 0.0
    return min(asked, MAX_WAIT_S) if math.isfinite(asked) and asked > 0 else 0.0


def out_of_memory(error: Exception) -> bool:
    """Whether the server ran out of memory. The same request would fail again."""
    return isinstance(error, openai.APIStatusError | StreamedError) and bool(
        _NO_MEMORY.search(words(error))
    )


def to_demo_error(
    error: Exception, connection: Connection, *, model: str, models: Iterable[str] = ()
) -> DemoError:
    """Return the error as a sentence with the remedy. models: the names that the server lists."""
    host = connection.host
    if isinstance(error.__cause__, RedirectedError):
        return DemoError(
            "The server at {host} sends requests on to {other}, where nothing is sent; "
            "if that is right, name it with --api-base.",
            host=host,
            other=error.__cause__.host,
        )
    if proxy := _proxy_that_spoke(error, connection):
        return DemoError(
            "The proxy at {proxy} does not lead to the server at {host} ({reason}); "
            "correct HTTP_PROXY and its kind, or name the server in NO_PROXY.",
            proxy=proxy,
            host=host,
            reason=f"HTTP {status(error)}" if status(error) else words(error) or str(error),
        )
    if isinstance(error, StrangerError):
        return stranger(host)
    listed = ", ".join(models)
    return DemoError(
        _unanswered(error) or _refused(error, listed),
        host=host,
        seconds=retry_after(error) or connection.silence_s,
        reason=reason(error, connection),
        model=model,
        models=listed,
    )


def _unanswered(error: Exception) -> Template | None:
    """The server is not there, or does not let this program in."""
    if _is_silence(error):
        return Template(
            "The server at {host} has said nothing for {seconds:.0f} s; try again later."
        )
    if isinstance(error, openai.APIConnectionError):
        return Template("The server at {host} cannot be reached; start it, or check --api-base.")
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return Template(
            "The server at {host} does not accept the key; "
            "check the variable that --api-key-env names."
        )
    return None


def _refused(error: Exception, models: str) -> Template:
    """The server does not answer this request. models: the names that it lists."""
    if out_of_memory(error):
        return Template(
            "The server at {host} has run out of memory; lower the resolution or the maximum answer length, "
            "or start a new chat. It says: {reason}"
        )
    if status(error) in BUSY:
        if retry_after(error):
            return Template(
                "The server at {host} has too much to do; try again in {seconds:.0f} s."
            )
        return Template("The server at {host} has too much to do; try again in a minute.")
    if is_about_the_model(error):
        if models:
            return Template(
                "The server at {host} has no model {model}; choose with --api-model: {models}."
            )
        return Template(
            "The server at {host} has no model {model}; name one that it has with --api-model."
        )
    if isinstance(error, openai.APIStatusError):
        return Template("The server at {host} refused: {reason}")
    if isinstance(error, StreamedError):
        return Template("The server at {host} could not answer: {reason}")
    return Template("The server at {host} broke off its answer; try again.")


def stranger(host: str) -> DemoError:
    """The error for a host that does not follow the protocol."""
    return DemoError(
        "There is no OpenAI-compatible server at {host}; --api-base usually ends in /v1.",
        host=host,
    )


def _proxy_that_spoke(error: Exception, connection: Connection) -> str:
    """Return the proxy that sent the error in place of the server; empty if the server sent it.

    A proxy cannot read https once the tunnel is open. It can answer http requests itself, and does so without the
    protocol's JSON.
    """
    proxy = proxy_of(connection.base_url)
    if not proxy:
        return ""
    if type(error.__cause__).__name__ == "ProxyError" or status(error) == PROXYS_OWN:
        return proxy
    read = connection.base_url.startswith("http://")
    unlike = isinstance(error, StrangerError) or (
        isinstance(error, openai.APIStatusError) and not isinstance(error.body, dict)
    )
    return proxy if read and unlike else ""


def _is_silence(error: Exception) -> bool:
    """Whether the connection was open and no data came."""
    unconnected = type(error.__cause__).__name__ in ("ConnectTimeout", "PoolTimeout")
    return isinstance(error, openai.APITimeoutError) and not unconnected


def is_about_the_model(error: Exception) -> bool:
    """Whether the server does not have the model. vLLM sends 404, and a server that is pinned to a model sends 400."""
    if isinstance(error, openai.NotFoundError):
        return "model" in words(error).lower()
    return isinstance(error, openai.APIStatusError) and "pinned" in words(error)


def reason(error: Exception, connection: Connection) -> str:
    """Return the server's message, shortened, and without the key if the message repeats it."""
    said = words(error)
    if connection.key:
        said = said.replace(connection.key, "…")
    said = " ".join(said.split()) or f"HTTP {status(error)}"
    return said if len(said) <= REASON_CHARACTERS else f"{said[:REASON_CHARACTERS]}…"


def _number(match: re.Match[str] | None) -> int:
    groups = [group for group in match.groups() if group] if match else []
    return int(groups[0].replace(",", "")[:12]) if groups else 0
