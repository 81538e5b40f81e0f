"""What is decoded takes turns: fair among people, pictures beside clips, and whoever waits before what is read ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from model.serving import media_decoders as decoders
from model.serving.media_decoders import DecodeJob, Decoders
from tests.support.patience import PATIENCE_S, wait_until


class Clock:
    """Time that passes while a step is taken and at no other: what people share does not depend on the machine."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


CLOCK = Clock()


@pytest.fixture(autouse=True)
def _a_step_is_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "SLICE_S", 0.0)
    monkeypatch.setattr(decoders, "time", CLOCK)


class Desk:
    """Decoders whose every step waits until it is let go; notes who took one."""

    def __init__(self, places: int = 2) -> None:
        self.decoders = Decoders(places)
        self.taken: list[str] = []
        self.inside: list[str] = []
        self._go = threading.Semaphore(0)

    def add(
        self,
        person: str,
        steps: int,
        *,
        clip: bool = True,
        urgent: bool = True,
        name: str = "",
        session: str = "",
    ) -> None:
        taken = self._steps(name or person, steps)
        work = DecodeJob(person, taken, clip, lambda: urgent, session=session)
        self.decoders.add(work)

    def let(self, steps: int) -> None:
        """So many steps are taken, one after the other."""
        for _ in range(steps):
            before = len(self.taken)
            wait_until(lambda: bool(self.inside))
            self._go.release()
            wait_until(lambda before=before: len(self.taken) > before)  # type: ignore[misc]

    def _steps(self, name: str, steps: int) -> Iterator[None]:
        for _ in range(steps):
            self.inside.append(name)
            assert self._go.acquire(timeout=PATIENCE_S)
            self.inside.remove(name)
            CLOCK.now += 1.0
            self.taken.append(name)
            yield


def test_two_clips_of_two_people_take_turns() -> None:
    desk = Desk()
    desk.add("ann", 6)
    desk.add("ben", 3)
    desk.let(9)
    assert desk.taken[:6].count("ben") == 3, "ben does not wait for the end of ann's clip"
    assert desk.taken[6:] == ["ann"] * 3


def test_many_clips_of_one_person_count_as_one_persons() -> None:
    desk = Desk()
    for number in range(5):
        desk.add("ann", 4, name=f"ann {number}")
    desk.let(2)
    desk.add("ben", 4, name="ben")
    desk.let(9)
    assert desk.taken[2:].count("ben") == 4


def test_who_comes_late_does_not_first_catch_up_with_the_others() -> None:
    desk = Desk()
    desk.add("ann", 20)
    desk.let(10)
    desk.add("ben", 6)
    desk.let(6)
    assert 2 <= desk.taken[10:].count("ann") <= 4


def test_a_picture_does_not_wait_for_clips() -> None:
    desk = Desk(places=3)
    for person in ("ann", "ben", "cem"):
        desk.add(person, 3, name="clip")
    wait_until(lambda: desk.inside == ["clip", "clip"])
    desk.add("dan", 1, clip=False, name="picture")
    wait_until(lambda: sorted(desk.inside) == ["clip", "clip", "picture"])
    desk.let(10)


def test_no_more_decode_at_once_than_there_are_places() -> None:
    desk = Desk(places=2)
    for person in "abcdef":
        desk.add(person, 1, clip=False)
    wait_until(lambda: len(desk.inside) == 2)
    desk.let(4)
    assert len(desk.inside) <= 2
    desk.let(2)
    assert sorted(desk.taken) == list("abcdef")


def test_what_somebody_waits_for_comes_before_what_is_read_ahead() -> None:
    desk = Desk()
    desk.add("ann", 4, urgent=False, name="draft")
    desk.let(1)
    desk.add("ann", 3, name="sent")
    desk.let(6)
    assert desk.taken == ["draft", "draft", "sent", "sent", "sent", "draft", "draft"][:7]


def test_only_so_many_clips_are_begun_and_drafts_are_not_in_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoders, "MAX_OPEN_VIDEOS", 2)
    desk = Desk()
    for person in "abcd":
        desk.add(person, 5, urgent=False)
    desk.let(4)
    assert set(desk.taken[:4]) == {"a", "b"}
    desk.add("e", 2)
    desk.let(2)
    assert desk.taken[-1] == "e"
    desk.let(16)


def test_one_persons_clips_leave_places_for_those_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoders, "MAX_OPEN_VIDEOS", 4)
    monkeypatch.setattr(decoders, "MAX_OPEN_VIDEOS_OF_PERSON", 2)
    desk = Desk()
    for number in range(5):
        desk.add("ann", 20, name=f"ann {number}", session=str(number))
    desk.let(6)
    assert set(desk.taken) == {"ann 0", "ann 1"}
    desk.add("ben", 2)
    desk.let(5)
    assert desk.taken.count("ben") == 2, "ben does not wait for the end of ann's clips"
    desk.let(91)


def test_chats_of_one_person_take_turns() -> None:
    desk = Desk()
    desk.add("ann", 8, name="first", session="1")
    desk.let(2)
    desk.add("ann", 3, name="second", session="2")
    desk.let(7)
    assert desk.taken[2:].count("second") == 3
    desk.let(2)


def test_a_bug_in_what_is_decoded_takes_no_place_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> Iterator[None]:
        yield
        raise AssertionError("a bug")

    desk = Desk()
    for _ in range(3):
        desk.decoders.add(DecodeJob("ann", broken(), True, lambda: True))
    desk.add("ben", 1)
    desk.let(1)
    wait_until(lambda: "a bug" in caplog.text)
    wait_until(lambda: not desk.decoders._used_s)
