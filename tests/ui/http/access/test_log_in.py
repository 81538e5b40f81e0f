"""Without a log-in nothing is read; guessing is slow and seen; whoever logs out logs out nobody else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from gradio_client.exceptions import AuthenticationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.served import REPLY_S, program
from ui.http.access.bucket import Bucket
from ui.http.access.log_in import SPACE, WRONG_PER_MINUTE, LogIn
from ui.page.build import build_page

READER = {"Accept": "text/html"}
RIGHT = {"username": "ann ", "password": "one:secret"}
WRONG = {**RIGHT, "password": "guess-1234"}
CLOSED = (
    ("GET", "config"),
    ("GET", "theme.css"),
    ("GET", "assets/index.js"),
    ("GET", "gradio_api/info"),
    ("GET", "gradio_api/app_id"),
    ("GET", "gradio_api/heartbeat/x"),
    ("GET", "gradio_api/queue/data?session_hash=x"),
    ("GET", "gradio_api/file=/etc/hostname"),
    ("POST", "gradio_api/queue/join"),
    ("POST", "gradio_api/run/predict"),
    ("POST", "gradio_api/call/chat"),
    ("POST", "gradio_api/call/v2/estimate"),
    ("POST", "gradio_api/cancel"),
    ("POST", "gradio_api/upload"),
    ("POST", "anything/else"),
    ("POST", ""),
)


class Gated(Starlette):
    """An application that knows two people as Gradio does, behind the log-in."""

    def __init__(self, wrong: Bucket | None = None) -> None:
        self.auth = {"ann": "one:secret", "bob": "two"}
        self.tokens: dict[str, str] = {}
        self.cookie_id = "here"
        super().__init__(
            routes=[Route("/", hello), Route("/gradio_api/call/chat", hello, methods=["POST"])]
        )
        self.add_middleware(LogIn, wrong=wrong)


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"hello {(await request.body()).decode()}")


@pytest.fixture
def app() -> Gated:
    return Gated()


def client(app: Gated, scheme: str = "http", **known: Any) -> TestClient:
    return TestClient(app, base_url=f"{scheme}://chat.example.org", follow_redirects=False, **known)


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_without_a_session_a_request_is_refused_before_its_body_is_read(
    app: Gated, method: str, path: str
) -> None:
    sent = list[Message]()

    async def receive() -> Message:
        raise AssertionError("read before it was let in")

    async def send(message: Message) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {"type": "http", "method": method, "path": f"/{path}", "headers": [], "query_string": query.encode()}  # fmt: skip
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 401


def test_a_person_logs_in_with_a_form_and_comes_back_to_the_same_address(app: Gated) -> None:
    browser = client(app, headers={**READER, "Accept-Language": "ko"})
    form = browser.get("/?lang=zh&a=%22%3E")
    assert form.status_code == 200 and "登录" in form.text and "hello" not in form.text
    assert 'action="login?lang=zh&amp;a=%22%3E"' in form.text
    answer = browser.post("/login?lang=zh&a=%22%3E", data=RIGHT)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "./?lang=zh&a=%22%3E&signed-in",
    )
    answer = browser.get("/?lang=zh&a=%22%3E&signed-in")
    assert (answer.status_code, answer.headers["location"]) == (303, "./?lang=zh&a=%22%3E")
    assert browser.get("/?lang=zh").text == "hello "
    assert browser.get("/login").headers["location"] == "./"


def test_a_program_logs_in_as_gradios_clients_do(app: Gated) -> None:
    answer = client(app).post("/login", data=RIGHT)
    assert answer.json() == {"success": True}
    one = client(app, cookies=dict(answer.cookies))
    assert one.post("/gradio_api/call/chat", content="there").text == "hello there"


def test_who_keeps_no_cookie_is_told_so(app: Gated) -> None:
    form = client(app, headers=READER).get("/?signed-in")
    assert '<p role="alert">' in form.text and "tab of its own" in form.text
    assert "<p role" not in client(app).get("/").text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"username=ann",
        b"password=one:secret",
        b"username=ann&password=" + b"x" * 2**17,
        b"&".join(b"a=1" for _ in range(5000)),
    ],
)
def test_what_is_no_log_in_is_refused(app: Gated, body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client(app).post("/login", content=body, headers=form).status_code in (400, 413)
    parts = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client(app).post("/login", content=body, headers=parts).status_code in (400, 413)
    assert client(app).post("/login", files={"password": ("a", b"b")}).status_code == 400


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape"])
def test_half_a_character_is_no_password(app: Gated, charset: str) -> None:
    half = {"utf-7": b"+2AA-", "unicode_escape": rb"\ud800"}[charset]
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name, half)
        for name in (b"username", b"password")
    )
    form = {"Content-Type": f"multipart/form-data; charset={charset}; boundary=x"}
    answer = client(app).post("/login", content=body + b"--x--\r\n", headers=form)
    assert answer.status_code == 400


def test_guesses_are_few_and_logged_without_the_guess(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    gated = Gated(Bucket(WRONG_PER_MINUTE, lambda: now))
    one = client(gated, headers=READER)
    with caplog.at_level(logging.INFO):
        for _ in range(WRONG_PER_MINUTE):
            answer = one.post("/login", data=WRONG)
            assert answer.status_code == 400 and "password is wrong" in answer.text
        refused = client(gated).post("/login", data=RIGHT)
        assert (
            refused.status_code == 429
            and int(refused.headers["Retry-After"]) == 60 / WRONG_PER_MINUTE
        )
        assert "try again in 6 s" in one.post("/login", data=RIGHT).text
        now = 6.0
        assert one.post("/login", data=RIGHT).status_code == 303
    told = caplog.text
    assert told.count("wrong name or password") == WRONG_PER_MINUTE
    assert (
        "testclient" in told and "guess" not in told and "secret" not in told and "ann" not in told
    )


@pytest.mark.parametrize("name", ["nobody", "", " "])
@pytest.mark.parametrize("password", ["", RIGHT["password"]])
def test_who_is_not_known_has_no_password(app: Gated, name: str, password: str) -> None:
    posted = {"username": name, "password": password}
    assert client(app).post("/login", data=posted).status_code == 400


def test_right_passwords_are_as_many_as_there_are_people(app: Gated) -> None:
    for _ in range(3 * WRONG_PER_MINUTE):
        assert client(app).post("/login", data=RIGHT).status_code == 200


def test_a_log_out_ends_its_own_session_and_is_no_get(app: Gated) -> None:
    first, second = client(app, headers=READER), client(app, headers=READER)
    for browser in (first, second):
        browser.post("/login", data=RIGHT)
    asked = first.get("/logout")
    assert asked.status_code == 200 and '<form method="post" action="logout">' in asked.text
    assert asked.text.count("<h1>") == 1
    assert first.get("/").text == "hello "
    token = next(iter(first.cookies.values()))
    assert first.post("/logout").headers["location"] == "./"
    assert not dict(first.cookies)
    assert client(app, cookies={"access-token-unsecure-here": token}).get("/").text != "hello "
    assert second.get("/").text == "hello "


@pytest.mark.parametrize(
    ("scheme", "space", "expected"),
    [
        ("http", "", "access-token-unsecure-here; Path=/; HttpOnly; SameSite=Lax"),
        ("https", "", "access-token-here; Path=/; HttpOnly; Secure; SameSite=Lax"),
        (
            "https",
            "me/x",
            "access-token-here; Path=/; HttpOnly; Secure; SameSite=None; Partitioned",
        ),
        ("http", "me/x", "access-token-here; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"),
    ],
)
def test_only_in_the_frame_of_a_space_does_another_site_send_the_cookie(
    app: Gated, monkeypatch: pytest.MonkeyPatch, scheme: str, space: str, expected: str
) -> None:
    monkeypatch.setenv(SPACE, space)
    (cookie,) = client(app, scheme).post("/login", data=RIGHT).headers.get_list("set-cookie")
    name, _, rest = cookie.partition("=")
    assert f"{name}; {rest.partition('; ')[2]}" == expected


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    page = build_page(FakeBackend(), log_ins=True)
    with (
        gradio_environment(tmp_path_factory.mktemp("uploads")),
        listening(page, auth=[("ann", "one:secret"), ("bob", "two")]) as address,
    ):
        yield address


def test_gradios_own_clients_log_in(address: str) -> None:
    known = program(address, auth=("ann", "one:secret"))
    assert known.predict({"text": "Hi"}, {}, api_name="/chat")[0] == "Hello"
    with pytest.raises(AuthenticationError):
        program(address)


def test_the_page_is_shown_after_the_log_in_with_a_button_to_log_out(address: str) -> None:
    with httpx.Client(
        base_url=address, headers=READER, timeout=REPLY_S, follow_redirects=True
    ) as browser:
        assert "gradio" not in browser.get("").text
        page = browser.post("login", data=RIGHT)
        assert page.url == address and "Log out" in page.text
        assert browser.get("config").json()["username"] == "ann"
        assert "gradio" not in browser.post("logout").text
        assert browser.get("config").status_code == 401


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_the_whole_page_is_closed_too(address: str, method: str, path: str) -> None:
    assert httpx.request(method, address + path, timeout=REPLY_S).status_code == 401
