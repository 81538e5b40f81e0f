"""Every use of what Gradio does not promise: attributes of its objects, shapes of its answers, paths of its files.

Written against Gradio 6.31, whose version is pinned. File names below are relative to its package. Each item has a
test of its name in tests/ui/test_gradio_compat.py, so that an upgrade which breaks one says which.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any, get_type_hints
from urllib.parse import quote

import gradio as gr
from gradio.blocks import Block
from gradio.components.api_component import Api
from gradio.processing_utils import check_all_files_in_cache
from gradio.route_utils import BUILD_PATH_LIB, get_root_url
from gradio.server_messages import UnexpectedErrorMessage
from gradio.utils import get_upload_folder
from starlette.requests import Request
from starlette.types import Scope

# The input of a function that `gr.api` added. It takes any JSON value. components/api_component.py
ApiInput = Api

FILES = "gradio_api/file="  # followed by a path on the server; routes.py
COMMAND_LINE = "hf-gradio"  # the program that Gradio's package installs

QUEUE_LOOKS_EVERY_S = 0.02
NEVER_S = 3600.0

_NOBODYS_HOST = b"page.invalid"
_HEAD = b"<head>"
_SCRIPT = re.compile(rb"<script(?=[\s>])")
_LOST_EVENT = re.compile(r"(?P<post>curl .*?) \\\n  \| read EVENT_ID; ", re.DOTALL)


# --- The queue: queueing.py, `Blocks._queue` ---


def slow_the_queue(blocks: gr.Blocks) -> None:
    """Have the queue look 50 times a second whether something waits, instead of 1000 times.

    It looks 100 times a second whether an event tells of its progress, which none of this page does; now it never
    looks. Each look takes the interpreter from decoding. Gradio has no option for either.
    """
    blocks._queue.sleep_when_free = QUEUE_LOOKS_EVERY_S
    blocks._queue.progress_update_sleep_when_free = NEVER_S


def is_followed(blocks: gr.Blocks, name: str) -> bool:
    """Whether the queue has anything to tell of a session or an event of this name."""
    queue = blocks._queue
    return (
        name in queue.pending_messages_per_session
        or name in queue.event_ids_to_events
        or any(name in events for events in queue.pending_event_ids_session.values())
    )


def requests_in_the_queue(blocks: gr.Blocks) -> Iterator[gr.Request]:
    """The requests whose events wait in the queue or are being handled."""
    queue = blocks._queue
    handled = (event for job in queue.active_jobs if job for event in job)
    waiting = (
        event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue
    )
    return (event.request for event in (*handled, *waiting))


# --- Functions and their handlers: block_function.py, events.py, helpers.py ---


def functions(blocks: gr.Blocks) -> Mapping[int, Any]:
    """The functions of the page by their number, as clients name them in `fn_index`.

    Of each the attributes `fn` (None: it runs in the browser alone), `name`, `api_name`, `inputs` and `queue` are used.
    """
    return dict(blocks.fns)


def bound(handler: Callable[..., Any], first: object) -> Any:
    """`handler` with its first argument given.

    A bound method, because Gradio injects `gr.Request` and `gr.EventData` by the type hints of a function or of a
    method. It finds none of a `functools.partial`: `get_type_hints` in utils.py.
    """
    return MethodType(handler, first)


def endpoint(handler: Callable[..., Any], first: object, returns: object) -> Any:
    """`handler` for `gr.api`, with its first argument given.

    returns: the types of what it gives. `gr.api` counts the outputs in an evaluated return annotation, and knows no
    generators: `get_return_types` in utils.py. The annotations are those of a copy, so `handler` stays as it is.
    """
    assert isinstance(handler, FunctionType)
    copy = FunctionType(
        handler.__code__, handler.__globals__, handler.__name__, handler.__defaults__
    )
    copy.__doc__ = handler.__doc__
    copy.__annotations__ = {**get_type_hints(handler), "return": returns}
    return MethodType(copy, first)


def give_example(blocks: gr.Blocks, api_name: str, example: object) -> None:
    """Show `example` as the first input of an endpoint in the description of the API, in place of three dots.

    Gradio asks components for two examples that `gr.api` has no option for: components/base.py.
    """
    (function,) = (f for f in functions(blocks).values() if f.api_name == api_name)
    for component in function.inputs[:1]:
        component.example_payload = component.example_value = lambda: example


def posted(event: gr.EventData) -> dict[str, Any]:
    """What the browser sent with an event; empty if it is no object.

    Gradio promises the attributes of an event, which fail in several ways on what is no object: events.py.
    """
    return event._data if isinstance(event._data, dict) else {}


def as_update(value: object) -> object:
    """What the page is sent where a handler returns `value`: of a component the arguments that it was made with.

    Gradio does so with each output of an event: `postprocess_data` in blocks.py.
    """
    if isinstance(value, Block):
        return {**value.constructor_args, "__type__": "update"}
    return value


# --- Sessions: state_holder.py, routes.py ---


def forget_session(blocks: gr.Blocks, session: object) -> None:
    """Drop the copy of the page, 0.2 MB, that Gradio keeps of every session for an hour after its end."""
    blocks.state_holder.session_data.pop(str(session), None)


def passwords(app: Any) -> Mapping[str, str]:
    """By name, as they were given to `launch`; empty without. app: the ASGI application of the page."""
    return getattr(app, "auth", None) or {}


def log_ins(app: Any) -> dict[str, str]:
    """The name of who has logged in, by the token in the cookie. May be changed."""
    tokens: dict[str, str] = app.tokens
    return tokens


def log_in_cookie(app: Any, encrypted: bool) -> str:
    """The cookie's name, which differs with whether it goes over TLS only."""
    return f"access-token-{'' if encrypted else 'unsecure-'}{app.cookie_id}"


