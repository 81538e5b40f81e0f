"""Which files a browser may name: only what Gradio stored for an upload.

Everything that arrives with a path goes through `stored_file`, from the page and from the API alike:
Gradio itself hands over whatever was posted.
"""

from __future__ import annotations

import re
from pathlib import Path

from gradio.utils import get_upload_folder

from model.errors import MediaError

MAX_NAME = 80  # characters of a file name that are shown
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def upload_folder() -> Path:
    """Where Gradio keeps uploads, resolved."""
    return Path(get_upload_folder()).resolve()


def stored_file(path: object) -> Path:
    """`path` if it is a regular file in the upload folder. Raises `MediaError`.

    The sentence is the same for every reason: it must not tell what else exists on the server.
    """
    refusal = MediaError("That file was not uploaded here; attach it again.")
    if not isinstance(path, str) or not path or "\0" in path:
        raise refusal
    given = Path(path)
    try:
        resolved = given.resolve(strict=True)
    except (OSError, RuntimeError):
        raise refusal from None
    if not given.is_absolute() or given.is_symlink() or not resolved.is_file():
        raise refusal
    if not resolved.is_relative_to(upload_folder()):
        raise refusal
    return resolved


def shown_name(name: object, path: Path) -> str:
    """What the person calls a file, cut to a length and without characters that reorder text."""
    text = name if isinstance(name, str) and name else path.name
    text = _CONTROLS.sub("", text.replace("\\", "/").rsplit("/", 1)[-1]).strip() or path.name
    return text if len(text) <= MAX_NAME else f"{text[: MAX_NAME - 12]}…{text[-11:]}"
