"""Checks posted JSON, and builds it again from its known parts.

Unchecked, Gradio downloads a posted web address before a handler runs, and opens files for components that a client
invents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ui.gradio_compat import is_stored
from ui.http.body import RefusedError
from ui.http.gate.routes import CALL, CANCEL, ENDPOINTS

# The types or the choices of each input. None: the handler checks it. (): the same, and programs may leave it out.
Inputs = Sequence[tuple[type, ...] | frozenset[object] | None]
# Levels of a posted JSON body. The page itself posts 4.
MAX_DEPTH = 32
MAX_FILES = 256  # named by one event; each is looked up on the disk, and a message holds 64
_WORD = re.compile(r"[\w-]{1,64}")


class Posted:
    """Checks posted JSON.

    inputs: the inputs of Gradio's functions, by number. queued: the functions that use its queue.
    """

    def __init__(self, inputs: Mapping[int, Inputs], queued: Container[int] = ()) -> None:
        self.inputs, self.queued = inputs, queued

    def checked(self, body: bytes, path: str) -> bytes:
        """Return the known parts of the posted JSON. Raises `RefusedError`."""
        try:
            posted = json.loads(body)
        except (ValueError, RecursionError):
            raise RefusedError(400, "The request is not JSON.") from None
        if not isinstance(posted, dict):
            raise RefusedError(422, "The request must be an object.")
        known = _cancellation(posted) if path == CANCEL else self._inputs(posted, path)
        try:
            # NaN is not JSON, and half a surrogate pair is not text.
            return json.dumps(known, ensure_ascii=False, allow_nan=False).encode()
        except ValueError:
            raise RefusedError(400, "The request is not JSON.") from None

    def _inputs(self, posted: Mapping[str, Any], path: str) -> dict[str, Any]:
        call = CALL.fullmatch(path)
        data = _by_name(posted, call["endpoint"]) if call and call["named"] else posted.get("data")
        if not isinstance(data, list):
            raise RefusedError(422, "The request must have 'data', a list.")
        known: dict[str, Any] = {"data": data}
        if call:
            names = ENDPOINTS[call["endpoint"]]
            known["data"] = _filled(data, [()] * len(names))
        if posted.get("session_hash") is not None:
            known["session_hash"] = _word(posted, "session_hash")
        if not call:
            known |= self._event(posted, path)
        for file in _files(known):
            # Without it, Gradio does not take this for a file, which it would fetch or open before our check.
            file.pop("meta", None)
        return known

    def _event(self, posted: Mapping[str, Any], path: str) -> dict[str, Any]:
        """Return the fields of an event. Raises `RefusedError`."""
        number, trigger = posted.get("fn_index"), posted.get("trigger_id")
        joins = "/queue/" in path  # there Gradio passes handlers the session, but not the client
        if type(number) is not int or number not in self.inputs or joins != (number in self.queued):
            raise RefusedError(422, "There is no function of that number.")
        _word(posted, "session_hash")
        types = self.inputs[number]
        data = _filled(posted["data"], types)
        if not all(map(_fits, data, types)):
            raise RefusedError(422, "'data' holds something of the wrong type.")
        if trigger is not None and type(trigger) is not int:
            raise RefusedError(422, "'trigger_id' must be a number.")
        event = posted.get("event_data")
        files = list(_files(event))
        if len(files) > MAX_FILES:
            raise RefusedError(422, "The request names too many files.")
        for file in files:
            if not is_stored(file):
                raise RefusedError(422, "That file was not uploaded here; attach it again.")
        return {"data": data, "fn_index": number, "trigger_id": trigger, "event_data": event}


def _by_name(posted: Mapping[str, Any], endpoint: str) -> list[Any]:
    """Return the named inputs of `/call/v2/` in order. Raises `RefusedError`."""
    names = ENDPOINTS[endpoint]
    if posted.keys() - {*names, "session_hash"}:
        taken = " and ".join(f"'{name}'" for name in names) or "nothing"
        raise RefusedError(422, f"/{endpoint} takes {taken}.")
    return [posted.get(name) for name in names]


def _filled(data: Sequence[Any], types: Inputs) -> list[Any]:
    """Return the inputs, with None for those that a program has left out at the end. Raises `RefusedError`."""
    missing = types[len(data) :]
    if len(data) > len(types) or any(known != () for known in missing):
        raise RefusedError(422, "'data' holds too much or too little.")
    return [*data, *(None for _ in missing)]


def _fits(value: object, known: tuple[type, ...] | frozenset[object] | None) -> bool:
    if isinstance(known, frozenset):
        return isinstance(value, str) and value in known
    return not known or type(value) in known


def _cancellation(posted: Mapping[str, Any]) -> dict[str, Any]:
    if type(posted.get("fn_index")) is not int:
        raise RefusedError(422, "There is no function of that number.")
    words = {name: _word(posted, name) for name in ("session_hash", "event_id")}
    return {**words, "fn_index": posted["fn_index"]}


def _word(posted: Mapping[str, Any], name: str) -> str:
    word = posted.get(name)
    if not isinstance(word, str) or not _WORD.fullmatch(word):
        raise RefusedError(422, f"'{name}' must be a word.")
    return word


def _files(posted: object) -> Iterator[dict[str, Any]]:
    """Yield everything that Gradio could take for a file. Raises `RefusedError` if the JSON is nested too deeply."""
    layer = [posted]
    for _ in range(MAX_DEPTH):
        yield from (part for part in layer if isinstance(part, dict) and "path" in part)
        layer = [child for part in layer for child in _children(part)]
        if not layer:
            return
    raise RefusedError(422, "The request is nested too deeply.")


def _children(part: object) -> Iterable[object]:
    if isinstance(part, dict):
        return part.values()
    return part if isinstance(part, list) else ()
