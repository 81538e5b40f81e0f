"""Answers in every shape that servers were seen to send them in: from a real connection to the page and on."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from model.backend import Cancel, Delta, Event, Finished, Notice, Reasoning
from model.conversation import Conversation, Text
from model.errors import DemoError
from model.remote import answer as remote_answer
from model.remote.backend import RemoteBackend
from model.remote.http.connection import Connection
from model.settings import GenerationSettings
from tests.support.following import KEY, drawn, followed
from tests.support.openai_server import OpenAIServer, Recorded, Told
from tests.support.patience import scene
from tests.support.recorded_streams import STREAMS, Stream
from ui.handlers import page_tab
from ui.handlers.chat import sending
from ui.state.registry import Tabs

TALK = Conversation().with_user_turn(Text("Hi"))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_answer, "BACKOFF_S", ())


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer().running() as server:
        yield server


def answering(server: OpenAIServer, stream: Stream) -> RemoteBackend:
    server.models = [{"id": stream.model, "max_model_len": 32768}]
    server.replies = [Recorded(stream.pieces, stream.content_type)]
    return RemoteBackend.connect(Connection(server.base))


def heard(events: list[Event]) -> tuple[str, str]:
    """Text and reasoning."""
    text = thought = ""
    for event in events:
        if isinstance(event, Delta):
            text += event.text
        elif isinstance(event, Reasoning):
            if event.all_before:
                text, thought = "", thought + text
            thought += event.text
    return text, thought.strip()


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.slow
def test_an_answer_is_read_in_any_shape(server: OpenAIServer, name: str) -> None:
    stream = STREAMS[name]
    backend = answering(server, stream)
    got: list[Event] = []
    error = ""
    try:
        for event in backend.stream(TALK, GenerationSettings(), Cancel()):
            got.append(event)
    except DemoError as raised:
        error = str(raised)
    told = " ".join(event.sentence for event in got if isinstance(event, Notice))
    assert heard(got) == (stream.text, stream.thought)
    assert stream.said in (error or told) and bool(error or told) == bool(stream.said), error
    last = got[-1] if got else None
    if stream.reason is None:
        assert error and not isinstance(last, Finished)
        return
    assert isinstance(last, Finished) and last.reason == stream.reason
    usage = last.usage
    if stream.counts:
        assert (usage.prompt_tokens, usage.new_tokens) == stream.counts
    assert {key: getattr(usage, key) for key in stream.usage} == stream.usage
    assert (usage.ttft_s > 0) == bool(stream.text)
    assert (usage.reasoning_tokens > 0) == bool(stream.thought)


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAMS)
def test_a_tab_survives_it_and_goes_on(server: OpenAIServer, name: str) -> None:
    """What a view holds can be sent to a browser, what was said to the server, and the next message is answered."""
    stream = STREAMS[name]
    backend = answering(server, stream)

    async def play() -> None:
        tabs = Tabs(backend)
        await sending.submit(tabs, KEY, "Hi", {})
        sendable(await followed(tabs))
        tab = page_tab.tab_of(tabs, KEY)
        kept = [message.text for message in tab.chat.conversation.messages]
        assert kept == (["Hi", stream.text] if stream.text or stream.reason else [])
        assert stream.said in tab.chat.notice
        server.replies, server.asked[:] = [Told(["Fine"])], []
        await sending.submit(tabs, KEY, "And now?", {})
        last = await followed(tabs)
        sendable(last)
        # All of it: what a slow drawing has sent already is no part of `last`.
        assert "Fine" in str(drawn(tabs)["messages"])
        assert stream.thought not in server.asked[0].text or not stream.thought

    scene(play)


def sendable(view: object) -> None:
    orjson.dumps([str(part) if not isinstance(part, list) else part for part in view])  # type: ignore[attr-defined]
