"""A stand-in for ModelScope on loopback: the routes that modelscope_hub asks, over real HTTP."""

from __future__ import annotations

import hashlib
import json
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.support.hub_server import Fault, HubServer, send

API, STORE = "/api/v1/models/", "/store/"
UNKNOWN = Fault(404, body=b'{"Code": 10010205001, "Message": "not found", "Success": false}')


class ModelScopeServer(HubServer):
    """Serves one folder under `repo` and under every id in `faults`; all others are unknown."""

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        asked = urlsplit(to.path)
        name = parse_qs(asked.query).get("FilePath", [""])[0]
        if asked.path.startswith(STORE):
            self.asked.append(f"{to.command} {asked.path}")
            owner, repo, name = asked.path.removeprefix(STORE).split("/")
            self.send_file(to, name, self.fault(to, f"{owner}/{repo}", UNKNOWN))
            return
        self.asked.append(f"{to.command} {asked.path} {name}".rstrip())
        if not asked.path.startswith(API):  # where the fastest store is
            send(to, 200, b'{"Code": 200, "Data": {}, "Success": true}')
            return
        repo = "/".join(asked.path.removeprefix(API).split("/")[:2])
        fault = self.fault(to, repo, UNKNOWN)
        wrong = name or not fault.files_only
        if wrong and fault.silent:
            self.wait_for_the_end()
        elif wrong and (fault.status != 200 or fault.body != b"{}"):
            send(to, fault.status, fault.body, fault.headers)
        elif name:
            # Files are in a store elsewhere.
            send(to, 302, b"", {"Location": f"{self.endpoint}{STORE}{repo}/{name}"})
        else:
            send(to, 200, self._files())

    def _files(self) -> bytes:
        folder = {"Path": "old.json", "Name": "old.json", "Type": "tree", "Size": 0, "Sha256": ""}
        files = [
            {
                "Path": name,
                "Name": name,
                "Type": "blob",
                "Size": file.stat().st_size,
                "Sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            }
            for name, file in self.files.items()
        ]
        return json.dumps(
            {"Code": 200, "Data": {"Files": [folder, *files]}, "Success": True}
        ).encode()
