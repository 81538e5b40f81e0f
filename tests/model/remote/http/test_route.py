"""The way to a server: what a proxy of the environment may do, and where a server may not send us on to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from model.backend import Cancel, Finished
from model.conversation import Conversation, Text
from model.errors import DemoError
from model.remote import answer as remote_answer
from model.remote.backend import RemoteBackend, connection_problem
from model.remote.http.client import Server
from model.remote.http.connection import Connection
from model.remote.http.route import is_near, proxy_of
from model.settings import GenerationSettings
from tests.support.openai_server import MODEL, OpenAIServer, Recorded, Refusal, Told

TALK = Conversation().with_user_turn(Text("Hi"))
VARIABLES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY")
ELSEWHERE = Connection("http://gpu.example.com:8000/v1", MODEL)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(remote_answer, "BACKOFF_S", ())


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer().running() as server:
        yield server


@contextmanager
def proxy(
    status: int, body: bytes = b"", kind: str = "text/html"
) -> Iterator[tuple[str, list[str]]]:
    """One that answers in everybody's place: its address, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_CONNECT = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{listening.server_port}", asked
    finally:
        listening.shutdown()
        listening.server_close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.slow
def test_no_proxy_stands_before_a_server_on_this_machine(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, variable: str, host: str
) -> None:
    with proxy(502) as (address, asked):
        monkeypatch.setenv(variable, f"http://{address}")
        reached = Server(Connection(server.base.replace("127.0.0.1", host)))
        assert connection_problem(reached) is None
        *_, last = RemoteBackend(reached).stream(TALK, GenerationSettings(), Cancel())
    assert isinstance(last, Finished) and asked == []


def test_a_proxy_that_could_not_be_used_is_not_needed_either(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    assert RemoteBackend.connect(Connection(server.base)).status().state == "ready"


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("http://localhost:8000/v1", True),
        ("http://LOCALHOST./v1", True),
        ("http://a.localhost/v1", True),
        ("http://127.0.0.1:8000/v1", True),
        ("http://127.8.9.1/v1", True),
        ("http://127.1/v1", True),
        ("http://0.0.0.0:8000/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://[::]:8000/v1", True),
        ("http://[::ffff:127.0.0.1]/v1", True),
        ("http://[fe80::1%25eth0]/v1", True),
        ("http://engine:8000/v1", True),
        ("http://192.168.1.7/v1", True),
        ("http://10.0.0.7/v1", True),
        ("http://gpu.internal/v1", True),
        ("http://nas.local/v1", True),
        ("https://dashscope.aliyuncs.com/v1", False),
        ("http://8.8.8.8/v1", False),
        ("http://[2001:4860:4860::8888]/v1", False),
        ("http://localhost.example.com/v1", False),
        ("http://127.0.0.1.example.com/v1", False),
    ],
)
def test_what_is_near_is_reached_directly(
    monkeypatch: pytest.MonkeyPatch, address: str, near: bool
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "proxy.example.com:3128")
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example.com:3128")
    assert is_near(address) == near
    assert proxy_of(address) == ("" if near else "proxy.example.com:3128")


def test_a_server_that_the_environment_excepts_has_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", ".example.org,gpu.example.com")
    assert proxy_of("http://gpu.example.com/v1") == proxy_of("http://a.example.org/v1") == ""
    assert proxy_of("http://example.net/v1") == "proxy.example.com:3128"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, b"", "text/html"),
        (503, b"<html>no route</html>", "text/html"),
        (403, b"<html>forbidden by your company</html>", "text/html"),
        (407, b"", "text/html"),
        (200, b"<html>sign in to the network</html>", "text/html"),
    ],
)
def test_what_a_proxy_says_is_not_taken_for_the_servers_word(
    monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, kind: str
) -> None:
    with proxy(status, body, kind) as (address, asked):
        monkeypatch.setenv("HTTP_PROXY", f"http://{address}")
        unnamed = Connection("http://gpu.example.com:8000/v1")
        try:
            said = str(connection_problem(Server(unnamed)))
        except DemoError as error:
            said = str(error)
        assert f"The proxy at {address} does not lead to the server at gpu.example.com:8000" in said
        backend = RemoteBackend(Server(ELSEWHERE))
        with pytest.raises(DemoError, match=f"The proxy at {address} does not lead"):
            list(backend.stream(TALK, GenerationSettings(), Cancel()))
    assert asked


