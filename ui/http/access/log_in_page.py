"""The pages to log in and out: HTML forms without scripts."""

from __future__ import annotations

from html import escape
from typing import Literal

from ui.text.languages import LANGUAGES
from ui.text.texts import Texts

# "": no attempt yet. "blocked": the browser refused the session's cookie.
Problem = Literal["", "wrong", "often", "blocked"]

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { display: grid; min-height: 100vh; margin: 0; place-items: center }
form { display: grid; gap: 16px; width: min(320px, 100vw - 32px) }
h1 { margin: 0; font-size: 1.25rem }
label { display: grid; gap: 4px }
input, button { padding: 8px 12px; border: 1px solid #888; border-radius: 8px; font: inherit }
button { border-color: transparent; background: #4f46e5; color: #fff; cursor: pointer }
[role=alert] { margin: 0; color: light-dark(#b91c1c, #fca5a5) }
"""


def log_in_page(texts: Texts, problem: str = "", query: str = "") -> str:
    """query: the query of the page's address, which is kept."""
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return _page(
        texts,
        f"""<form method="post" action="login{escape("?" + query if query else "")}">
<h1>{escape(texts.title)}</h1>{alert}
<label>{escape(texts.user_name)}<input name="username" autocomplete="username" autocapitalize="none" required autofocus></label>
<label>{escape(texts.password)}<input name="password" type="password" autocomplete="current-password" required></label>
<button>{escape(texts.log_in)}</button>
</form>""",
    )


def log_out_page(texts: Texts) -> str:
    """A button, because a link alone must not end a session."""
    return _page(texts, log_out_form(texts, f"<h1>{escape(texts.title)}</h1>"))


def log_out_form(texts: Texts, heading: str = "") -> str:
    """The form, which the page shows below the settings too."""
    return f'<form method="post" action="logout">{heading}<button>{escape(texts.log_out)}</button></form>'


def problem_of(texts: Texts, problem: Problem, seconds: int = 0) -> str:
    """The sentence about a problem."""
    match problem:
        case "wrong":
            return texts.log_in_wrong
        case "often":
            return texts.log_in_often.format(seconds=seconds)
        case "blocked":
            return texts.log_in_blocked
    return ""


def _page(texts: Texts, body: str) -> str:
    language = next(key for key, (_, known) in LANGUAGES.items() if known is texts)
    return f"""<!doctype html>
<html lang="{language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>{escape(texts.title)}</title><style>{_STYLE}</style>
{body}"""
