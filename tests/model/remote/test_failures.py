"""A server that misbehaves on purpose: what people are told, what is kept, what is tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx2
import pytest
from openai import APITimeoutError

from model.backend import Cancel, Delta, Event, Finished, LoadProgress, Progress
from model.conversation import Conversation, Text
from model.errors import DemoError
from model.loading import LoadingBackend
from model.remote import answer as remote_answer
from model.remote import backend as remote
from model.remote.backend import RemoteBackend
from model.remote.http.client import Server
from model.remote.http.connection import Connection
from model.remote.http.errors import to_demo_error
from model.remote.token_count import TokenCounter
from model.settings import GenerationSettings
from tests.support.following import KEY, followed, rest
from tests.support.openai_server import MODEL, OpenAIServer, Refusal, Told
from tests.support.patience import PATIENCE_S, scene, wait_until
from ui.handlers.chat import sending
from ui.html.page_update import View
from ui.state.registry import Tabs

TALK = Conversation().with_user_turn(Text("Hi"))
SETTINGS = GenerationSettings()
ENDLESS = Told([f"{i} " for i in range(100_000)], every_s=0.005)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_answer, "BACKOFF_S", (0.01, 0.02))
    monkeypatch.setattr(remote, "RETRY_S", 0.02)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer().running() as server:
        yield server


@pytest.fixture
def backend(server: OpenAIServer) -> RemoteBackend:
    return RemoteBackend.connect(Connection(server.base))


def events(backend: RemoteBackend) -> list[Event]:
    return list(backend.stream(TALK, SETTINGS, Cancel()))


def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    server = OpenAIServer()
    connection = Connection(server.base)

    def connect(report: LoadProgress) -> RemoteBackend:
        return RemoteBackend.connect(connection, report=report)

    loading = LoadingBackend(connect, "server")
    stream = loading.stream(TALK, SETTINGS, Cancel())
    while not loading.status().note:
        assert isinstance(next(stream), Progress)
    assert loading.status().state == "loading"
    assert f"{connection.host} cannot be reached" in loading.status().note
    while (waiting := next(stream)) != Progress("loading", 0, 0):
        assert isinstance(waiting, Progress)
    with server.running():
        rest = list(stream)
        assert isinstance(rest[-1], Finished)
        assert loading.status().label == f"Qwen2-VL-7B-Instruct · {connection.host}"


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (Refusal(404), "usually ends in /v1"),
        (Refusal(503), "has too much to do"),
        ([], "serves no model"),
    ],
)
def test_what_stands_in_the_way_at_first_is_said_and_tried_again(
    server: OpenAIServer, models: Refusal | list[dict[str, object]], said: str
) -> None:
    server.models = models
    notes: list[str] = []

    def report(progress: float, note: str = "") -> None:
        assert progress == 0.0
        notes.append(note)
        server.models = [{"id": MODEL}]

    backend = RemoteBackend.connect(Connection(server.base), report=report)
    assert said in notes[0]
    assert backend.status().state == "ready"


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_accepted_is_said_at_once_and_not_shown(
    server: OpenAIServer, status: int
) -> None:
    server.models = Refusal(status, "Incorrect API key provided: sk-secret")
    with pytest.raises(DemoError, match="--api-key-env") as raised:
        RemoteBackend.connect(Connection(server.base, key="sk-secret"))
    assert "sk-secret" not in str(raised.value)


def test_a_server_that_repeats_the_key_does_not_show_it(server: OpenAIServer) -> None:
    backend = RemoteBackend.connect(Connection(server.base, key="sk-secret"))
    server.replies = [Refusal(400, "Bad request by sk-secret " + "x" * 1000)]
    with pytest.raises(DemoError, match="Bad request by …") as raised:
        events(backend)
    assert "sk-secret" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_a_server_that_has_gone_is_said_to_be_unreachable() -> None:
    server = OpenAIServer()
    with server.running():
        backend = RemoteBackend.connect(Connection(server.base))
    with pytest.raises(DemoError, match="cannot be reached; start it"):
        events(backend)


def test_a_server_that_was_restarted_is_not_noticed() -> None:
    server = OpenAIServer()
    with server.running():
        backend = RemoteBackend.connect(Connection(server.base))
        events(backend)
    with server.running():
        assert isinstance(events(backend)[-1], Finished)


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_busy_server_is_asked_again(
    server: OpenAIServer, backend: RemoteBackend, status: int
) -> None:
    server.replies = [Refusal(status), Refusal(status, headers={"retry-after": "0"}), Told()]
    got = events(backend)
    assert [event for event in got if isinstance(event, Delta)] == [Delta("Hel"), Delta("lo")]
    assert Progress("queued", 0, 0) in got
    assert len(server.asked) == 3


def test_a_server_that_stays_busy_is_said_to_be(
    server: OpenAIServer, backend: RemoteBackend
) -> None:
    server.replies = [Refusal(503)]
    with pytest.raises(DemoError, match="too much to do; try again in a minute"):
        events(backend)
    assert len(server.asked) == 3


class Waits(Cancel):
    """Writes down for how long somebody waits, and does not let them."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout)
        return self.is_set()


