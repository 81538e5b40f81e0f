"""The page's own scripts as ES modules, which browsers fetch as files."""

from __future__ import annotations

import hashlib
from functools import cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from ui import ASSETS

FOLDER = ASSETS / "js"
FIRST = "main.js"  # imports the others


@cache
def address() -> str:
    """Where the modules are, relative to the page: another address for another content, so that they can be kept."""
    digest = hashlib.sha256()
    for name in _modules():
        digest.update(name.encode() + (FOLDER / name).read_bytes())
    return f"js/{digest.hexdigest()[:16]}"


def route() -> Route:
    """No mount: with --root-path it finds nothing behind a proxy that takes that path off."""
    files = StaticFiles(directory=FOLDER)

    async def module(request: Request) -> Response:
        return await files.get_response(request.path_params["name"], request.scope)

    return Route(f"/{address()}/{{name:path}}", module)


def tags(max_file_bytes: int) -> str:
    """What stands in the page's head, before Gradio's scripts. max_file_bytes: of an upload, for the modules."""
    # All at once: a browser would learn only from one what the next one imports.
    ahead = "".join(
        f'<link rel="modulepreload" href="{address()}/{name}">'
        for name in _modules()
        if name != FIRST
    )
    limit = f'<meta name="max-file-bytes" content="{max_file_bytes}">'
    return f'{limit}{ahead}<script type="module" src="{address()}/{FIRST}"></script>'


def _modules() -> list[str]:
    """Their paths inside the folder."""
    return sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
