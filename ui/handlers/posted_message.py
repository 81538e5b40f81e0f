"""A message as a program posts it: a text with files, or texts and files in an order of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.errors import DemoError
from ui.media.uploads import MAX_ATTACHMENTS

KEYS = {"text", "files", "content", "pages", "pages_text"}


@dataclass(frozen=True)
class PostedFile:
    """A file as clients post it: what an upload returned, or its bare path. Nothing of it is checked yet."""

    path: object
    name: object = None


@dataclass(frozen=True)
class PageChoice:
    """Which pages of documents become pictures, as `selected` reads it; text: their text is sent, too."""

    pages: str = ""
    text: bool = False


def pages_of(message: object) -> PageChoice:
    """What the message says of documents among its files. Raises `DemoError`."""
    said = message if isinstance(message, dict) else {}
    pages, text = said.get("pages", ""), said.get("pages_text", False)
    if not isinstance(pages, str | int) or not isinstance(text, bool):
        raise DemoError(
            "The message's 'pages' must be text such as '1-5, 8', and its 'pages_text' true or false."
        )
    return PageChoice(str(pages), text)


def parts_of(message: object) -> list[str | PostedFile]:
    """The texts and files in the order in which the model gets them. Raises `DemoError`.

    `text` comes after `files`, as on the page; `content` is in the program's order.
    """
    if not isinstance(message, dict) or message.keys() - KEYS:
        raise DemoError(
            "The message must be an object with 'text' and 'files', or with 'content', and nothing else."
        )
    parts = _in_order(message) if "content" in message else _files_first(message)
    files = sum(isinstance(part, PostedFile) for part in parts)
    require_room(files)
    if not files and not "".join(part for part in parts if isinstance(part, str)).strip():
        raise DemoError("The message is empty; give it a text or a file.")
    return parts


def require_room(files: int) -> None:
    """Raises `DemoError` if these are too many for one message."""
    if files > MAX_ATTACHMENTS:
        raise DemoError(
            "A message can hold {most} files; this one has {count}.",
            most=MAX_ATTACHMENTS,
            count=files,
        )


def _files_first(message: dict[str, object]) -> list[str | PostedFile]:
    text, files = message.get("text") or "", message.get("files") or []
    if not isinstance(text, str) or not isinstance(files, list):
        raise DemoError("The message's 'text' must be a string and its 'files' a list.")
    return [*map(_file, files), *([text] if text.strip() else [])]


def _in_order(message: dict[str, object]) -> list[str | PostedFile]:
    content = message["content"]
    if message.keys() & {"text", "files"} or not isinstance(content, str | list):
        raise DemoError("The message's 'content' must be a list of texts and files, without 'text' or 'files' beside it.")  # fmt: skip
    parts: Sequence[object] = [content] if isinstance(content, str) else content
    return [part for part in map(_part, parts) if part != ""]


def _part(part: object) -> str | PostedFile:
    """A text or a file as it is, or as chat templates have it: `{"type": "image", "image": file}`."""
    if isinstance(part, dict) and isinstance(kind := part.get("type"), str):
        part = part.get(kind)
        if kind != "text":
            return _file(part)
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and "path" in part:
        return _file(part)
    raise DemoError("The message's 'content' must be a list of texts and files, without 'text' or 'files' beside it.")  # fmt: skip


def _file(file: object) -> PostedFile:
    if isinstance(file, dict):
        return PostedFile(file.get("path"), file.get("orig_name"))
    return PostedFile(file)