def test_a_wait_that_the_server_asks_for_is_kept_or_said(
    server: OpenAIServer, backend: RemoteBackend
) -> None:
    server.replies = [Refusal(429, headers={"retry-after": "7"}), Told()]
    waits = Waits()
    assert isinstance(list(backend.stream(TALK, SETTINGS, waits))[-1], Finished)
    assert 7.0 in waits.asked
    server.asked.clear()
    server.replies = [Refusal(429, headers={"retry-after": "90"})]
    with pytest.raises(DemoError, match="try again in 90 s"):
        events(backend)
    assert len(server.asked) == 1


def test_stop_ends_the_wait_for_a_busy_server(
    server: OpenAIServer, backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.replies = [Refusal(429, headers={"retry-after": "29"})]
    cancel = Cancel()
    stream = backend.stream(TALK, SETTINGS, cancel)
    assert next(stream) == Progress("queued", 0, 0)
    cancel.set()
    monkeypatch.setattr(time, "sleep", pytest.fail)  # that could not be stopped
    (last,) = stream
    assert isinstance(last, Finished) and last.reason == "cancelled"


def test_silence_ends_with_a_sentence(server: OpenAIServer) -> None:
    backend = RemoteBackend.connect(Connection(server.base, silence_s=0.2))
    server.replies = [Told(silent=True)]
    with pytest.raises(DemoError, match="has said nothing for"):
        events(backend)
    assert server.left.wait(PATIENCE_S)


def test_slow_answers_arrive_whole(server: OpenAIServer) -> None:
    backend = RemoteBackend.connect(Connection(server.base, silence_s=0.8))
    server.replies = [Told(["a", "b", "c"], every_s=0.3)]
    deltas = [event.text for event in events(backend) if isinstance(event, Delta)]
    assert deltas == ["a", "b", "c"]


@pytest.mark.parametrize("pieces", [["Half an", " answer"], []])
def test_an_answer_that_is_dropped_gives_what_came_and_a_sentence(
    server: OpenAIServer, backend: RemoteBackend, pieces: list[str]
) -> None:
    server.replies = [Told(pieces, finish=None)]
    got: list[str] = []
    with pytest.raises(DemoError, match="broke off its answer; try again"):
        for event in backend.stream(TALK, SETTINGS, Cancel()):
            if isinstance(event, Delta):
                got.append(event.text)
    assert got == pieces


def test_a_model_that_the_server_does_not_have_is_named_with_those_that_it_has(
    server: OpenAIServer,
) -> None:
    backend = RemoteBackend.connect(Connection(server.base, "mine"))
    server.replies = [Refusal(404, "The model `mine` does not exist.")]
    with pytest.raises(DemoError, match=rf"no model mine; choose with --api-model: {MODEL}"):
        events(backend)


def test_a_server_that_was_restarted_with_another_model_is_asked_for_that(
    server: OpenAIServer, backend: RemoteBackend
) -> None:
    server.models = [{"id": "other", "max_model_len": 4096}]
    server.replies = [Refusal(404, "The model does not exist."), Told()]
    assert isinstance(events(backend)[-1], Finished)
    assert [asked.body["model"] for asked in server.asked] == [MODEL, "other"]
    assert backend.status().label.startswith("other · ")


def test_an_address_where_nobody_answers_is_unreachable_and_not_silent() -> None:
    connection, request = Connection("http://localhost:1/v1"), httpx2.Request("GET", "http://x")
    for cause, said in (
        (httpx2.ConnectTimeout("no"), "cannot be reached"),
        (httpx2.ReadTimeout("no"), "has said nothing for 600 s"),
    ):
        error = APITimeoutError(request)
        error.__cause__ = cause
        assert said in str(to_demo_error(error, connection, model=""))


def test_stop_closes_the_connection_in_mid_answer(
    server: OpenAIServer, backend: RemoteBackend
) -> None:
    server.replies = [ENDLESS]
    cancel = Cancel()
    stream = backend.stream(TALK, SETTINGS, cancel)
    assert isinstance(next(stream), Delta)
    assert not server.left.is_set()
    cancel.set()
    *_, last = stream
    assert isinstance(last, Finished) and last.reason == "cancelled"
    assert last.usage.new_tokens >= 1
    assert server.left.wait(PATIENCE_S)


def test_stop_closes_the_connection_before_the_first_word(
    server: OpenAIServer, backend: RemoteBackend
) -> None:
    server.replies = [Told(silent=True)]
    cancel = Cancel()
    got: list[Event] = []
    thread = threading.Thread(target=lambda: got.extend(backend.stream(TALK, SETTINGS, cancel)))
    thread.start()
    wait_until(lambda: server.asked)
    cancel.set()
    thread.join(PATIENCE_S)
    assert [type(event) for event in got] == [Finished]
    assert server.left.wait(PATIENCE_S)


def test_an_iterator_that_is_closed_closes_the_connection(
    server: OpenAIServer, backend: RemoteBackend
) -> None:
    server.replies = [ENDLESS]
    stream = backend.stream(TALK, SETTINGS, Cancel())
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert server.left.wait(PATIENCE_S)


def test_on_the_page_a_dropped_answer_stays_marked_and_can_be_asked_for_again(
    server: OpenAIServer, backend: RemoteBackend
) -> None:
    server.replies = [Told(["Half an answer"], finish=None), Told()]

    async def play() -> None:
        tabs = Tabs(backend)
        await sending.submit(tabs, KEY, "Hi", {})
        last = await followed(tabs)
        assert "Half an answer" in str(rest(last)["messages"])
        assert "broken off" in last.stats
        assert "broke off its answer; try again" in last.notice
        View(*await sending.retry(tabs, KEY, {}))
        again = await followed(tabs)
        assert "Hello" in str(rest(again)) and "Half an answer" not in str(rest(again))
        assert again.notice == ""

    scene(play)


def test_on_the_page_what_the_server_does_not_take_is_said_once(
    server: OpenAIServer, backend: RemoteBackend
) -> None:
    server.takes = {"model", "messages", "stream", "temperature", "max_tokens"}

    async def play() -> None:
        tabs = Tabs(backend)
        await sending.submit(tabs, KEY, "Hi", {})
        assert "does not take repetition_penalty" in (await followed(tabs)).notice
        await sending.submit(tabs, KEY, "Hi", {})
        assert (await followed(tabs)).notice == ""

    scene(play)


def test_a_bug_of_ours_is_no_misfortune_of_the_server(
    monkeypatch: pytest.MonkeyPatch, server: OpenAIServer
) -> None:
    def broken(*_: object) -> object:
        raise ValueError("own bug")

    monkeypatch.setattr(remote_answer, "openai_messages", broken)
    backend = RemoteBackend.connect(Connection(server.base))
    with pytest.raises(ValueError, match="own bug"):
        list(backend.stream(TALK, SETTINGS, Cancel()))


def test_the_cause_of_a_servers_failure_is_in_the_log(
    server: OpenAIServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.replies = [Refusal(418, "teapot")]
    with pytest.raises(DemoError):
        list(RemoteBackend.connect(Connection(server.base)).stream(TALK, SETTINGS, Cancel()))
    assert "APIStatusError" in caplog.text and "Traceback" in caplog.text


def test_one_prompt_that_the_server_cannot_count_does_not_end_counting(
    server: OpenAIServer,
) -> None:
    server.tokenizes, server.too_long_to_count = True, "endless"
    counter = TokenCounter(Server(Connection(server.base, MODEL)))
    assert not counter.count("endless")[1]
    assert counter.count("one two")[1]


def test_a_server_that_cannot_count_is_not_asked_again(server: OpenAIServer) -> None:
    counter = TokenCounter(Server(Connection(server.base, MODEL)))
    assert not counter.count("one two")[1]
    server.tokenizes = True
    assert not counter.count("one two three")[1]


def test_what_is_learnt_of_a_server_has_a_name_and_its_thread_an_end(server: OpenAIServer) -> None:
    known = Server(Connection(server.base, MODEL))
    with pytest.raises(TypeError, match="resize"):
        known.record_quirks(resize=True)  # type: ignore[call-arg]
    assert (
        known.record_quirks(resizes=True)
        and known.resizes
        and not known.record_quirks(resizes=True)
    )
    known.close()
    assert not known._thread.is_alive()
