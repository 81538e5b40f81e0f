"""Reads the bytes of a file from a source: a path, a `data:` URL, or the content itself.

A web address is not a source: `download.fetch` turns it into a `data:` URL first. Knows nothing of formats.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from model.errors import LocalizedText, MediaError

# A path, a `data:` URL, or the content itself.
Source = str | os.PathLike[str] | bytes
WEB = ("http://", "https://")


@contextmanager
def opened(source: Source, name: str = "") -> Iterator[io.BytesIO | io.BufferedReader]:
    """The source's content as a seekable binary file. Raises `MediaError` if it cannot be read.

    name: what messages call the file.
    """
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    path = os.fspath(source)
    if path.startswith("data:"):
        yield io.BytesIO(_content_of_data_url(path, display_name(source, name)))
        return
    if path.startswith(WEB):
        raise MediaError("{url} is a web address; download it and attach the file.", url=path[:80])
    try:
        # Opening a named pipe would block.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FileNotFoundError(path)
        # Not a `with` block: errors that the caller raises must not be renamed here.
        file = open(path, "rb")  # noqa: SIM115
    # ValueError: a NUL in the path.
    except (OSError, ValueError) as error:
        shown = display_name(source, name)
        raise MediaError("{name} cannot be read any more; attach it again.", name=shown) from error
    with file:
        yield file


def fingerprint(source: Source, *, name: str = "") -> str:
    """SHA-256 of the content, in hexadecimal. Works for images and videos. Raises `MediaError`."""
    with opened(source, name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def display_name(source: Source, name: str = "") -> str:
    """The name of a source in messages: `name` if given, else the file's name without its folder."""
    if name or isinstance(source, bytes):
        return name or LocalizedText("The picture")
    path = os.fspath(source)
    if path.startswith("data:"):
        return LocalizedText("The picture")
    return os.path.basename(path) or path


def _content_of_data_url(url: str, shown: str) -> bytes:
    header, comma, body = url.partition(",")
    try:
        if not comma or not header.endswith(";base64"):
            raise ValueError("not base64")
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MediaError(
            "{name} is not a complete base64 data: URL; attach the file instead.", name=shown
        ) from error
