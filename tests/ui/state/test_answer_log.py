"""The log holds numbers; words only for whoever asked for them."""

from __future__ import annotations

import asyncio
import logging

import pytest

from model.backend import Delta
from model.conversation import Conversation, Text
from model.errors import DemoError
from model.settings import GenerationSettings
from tests.support.fakes import FakeBackend
from ui.state.answer_log import AnswerLog
from ui.state.registry import Tabs

TALK = Conversation().with_user_turn(Text("my secret question"))


def logged(
    backend: FakeBackend, caplog: pytest.LogCaptureFixture, *, messages: bool = False
) -> str:
    tabs = Tabs(backend, answer_log=AnswerLog(messages))

    async def ask() -> None:
        await tabs.start(tabs.open("0" * 32), lambda: (TALK, GenerationSettings())).ended()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(ask())
    return caplog.text


def test_an_answer_leaves_numbers_and_no_word_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    said = logged(FakeBackend([Delta("secret answer")]), caplog)
    assert "stop after 2 tokens; prompt of 1312 tokens, 1180 of them reused" in said
    assert "secret" not in said


def test_words_are_logged_on_demand(caplog: pytest.LogCaptureFixture) -> None:
    said = logged(FakeBackend([Delta("secret answer")]), caplog, messages=True)
    assert "'my secret question'" in said and "'secret answer'" in said


def test_a_failure_leaves_its_kind(caplog: pytest.LogCaptureFixture) -> None:
    said = logged(FakeBackend([DemoError("No.")]), caplog)
    assert "failed (DemoError)" in said and "secret" not in said
