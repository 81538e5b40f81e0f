"""Files that browsers keep for ever, sent from memory.

Starlette's `FileResponse` waits for a thread several times per file. While the model is being loaded, each wait for
the interpreter takes milliseconds, and a page has 130 files.
"""

from __future__ import annotations

from functools import lru_cache
from mimetypes import guess_type
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

MAX_KEPT = 512  # files in memory


def route(address: str, folder: Path) -> Route:
    """The route of all files below `folder`, which do not change while the program runs.

    A mount would not find them behind a proxy that strips --root-path.
    """
    files = (path for path in folder.rglob("*") if path.is_file())
    names = frozenset(path.relative_to(folder).as_posix() for path in files)

    @lru_cache(MAX_KEPT)
    def content(name: str) -> bytes:
        return (folder / name).read_bytes()

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in names:
            return PlainTextResponse("Not Found", 404)
        return Response(content(name), media_type=guess_type(name)[0])

    return Route(f"{address}/{{name:path}}", file)
