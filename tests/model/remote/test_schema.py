"""A server is asked for data, and an answer that is none, or a refusal, is told in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from model.backend import Cancel, Delta, Event, Notice
from model.conversation import Conversation, Text
from model.errors import DemoError
from model.remote.backend import RemoteBackend
from model.remote.http.connection import Connection
from model.settings import GenerationSettings
from tests.support.openai_server import OpenAIServer, Refusal, Told
from tests.support.schemas import FIELDS

TALK = Conversation().with_user_turn(Text("Hi"))
HELD = GenerationSettings(json_schema=json.dumps(FIELDS))
FITS = '{"name": "a", "sure": true, "count": 3}'


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer().running() as server:
        yield server


def events(server: OpenAIServer, settings: GenerationSettings) -> list[Event]:
    backend = RemoteBackend.connect(Connection(server.base))
    return list(backend.stream(TALK, settings, Cancel()))


@pytest.mark.parametrize(
    ("schema", "asked"),
    [
        (
            FIELDS,
            {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": FIELDS, "strict": True},
            },
        ),
        ({}, {"type": "json_object"}),
    ],
    ids=["fields", "any"],
)
def test_the_server_is_asked_for_the_schema(
    server: OpenAIServer, schema: dict[str, object], asked: dict[str, object]
) -> None:
    server.replies = [Told([FITS])]
    got = events(server, GenerationSettings(json_schema=json.dumps(schema)))
    assert server.asked[0].body["response_format"] == asked
    assert not [event for event in got if isinstance(event, Notice)]
    events(server, GenerationSettings())
    assert "response_format" not in server.asked[1].body


@pytest.mark.parametrize(
    ("said", "finish", "told"),
    [
        ("Sure! The name is a.", "stop", True),
        (f"```json\n{FITS}\n```", "stop", True),
        ('{"name": "a"}', "stop", True),
        ('{"name": "a', "length", False),
    ],
)
def test_an_answer_that_does_not_fit_is_kept_and_told(
    server: OpenAIServer, said: str, finish: str, told: bool
) -> None:
    server.replies = [Told([said], finish=finish)]
    got = events(server, HELD)
    assert "".join(event.text for event in got if isinstance(event, Delta)) == said
    notices = [event.sentence for event in got if isinstance(event, Notice)]
    assert [("did not keep to the schema" in notice) for notice in notices] == [True] * told


def test_a_server_that_takes_no_schema_is_told_in_a_sentence(server: OpenAIServer) -> None:
    server.replies = [Refusal(400, "Unknown field: response_format")]
    with pytest.raises(DemoError, match=r"takes no schema.*response_format"):
        events(server, HELD)
