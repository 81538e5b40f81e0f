"""Work in a thread: its events, its errors and its cancel cross over."""

from __future__ import annotations

import threading

import pytest

from model.backend import Cancel, Delta, Progress
from model.errors import MediaError
from model.serving.event_stream import Emit, events_of
from model.serving.person import PERSON
from tests.support.patience import PATIENCE_S, wait_until


def test_events_arrive_in_order() -> None:
    def work(emit: Emit) -> None:
        for i in range(3):
            emit(Progress("reading", i, 3))

    assert [event.done for event in events_of(work, Cancel()) if isinstance(event, Progress)] == [
        0,
        1,
        2,
    ]


def test_the_work_knows_whom_it_is_for() -> None:
    asked: list[str] = []
    before = PERSON.set("ann")
    try:
        assert list(events_of(lambda _: asked.append(PERSON.get()), Cancel())) == []
    finally:
        PERSON.reset(before)
    assert asked == ["ann"]


def test_an_exception_in_the_thread_reaches_the_reader_after_what_came_before() -> None:
    def work(emit: Emit) -> None:
        emit(Delta("so far"))
        raise ZeroDivisionError("in the thread")

    events = events_of(work, Cancel())
    assert next(events) == Delta("so far")
    with pytest.raises(ZeroDivisionError, match="in the thread"):
        next(events)


def test_closing_the_iterator_cancels_the_work() -> None:
    cancel, ended = Cancel(), threading.Event()

    def work(emit: Emit) -> None:
        while not cancel.wait(0.001):
            emit(Delta("x"))
        ended.set()

    events = events_of(work, cancel)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert ended.wait(PATIENCE_S)


def test_an_exception_that_nobody_reads_any_more_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended = threading.Event()
    cancel = Cancel()

    def work(emit: Emit) -> None:
        emit(Delta("x"))
        try:
            assert cancel.wait(PATIENCE_S)
            raise ZeroDivisionError("after the reader")
        finally:
            ended.set()

    events = events_of(work, cancel)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert ended.wait(PATIENCE_S)
    wait_until(lambda: "after the reader" in caplog.text)


def test_a_sentence_that_nobody_reads_any_more_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended = threading.Event()
    cancel = Cancel()

    def work(emit: Emit) -> None:
        emit(Delta("x"))
        try:
            assert cancel.wait(PATIENCE_S)
            raise MediaError("{name} is an empty file; attach another.", name="holiday.png")
        finally:
            ended.set()

    events = events_of(work, cancel)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert ended.wait(PATIENCE_S)
    wait_until(lambda: all(thread.name != "generation" for thread in threading.enumerate()))
    assert caplog.text == ""
