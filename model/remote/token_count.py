"""How many tokens a prompt has that a server will tokenize: asked of it where it can say, else estimated."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import lru_cache

from openai import APIStatusError, OpenAIError

from model.remote.chunk import MAX_TOKENS
from model.remote.http.client import Server

TOKENIZE_S = 2.0
# Of the family's vocabulary: English has about four characters to a token, Chinese one and a half.
ASCII_PER_TOKEN, OTHERS_PER_TOKEN = 4.0, 1.5
ABSENT = (404, 405, 501)  # what a server says that has no such route
_CONTROL = re.compile(r"<\|\w+\|>")


@dataclass(frozen=True)
class Count:
    """Tokens of a prompt; `exact` if the server itself counted them."""

    tokens: int
    exact: bool


class TokenCounter:
    """Safe to use from several threads."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._can_tokenize = True
        self._asked = lru_cache(maxsize=256)(self._ask)

    def count(self, prompt: str) -> Count:
        """Of a prompt with one pad token for each picture or clip."""
        if self._can_tokenize:
            try:
                return Count(self._asked(self._server.model, prompt), exact=True)
            except APIStatusError as error:
                self._can_tokenize = error.status_code not in ABSENT
            except (OpenAIError, TimeoutError, ValueError, RecursionError):
                pass  # it is busy, or away: asking it to answer will say so
        return Count(estimated_tokens(prompt), exact=False)

    def _ask(self, model: str, prompt: str) -> int:
        """By a route that vLLM and SGLang have beside the protocol. Raises `openai.OpenAIError`, `ValueError`."""
        url = f"{self._server.connection.root}/tokenize"
        body = {"model": model, "prompt": prompt, "add_special_tokens": False}

        async def ask() -> object:
            posted = self._server.client.post(url, body=body, cast_to=object)
            return await asyncio.wait_for(posted, TOKENIZE_S)

        answer = self._server.run(ask())
        count = answer.get("count") if isinstance(answer, dict) else None
        if type(count) is not int or not 0 < count <= MAX_TOKENS:
            raise ValueError("not a count")
        return count


def estimated_tokens(prompt: str) -> int:
    """About as many tokens as the family's tokenizer makes of `prompt`."""
    text, control = _CONTROL.subn("", prompt)
    ascii_only = sum(character.isascii() for character in text)
    others = len(text) - ascii_only
    return control + round(ascii_only / ASCII_PER_TOKEN + others / OTHERS_PER_TOKEN)
