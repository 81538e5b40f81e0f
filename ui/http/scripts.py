"""The page's own scripts: ES modules, each at an address of its own."""

from __future__ import annotations

import hashlib
from functools import cache

from ui import ASSETS

FOLDER = ASSETS / "js"
FIRST = "main.js"  # imports the others


@cache
def address() -> str:
    """The modules' folder, relative to the page. It changes with their content, so browsers keep them for ever."""
    digest = hashlib.sha256()
    for name in _modules():
        digest.update(name.encode() + (FOLDER / name).read_bytes())
    return f"js/{digest.hexdigest()[:16]}"


def tags(max_file_bytes: int, fetches_addresses: bool = False) -> str:
    """The tags in the page's head, before Gradio's scripts.

    For the modules: max_file_bytes: the largest upload; fetches_addresses: whether the server fetches web addresses.
    """
    # Without these a browser would learn of a module only from one that imports it.
    preloads = "".join(
        f'<link rel="modulepreload" href="{address()}/{name}">'
        for name in _modules()
        if name != FIRST
    )
    limit = f'<meta name="max-file-bytes" content="{max_file_bytes}">'
    limit += '<meta name="fetches-addresses">' * fetches_addresses
    script = f'<script type="module" src="{address()}/{FIRST}"></script>'
    return f"{limit}{preloads}{script}"


def _modules() -> list[str]:
    """Their paths in the folder."""
    return sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