# --- Files: utils.py, processing_utils.py ---


def upload_folder() -> Path:
    """Where Gradio stores uploads, resolved: GRADIO_TEMP_DIR as it is now."""
    return Path(get_upload_folder()).resolve()


def is_stored(file: dict[str, Any]) -> bool:
    """Whether a posted file lies in the upload folder.

    Gradio looks in the same way before it makes an event of what was posted, and fails with a traceback.
    """
    try:
        check_all_files_in_cache(file)
    except (gr.Error, OSError, ValueError):
        return False
    return True


def file_url(path: str) -> str:
    """Where a browser finds a file of the upload folder, relative to the page."""
    return FILES + quote(path)


# --- Answers of its routes: routes.py, server_messages.py, route_utils.py ---


def uploaded_paths(answer: bytes) -> Sequence[str]:
    """The paths on the server in an answer with status 200 to an upload."""
    paths: list[str] = json.loads(answer)
    return paths


def explains(answer: bytes) -> bool:
    """Whether an answer with status 500 holds a sentence for the client, which a handler raised as `gr.Error`."""
    with suppress(ValueError, AttributeError):
        return bool(json.loads(answer).get("error"))
    return False


def session_not_found() -> str:
    """A stream of events that has Gradio's page open anew."""
    said = UnexpectedErrorMessage(message="404: Not Found", session_not_found=True)
    return f"data: {said.model_dump_json()}\n\n"


def asked_by_nobody(scope: Scope) -> Scope:
    """A request for the description of the API as everybody's is the same.

    Gradio keeps the first description for all who ask later, with the address under which that one had asked:
    `get_api_info` in routes.py. With a query it gives another one, without examples.
    """
    told = (b"host", b"x-gradio-server")
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in told and not name.startswith(b"x-forwarded-")
    ]
    return {**scope, "query_string": b"", "headers": [*headers, (b"host", _NOBODYS_HOST)]}


def page_address(scope: Scope) -> str:
    """Where the page is for who asks for the description of the API, without a slash at the end."""
    address: str = get_root_url(Request(scope), scope["path"], scope["app"].root_path)
    return address


def corrected_description(info: dict[str, Any], said: str, right: str) -> dict[str, Any]:
    """The description of the API with examples that work: with the address `right` in place of `said`.

    Gradio's line for bash loses the event's id in a subshell, and its command line lacks the command. Changes `info`.
    """
    for described in info["named_endpoints"].values():
        examples = described["code_snippets"]
        examples["bash"] = _LOST_EVENT.sub(r"EVENT_ID=$(\g<post>); ", examples["bash"])
        examples["cli"] = examples["cli"].replace("{command}", COMMAND_LINE)
        for name, text in examples.items():
            examples[name] = text.replace(said, right)
    return info


# --- The front end: templates/frontend ---


FRONT_END = "/assets"  # below it; their names hold a hash of their content


def front_end_folder() -> Path:
    return Path(str(BUILD_PATH_LIB))


def signed_page(page: bytes, head: str, nonce: str) -> bytes:
    """Gradio's page with `head` before anything of its own in the head, and the nonce on every script.

    `launch(head=...)` puts its value behind Gradio's scripts and gives them no nonce.
    """
    whole = page.replace(_HEAD, _HEAD + head.encode(), 1)
    return _SCRIPT.sub(f'<script nonce="{nonce}"'.encode(), whole)
