"""A stand-in for the Hugging Face Hub on loopback: the routes that huggingface_hub asks, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class HubServer:
    """Serves one folder under one id; `gated` ids are refused, all others are unknown."""

    def __init__(self, folder: Path, repo: str, gated: str = "me/gated") -> None:
        self.files = {file.name: file for file in folder.iterdir() if file.is_file()}
        self.repo, self.gated = repo, gated
        self.asked: list[str] = []  # "METHOD path"

    @contextmanager
    def running(self) -> Iterator[str]:
        """Its address, for HF_ENDPOINT."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_HEAD(self) -> None:
                hub.answer(self)

            def do_GET(self) -> None:
                hub.answer(self)

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        path = to.path.partition("?")[0]
        self.asked.append(f"{to.command} {path}")
        if self.gated in path:
            _send(to, 403, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"})
        elif path.startswith(f"/{self.repo}/resolve/"):
            self._send_file(to, path.rpartition("/")[2])
        elif path.startswith(f"/api/models/{self.repo}"):
            _send(to, 200, self._listing("/tree/" in path))
        else:
            _send(to, 404, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "none"})

    def _send_file(self, to: BaseHTTPRequestHandler, name: str) -> None:
        if name not in self.files:
            missing = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
            _send(to, 404, b"", missing)
            return
        content = self.files[name].read_bytes()
        etag = hashlib.sha1(content).hexdigest()
        _send(to, 200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

    def _listing(self, tree: bool) -> bytes:
        sizes = {name: file.stat().st_size for name, file in self.files.items()}
        if tree:
            entries = [
                {"type": "file", "path": name, "size": size, "oid": COMMIT}
                for name, size in sizes.items()
            ]
            return json.dumps(entries).encode()
        siblings = [{"rfilename": name, "size": size} for name, size in sizes.items()]
        return json.dumps({"id": self.repo, "sha": COMMIT, "siblings": siblings}).encode()


def _send(
    to: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None
) -> None:
    to.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        to.send_header(name, value)
    to.end_headers()
    if to.command == "GET":
        to.wfile.write(body)
