"""Log-ins, checked before anything else reads the request.

The sessions are Gradio's. Gradio itself serves several routes without a session, does not log wrong passwords, and
ends all sessions of a user at once.
"""

from __future__ import annotations

import logging
import math
import os
import secrets
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.gradio_compat import log_in_cookie, log_ins, passwords
from ui.http.access.bucket import Bucket
from ui.http.access.log_in_page import Problem, log_in_page, log_out_page, problem_of
from ui.http.asker import address_of, path_of
from ui.http.body import MAX_SMALL_BYTES, RefusedError, read_body, with_body
from ui.text.english import ENGLISH
from ui.text.languages import texts_accepted
from ui.text.texts import Texts

log = logging.getLogger(__name__)

WRONG_PER_MINUTE = 10  # passwords of one address
MAX_FIELDS = 8  # of the form
# In the address after a log-in. If the session is missing then, the browser refuses cookies.
SEEN = "signed-in"
# Open without a session: Gradio's own startup check, and what browsers request by themselves.
OPEN = ("/gradio_api/startup-events", "/favicon.ico", "/robots.txt")
SPACE = "SPACE_ID"  # set by Hugging Face, which shows the page in a frame


@dataclass(frozen=True)
class Sessions:
    """Gradio's users, passwords and sessions."""

    gradio: Any

    @property
    def needed(self) -> bool:
        return bool(passwords(self.gradio))

    def known(self, request: Request) -> bool:
        known = log_ins(self.gradio)
        return any(token in known for token in self._tokens(request))

    def begin(self, user: str, password: str) -> str | None:
        """Return a new token if the password is right."""
        known = passwords(self.gradio).get(user)
        right = secrets.compare_digest(password.encode(), (known or "").encode())
        if known is None or not right:
            return None
        token = secrets.token_urlsafe(16)
        log_ins(self.gradio)[token] = user
        return token

    def end(self, request: Request) -> None:
        """End the session of this request, and no other of the same user."""
        for token in self._tokens(request):
            log_ins(self.gradio).pop(token, None)

    def cookie(self, request: Request, token: str | None) -> str:
        """The Set-Cookie header that sets the token, or deletes it."""
        space = bool(os.environ.get(SPACE))
        encrypted = space or request.url.scheme == "https"
        parts = [f"{log_in_cookie(self.gradio, encrypted)}={token or ''}", "Path=/", "HttpOnly"]
        if token is None:
            parts.append("Max-Age=0")
        if encrypted:
            parts.append("Secure")
        # In a frame of another site, browsers accept only partitioned cookies.
        parts += ["SameSite=None", "Partitioned"] if space else ["SameSite=Lax"]
        return "; ".join(parts)

    def _tokens(self, request: Request) -> list[str]:
        names = (log_in_cookie(self.gradio, tls) for tls in (True, False))
        return [request.cookies[name] for name in names if name in request.cookies]


class LogIn:
    """ASGI middleware: asks for a log-in if Gradio has users."""

    def __init__(self, app: ASGIApp, wrong: Bucket | None = None) -> None:
        self.app = app
        self.wrong = wrong or Bucket(WRONG_PER_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sessions = Sessions(scope.get("app"))
        if scope["type"] != "http" or not sessions.needed:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        answer = await self._answer(sessions, request)
        await (answer or self.app)(scope, receive, send)

    async def _answer(self, sessions: Sessions, request: Request) -> Response | None:
        """The response, or None if the request may pass."""
        path, posted = path_of(request.scope).rstrip("/") or "/", request.method == "POST"
        if path == "/login" and posted:
            return await self._log_in(sessions, request)
        known = sessions.known(request)
        if path == "/logout" and known:
            return (
                _log_out(sessions, request)
                if posted
                else HTMLResponse(log_out_page(_texts(request)))
            )
        if path == "/" and not posted:
            returned = SEEN in request.query_params
            if known:
                return _home(request) if returned else None
            return _form(request, "blocked" if returned else "")
        if path in ("/login", "/logout"):
            return _home(request)
        if known or path in OPEN:
            return None
        return JSONResponse({"error": "Not authenticated", "detail": "Not authenticated"}, 401)

    async def _log_in(self, sessions: Sessions, request: Request) -> Response:
        address = address_of(request)
        if wait := self.wrong.taken(address):
            log.warning("Log-in from %s refused: too many wrong passwords.", address)
            return _failed(request, 429, "often", seconds=math.ceil(wait))
        try:
            user, password = await _given(request)
        except RefusedError as refused:
            return refused.answer
        token = sessions.begin(user, password)
        if token is None:
            log.warning("Log-in from %s refused: wrong name or password.", address)
            return _failed(request, 400, "wrong")
        self.wrong.give_back(address)
        log.info("Log-in from %s.", address)
        answer = _home(request, SEEN) if _reads(request) else JSONResponse({"success": True})
        answer.headers["Set-Cookie"] = sessions.cookie(request, token)
        return answer


def _log_out(sessions: Sessions, request: Request) -> Response:
    sessions.end(request)
    answer = _home(request)
    answer.headers["Set-Cookie"] = sessions.cookie(request, None)
    return answer


async def _given(request: Request) -> tuple[str, str]:
    """Return the name and the password. Raises `RefusedError`."""
    body = await read_body(request.scope, request.receive, MAX_SMALL_BYTES)
    try:
        form = await Request(*with_body(request.scope, request.receive, body)).form(
            max_files=0, max_fields=MAX_FIELDS
        )
    except HTTPException:
        raise RefusedError(400, "The request is no log-in.") from None
    user, password = form.get("username"), form.get("password")
    if not isinstance(user, str) or not isinstance(password, str):
        raise RefusedError(400, "A log-in has 'username' and 'password'.")
    try:
        f"{user}{password}".encode()
    except UnicodeEncodeError:  # the form may declare any encoding
        raise RefusedError(400, "The request is no log-in.") from None
    return user.strip(), password


def _failed(request: Request, status: int, problem: Problem, seconds: int = 0) -> Response:
    if _reads(request):
        return _form(request, problem, status, seconds)
    said = problem_of(ENGLISH, problem, seconds)
    answer = JSONResponse({"error": said, "detail": said}, status)
    if seconds:
        answer.headers["Retry-After"] = str(seconds)
    return answer


def _form(request: Request, problem: Problem = "", status: int = 200, seconds: int = 0) -> Response:
    texts = _texts(request)
    said = problem_of(texts, problem, seconds)
    return HTMLResponse(log_in_page(texts, said, _query(request)), status)


def _home(request: Request, *said: str) -> Response:
    """A redirect to the page. It is relative, because a proxy may serve the page below a path."""
    query = "&".join(filter(None, (_query(request), *said)))
    up = ".." if request.scope["path"].endswith("/") and path_of(request.scope) != "/" else "."
    return RedirectResponse(f"{up}/{'?' if query else ''}{query}", 303)


def _query(request: Request) -> str:
    return "&".join(part for part in request.url.query.split("&") if part not in ("", SEEN))


def _texts(request: Request) -> Texts:
    asked = request.query_params.get("lang", "")
    return texts_accepted(f"{asked},{request.headers.get('accept-language', '')}")


def _reads(request: Request) -> bool:
    """Whether the client is a browser rather than a program."""
    return "text/html" in request.headers.get("accept", "")
