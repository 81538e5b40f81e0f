"""Who waits for a decoder keeps nobody waiting for the model, and can stop at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from model.backend import Cancel, Event, Finished, Progress, Usage
from model.conversation import Conversation, Image, Text, Video
from model.engine.vision_encoder import pixels_nbytes, prepare_pixels
from model.local import LocalBackend
from model.remote.backend import RemoteBackend
from model.remote.http.connection import Connection
from model.remote.media import encoded, encoded_nbytes
from model.serving.prepared_media import PreparedMedia
from model.settings import GenerationSettings
from tests.support import media_files
from tests.support.openai_server import OpenAIServer
from tests.support.patience import PATIENCE_S, wait_until
from tests.support.slow_media import Slow

SHORT = GenerationSettings(max_new_tokens=6)
HELLO = Conversation().with_user_turn(Text("Hello"))


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.told.set()


@pytest.fixture
def local(qwen2_vl: LocalBackend, slow: Slow) -> LocalBackend:
    backend = LocalBackend(qwen2_vl.model, qwen2_vl.processor, cache_bytes=2**28)
    backend._runner.media = PreparedMedia(slow.around(prepare_pixels), pixels_nbytes, 2**28)
    return backend


@pytest.fixture
def remote(slow: Slow) -> Iterator[RemoteBackend]:
    with OpenAIServer().running() as server:
        backend = RemoteBackend.connect(Connection(server.base), concurrency=1)
        backend._media = PreparedMedia(slow.around(encoded), encoded_nbytes, 2**28)
        yield backend


class Answering(threading.Thread):
    """An answer in the making, and what was heard of it."""

    def __init__(
        self, backend: LocalBackend | RemoteBackend, talk: Conversation, session: str = "ann"
    ) -> None:
        super().__init__(daemon=True)
        self.cancel, self.events = Cancel(), list[Event]()
        self._asked = backend, talk, session
        self.start()

    def run(self) -> None:
        backend, talk, session = self._asked
        for event in backend.stream(talk, SHORT, self.cancel, session=session):
            self.events.append(event)

    def finished(self) -> Finished:
        self.join(PATIENCE_S)
        last = self.events[-1]
        assert isinstance(last, Finished)
        return last

    @property
    def usage(self) -> Usage:
        return self.finished().usage


def note_the_end(waiting: Answering, ended: list[Answering]) -> None:
    waiting.join(PATIENCE_S)
    ended.append(waiting)


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_somebody_else_is_answered_while_a_clip_is_decoded(
    kind: str, slow: Slow, clip: Video, request: pytest.FixtureRequest
) -> None:
    backend = request.getfixturevalue(kind)
    watching = Answering(backend, Conversation().with_user_turn(clip, Text("What?")))
    assert slow.begun.wait(PATIENCE_S)
    hello = Answering(backend, HELLO, "ben")
    assert hello.finished().reason in ("stop", "length")
    assert not [e for e in hello.events if isinstance(e, Progress) and e.stage == "queued"]
    assert watching.is_alive() and {e.stage for e in watching.events} == {"media"}  # type: ignore[union-attr]
    slow.told.set()
    assert watching.usage.decoded_frames == 4


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_stop_while_a_clip_is_decoded_ends_at_once(
    kind: str, slow: Slow, clip: Video, request: pytest.FixtureRequest
) -> None:
    watching = Answering(
        request.getfixturevalue(kind), Conversation().with_user_turn(clip, Text("What?"))
    )
    assert slow.begun.wait(PATIENCE_S)
    watching.cancel.set()
    assert watching.finished().reason == "cancelled"
    wait_until(lambda: slow.given_up == ["Video 1"])
    assert watching.usage.decoded_frames == 0


def test_whoever_asked_first_is_first_at_the_model_once_the_media_are_there(
    local: LocalBackend, slow: Slow, picture: Image
) -> None:
    watching = Answering(local, Conversation().with_user_turn(picture, Text("What?")))
    assert slow.begun.wait(PATIENCE_S)
    ended: list[Answering] = []
    with local._runner.lock.acquire(Cancel(), lambda _: None):
        later = Answering(local, HELLO, "ben")
        wait_until(lambda: Progress("queued", 0, 1) in later.events)
        slow.told.set()
        wait_until(lambda: Progress("queued", 0, 2) in later.events)
        assert Progress("queued", 0, 1) in watching.events
        for waiting in (later, watching):
            threading.Thread(target=note_the_end, args=(waiting, ended), daemon=True).start()
    wait_until(lambda: len(ended) == 2)
    assert ended == [watching, later]


def test_features_that_are_gone_when_it_is_ones_turn_are_made_anew(
    local: LocalBackend, slow: Slow, picture: Image, tmp_path: Path
) -> None:
    slow.told.set()
    other = Image(media_files.photo(tmp_path / "b.png", (112, 112)), media_files.SMALL)
    first = Conversation().with_user_turn(picture, Text("What?"))
    said = Answering(local, first).finished()
    assert said.usage.vision_encodes == 1
    talk = first.with_reply("Another thing.").with_user_turn(other, Text("And this?"))
    with local._runner.lock.acquire(Cancel(), lambda _: None):
        waiting = Answering(local, talk)
        wait_until(lambda: Progress("queued", 0, 1) in waiting.events)
        assert slow.given == ["Picture 1", "Picture 2"], "the first one's features are kept"
        local.engine.session_cache.clear()
    assert (waiting.usage.vision_encodes, waiting.usage.decoded_frames) == (2, 2)
    assert slow.given == ["Picture 1", "Picture 2", "Picture 1"]


def test_pixels_are_kept_until_the_features_are(
    local: LocalBackend, slow: Slow, picture: Image
) -> None:
    slow.told.set()
    talk = Conversation().with_user_turn(picture, Text("What?"))
    with local._runner.lock.acquire(Cancel(), lambda _: None):
        stopped = Answering(local, talk)
        wait_until(lambda: Progress("queued", 0, 1) in stopped.events)
        stopped.cancel.set()
        assert stopped.usage.vision_encodes == 0
    assert local._runner.media.nbytes
    again = Answering(local, talk)
    assert (again.usage.vision_encodes, again.usage.decoded_frames) == (1, 0)
    assert local._runner.media.nbytes == 0


def test_when_the_memory_runs_out_the_pixels_that_nobody_uses_go_too(
    local: LocalBackend, slow: Slow, picture: Image
) -> None:
    slow.told.set()
    draft = Conversation().with_user_turn(picture)
    with local._runner.lock.acquire(Cancel(), lambda _: None):
        reading = threading.Thread(
            target=local.read_ahead, args=(draft, SHORT), kwargs={"session": "ben"}, daemon=True
        )
        reading.start()
        wait_until(lambda: [p.users for p in local._runner.media._pieces.values() if p.over] == [0])
        failures = [torch.OutOfMemoryError()]

        def work() -> None:
            if failures:
                raise failures.pop()

        local._runner._retry_after_freeing_memory(work, lambda: True)
        assert local._runner.media.nbytes == 0
    reading.join(PATIENCE_S)


def test_a_session_that_is_forgotten_while_its_clip_is_decoded_keeps_nothing(
    local: LocalBackend, slow: Slow, clip: Video
) -> None:
    watching = Answering(local, Conversation().with_user_turn(clip, Text("What?")))
    assert slow.begun.wait(PATIENCE_S)
    local.forget("ann")
    slow.told.set()
    assert watching.finished().reason == "length"
    assert local._runner.media.nbytes == local.engine.session_cache.nbytes == 0
