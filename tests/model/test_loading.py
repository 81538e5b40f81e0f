"""A backend behind which the real one is still being loaded."""

from __future__ import annotations

import threading

import pytest

from model.backend import Backend, Cancel, Finished, LoadProgress, Progress
from model.conversation import Conversation, Text
from model.errors import CheckpointError, DemoError
from model.loading import LoadingBackend
from model.settings import DefaultSettings, GenerationSettings
from tests.support.fakes import FakeBackend
from tests.support.patience import PATIENCE_S

TALK = Conversation().with_user_turn(Text("Hi"))
SETTINGS = GenerationSettings()


def test_a_message_sent_meanwhile_waits_its_turn_and_sees_the_progress() -> None:
    go = threading.Event()

    def load(report: LoadProgress) -> Backend:
        report(0.5)
        go.wait(PATIENCE_S)
        return FakeBackend()

    backend = LoadingBackend(load, "tiny")
    stream = backend.stream(TALK, SETTINGS, Cancel(), session="s")
    first = next(stream)
    assert isinstance(first, Progress) and (first.stage, first.total) == ("loading", 100)
    assert backend.status().state == "loading"
    go.set()
    assert isinstance(list(stream)[-1], Finished)
    assert backend.status().state == "ready"


def test_settings_are_those_that_are_expected_until_the_backend_has_its_own() -> None:
    go = threading.Event()
    expected = DefaultSettings(generation=GenerationSettings(repetition_penalty=1.1))
    own = DefaultSettings(generation=GenerationSettings(repetition_penalty=1.05))

    def load(_: LoadProgress) -> Backend:
        go.wait(PATIENCE_S)
        return FakeBackend(defaults=own)

    backend = LoadingBackend(load, "tiny", expected)
    assert backend.default_settings() == expected
    go.set()
    backend.wait(PATIENCE_S)
    assert backend.default_settings() == own


def test_a_wait_for_the_model_can_be_stopped() -> None:
    go = threading.Event()

    def load(_: LoadProgress) -> Backend:
        go.wait(PATIENCE_S)
        return FakeBackend()

    cancel = Cancel()
    backend = LoadingBackend(load, "tiny")
    stream = backend.stream(TALK, SETTINGS, cancel)
    next(stream)
    cancel.set()
    last = list(stream)[-1]
    assert backend.status().state == "loading", "nobody waited for it"
    go.set()
    assert isinstance(last, Finished) and last.reason == "cancelled"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (CheckpointError("There is no folder x."), "There is no folder x."),
        (RuntimeError("size mismatch"), "size mismatch"),
    ],
)
def test_a_load_that_fails_says_why_to_everybody(error: Exception, shown: str) -> None:
    def load(_: LoadProgress) -> Backend:
        raise error

    backend = LoadingBackend(load, "tiny")
    with pytest.raises(DemoError, match=shown):
        backend.wait(PATIENCE_S)
    assert backend.status().state == "failed" and shown in backend.status().note
    with pytest.raises(DemoError, match=shown):
        list(backend.stream(TALK, SETTINGS, Cancel()))


def test_the_cause_of_a_load_that_fails_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def load(_: LoadProgress) -> Backend:
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise CheckpointError("There is no folder x.") from error

    with pytest.raises(DemoError):
        LoadingBackend(load, "tiny").wait(PATIENCE_S)
    assert "No space left on device" in caplog.text and "There is no folder x." in caplog.text
