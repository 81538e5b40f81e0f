"""Counts the tokens of a prompt: by the server's /tokenize route if it has one, else by an estimate."""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache

from openai import APIStatusError, OpenAIError

from model.remote.chunk import MAX_TOKENS
from model.remote.http.client import Server

# Seconds to wait for a count.
TOKENIZE_S = 2.0
# Characters per token in the family's vocabulary: about 4 in English, 1.5 in Chinese.
ASCII_PER_TOKEN, OTHERS_PER_TOKEN = 4.0, 1.5
# HTTP status of a server without the route.
ABSENT = (404, 405, 501)
_CONTROL = re.compile(r"<\|\w+\|>")


class TokenCounter:
    """Counts for one server, with a cache. Safe to use from several threads."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._can_tokenize = True
        self._asked = lru_cache(maxsize=256)(self._ask)

    def count(self, prompt: str) -> tuple[int, bool]:
        """The tokens of a prompt that has one pad token per image or video, and whether the server counted them.

        Never raises.
        """
        if self._can_tokenize:
            try:
                return self._asked(self._server.model, prompt), True
            except APIStatusError as error:
                self._can_tokenize = error.status_code not in ABSENT
            except (OpenAIError, TimeoutError, ValueError, RecursionError):
                pass  # the request for the answer will report a server that is busy or away
        return estimated_tokens(prompt), False

    def _ask(self, model: str, prompt: str) -> int:
        """Count by a route of vLLM and SGLang. Raises `openai.OpenAIError`, `TimeoutError` and `ValueError`."""
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
    """Estimate the tokens that the family's tokenizer makes of `prompt`."""
    text, control = _CONTROL.subn("", prompt)
    ascii_only = sum(character.isascii() for character in text)
    others = len(text) - ascii_only
    return control + round(ascii_only / ASCII_PER_TOKEN + others / OTHERS_PER_TOKEN)