def test_a_proxy_that_opens_no_way_to_an_encrypted_server_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with proxy(502) as (address, _):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        said = str(connection_problem(Server(Connection("https://gpu.example.com/v1"))))
    assert f"The proxy at {address} does not lead to the server at gpu.example.com (" in said


def test_what_the_server_says_through_a_proxy_is_its_own_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy = b'{"error": {"message": "overloaded", "code": 503}}'
    with proxy(503, busy, "application/json") as (address, _):
        monkeypatch.setenv("HTTP_PROXY", f"http://{address}")
        said = str(connection_problem(Server(Connection("http://gpu.example.com:8000/v1"))))
    assert "gpu.example.com:8000 has too much to do" in said


def test_a_proxy_that_cannot_be_used_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(DemoError, match=r"The proxy at 127\.0\.0\.1:1080 does not lead"):
        Server(ELSEWHERE)


def test_a_redirect_to_another_host_is_refused(server: OpenAIServer) -> None:
    with OpenAIServer().running() as other:
        elsewhere = Refusal(307, headers={"location": f"{other.base}/chat/completions"})
        backend = RemoteBackend.connect(Connection(server.base, key="sk-mine"))
        server.replies = [elsewhere]
        with pytest.raises(DemoError, match=f"sends requests on to 127.0.0.1:{other.port}"):
            list(backend.stream(TALK, GenerationSettings(), Cancel()))
        server.models = Refusal(302, headers={"location": f"{other.base}/models"})
        assert "sends requests on to" in str(connection_problem(Server(Connection(server.base))))
        assert other.asked == []
    assert len(server.asked) == 1


def test_a_redirect_within_the_server_is_followed(server: OpenAIServer) -> None:
    backend = RemoteBackend.connect(Connection(server.base))
    server.replies = [Refusal(307, headers={"location": "/v1/chat/completions"}), Told()]
    *_, last = backend.stream(TALK, GenerationSettings(), Cancel())
    assert isinstance(last, Finished) and len(server.asked) == 2


LISTS = {
    "no list": b"{}",
    "no json": b"{",
    "a page": b"<html>",
    "too deep": b"[" * 100_000,
    "null": b"null",
    "a list of nothing": b'{"object": "list", "data": null}',
    "names that are none": b'{"data": [{"id": 7}, {"id": ""}, {}, null, "x"]}',
    "a name without end": b'{"data": [{"id": "' + b"x" * 100_000 + b'"}]}',
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_models_that_is_none_is_a_sentence(server: OpenAIServer, name: str) -> None:
    server.models = Recorded([LISTS[name]], "application/json")
    said = str(connection_problem(Server(Connection(server.base))))
    assert "no OpenAI-compatible server" in said or "serves no model" in said


@pytest.mark.parametrize(
    "model",
    [
        b'{"id": "a \\ud83d", "max_model_len": NaN, "root": 7}',
        b'{"id": "a \\ud83d", "max_model_len": 1e400}',
        b'{"id": "a \\ud83d", "max_model_len": -1, "root": "\\ud83d"}',
        b'{"id": "a \\ud83d", "max_model_len": true}',
        b'{"id": "a \\ud83d", "max_model_len": 99999999999999999999999}',
    ],
)
def test_what_a_server_says_of_its_model_can_be_sent_to_a_browser(
    server: OpenAIServer, model: bytes
) -> None:
    server.models = Recorded([b'{"data": [', model, b"]}"], "application/json")
    backend = RemoteBackend.connect(Connection(server.base))
    assert backend.estimate(TALK, GenerationSettings()).context_tokens == 0
    status = backend.status()
    assert "a \ufffd" in status.label
    (status.label + status.note).encode()


def test_a_bare_list_of_models_is_one(server: OpenAIServer) -> None:
    server.models = Recorded([b'[{"id": "mine"}]'], "application/json")
    assert RemoteBackend.connect(Connection(server.base)).status().label.startswith("mine")
