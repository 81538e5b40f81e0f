"""A stand-in for the Hugging Face Hub on loopback: the routes that huggingface_hub asks, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NO_REPO = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "none"}


@dataclass(frozen=True)
class Fault:
    """What is wrong with one id: the status of its answers, or how they end."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    # Or the answer never comes.
    silent: bool = False
    # Or the first so many answers with each file end in the middle.
    cuts: int = 0
    ranges: bool = True  # whether a part of a file can be asked for
    files_only: bool = False  # questions about the id are answered well
    token: str = ""  # who sends it is answered well


class HubServer:
    """Serves one folder under `repo` and under every id in `faults`; all others are unknown."""

    def __init__(self, folder: Path, repo: str, faults: dict[str, Fault] | None = None) -> None:
        self.files = {file.name: file for file in folder.iterdir() if file.is_file()}
        self.faults = {repo: Fault(), **(faults or {})}
        self.asked: list[str] = []  # "METHOD path"
        self.endpoint = ""  # for HF_ENDPOINT, while it runs
        self._ended = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_HEAD(self) -> None:
                hub.answer(self)

            def do_GET(self) -> None:
                hub.answer(self)

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                self.endpoint = f"http://127.0.0.1:{server.server_port}"
                yield
            finally:
                self._ended.set()
                server.shutdown()

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        path = to.path.partition("?")[0]
        self.asked.append(f"{to.command} {path}")
        repo = "/".join(path.removeprefix("/api/models").split("/")[1:3])
        fault = self.fault(to, repo, Fault(404, NO_REPO))
        about = path.startswith("/api/models/")
        wrong = not (about and fault.files_only)
        if wrong and fault.silent:
            self.wait_for_the_end()
        elif wrong and (fault.status != 200 or fault.body != b"{}"):
            send(to, fault.status, fault.body, fault.headers)
        elif about:
            send(to, 200, self._listing(repo, "/tree/" in path))
        else:
            self.send_file(to, path.rpartition("/")[2], fault)

    def fault(self, to: BaseHTTPRequestHandler, repo: str, unknown: Fault) -> Fault:
        """What is wrong with an id for whoever asks. unknown: with those that are not served."""
        fault = self.faults.get(repo, unknown)
        known = fault.token and to.headers.get("Authorization") == f"Bearer {fault.token}"
        return Fault() if known else fault

    def wait_for_the_end(self) -> None:
        self._ended.wait()

    def send_file(self, to: BaseHTTPRequestHandler, name: str, fault: Fault) -> None:
        """Send a file, or the part that is asked for. How often it was asked before is in `asked`."""
        if name not in self.files:
            missing = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
            send(to, 404, b"", missing)
            return
        content = self.files[name].read_bytes()
        etag = hashlib.sha1(content).hexdigest()
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}
        wanted, status = content, 200
        if fault.ranges and (asked := to.headers.get("Range")):
            first = int(asked.removeprefix("bytes=").partition("-")[0])
            wanted, status = content[first:], 206
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        # Of the GET requests, this one among them.
        before = self.asked.count(f"GET {to.path.partition('?')[0]}")
        send(to, status, wanted, headers, len(wanted) // 2 if before <= fault.cuts else None)

    def _listing(self, repo: str, tree: bool) -> bytes:
        sizes = {name: file.stat().st_size for name, file in self.files.items()}
        if tree:
            entries = [
                {"type": "file", "path": name, "size": size, "oid": COMMIT}
                for name, size in sizes.items()
            ]
            return json.dumps(entries).encode()
        siblings = [{"rfilename": name, "size": size} for name, size in sizes.items()]
        return json.dumps({"id": repo, "sha": COMMIT, "siblings": siblings}).encode()


def send(
    to: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    sent: int | None = None,
) -> None:
    """sent: after how many bytes of the body the connection ends."""
    to.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        to.send_header(name, value)
    to.end_headers()
    if to.command == "GET":
        to.wfile.write(body[:sent])
