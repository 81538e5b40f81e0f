"""One at a time, in order, visibly, and a wait can be given up."""

from __future__ import annotations

import threading

from model.backend import Cancel
from model.serving.fair_lock import FairLock
from model.serving.person import PERSON
from tests.support.patience import PATIENCE_S, wait_until


def enter(
    fair_lock: FairLock, order: list[str], name: str, cancel: Cancel | None = None
) -> threading.Thread:
    """A thread that enters, notes its name and leaves."""

    def run() -> None:
        with fair_lock.acquire(cancel or Cancel(), lambda _: None) as entered:
            order.append(name if entered else f"{name} gave up")

    thread = threading.Thread(target=run)
    waiting = len(fair_lock._tickets)
    thread.start()
    wait_until(lambda: len(fair_lock._tickets) > waiting)
    return thread


def test_waiting_is_in_order_and_shows_how_many_are_ahead() -> None:
    fair_lock, order, seen = FairLock(), list[str](), list[int]()
    with fair_lock.acquire(Cancel(), seen.append):
        threads = [enter(fair_lock, order, name) for name in "abc"]

        def last() -> None:
            with fair_lock.acquire(Cancel(), seen.append):
                order.append("d")

        threads.append(threading.Thread(target=last))
        threads[-1].start()
        wait_until(lambda: seen[:1] == [4])
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == ["a", "b", "c", "d"]
    assert seen == sorted(seen, reverse=True)
    assert not fair_lock.busy


def test_whoever_asked_before_the_others_who_wait_is_next() -> None:
    fair_lock, order = FairLock(), list[str]()

    def enter_as(name: str, asked_at: float) -> threading.Thread:
        def run() -> None:
            with fair_lock.acquire(Cancel(), lambda _: None, asked_at):
                order.append(name)

        waiting = len(fair_lock._tickets)
        thread = threading.Thread(target=run)
        thread.start()
        wait_until(lambda: len(fair_lock._tickets) > waiting)
        return thread

    with fair_lock.acquire(Cancel(), lambda _: None, 5.0):
        threads = [enter_as(str(at), at) for at in (7.0, 6.0, 8.0, 1.0, 7.0)]
        assert order == [], "but not before who is inside"
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == ["1.0", "6.0", "7.0", "7.0", "8.0"]


def test_a_cancelled_wait_ends_and_lets_the_next_one_in() -> None:
    fair_lock, order, cancel = FairLock(), list[str](), Cancel()
    with fair_lock.acquire(Cancel(), lambda _: None):
        first = enter(fair_lock, order, "a", cancel)
        second = enter(fair_lock, order, "b")
        cancel.set()
        first.join(PATIENCE_S)
        assert order == ["a gave up"]
    second.join(PATIENCE_S)
    assert order == ["a gave up", "b"]


def test_spare_work_passes_only_while_nobody_is_there_and_leaves_for_whoever_comes() -> None:
    fair_lock, order, seen = FairLock(), list[str](), list[int]()
    with fair_lock.acquire(Cancel(), seen.append), fair_lock.enter_when_idle() as leave:
        assert leave is None
    with fair_lock.enter_when_idle() as leave:
        assert leave is not None and not leave.is_set()
        thread = threading.Thread(
            target=lambda: _pass(fair_lock, order, seen),
        )
        thread.start()
        assert leave.wait(PATIENCE_S)
        assert order == []
    thread.join(PATIENCE_S)
    assert order == ["in"]
    assert seen == [], "background work is nobody who is ahead"


def test_people_are_counted_right_after_spare_work_has_left() -> None:
    fair_lock, cancel = FairLock(), Cancel()
    with fair_lock.enter_when_idle():
        pass
    seen: list[int] = []

    def look(ahead: int) -> None:
        seen.append(ahead)
        cancel.set()

    limit = threading.Timer(5.0, cancel.set)
    limit.start()
    with fair_lock.acquire(Cancel(), seen.append), fair_lock.acquire(cancel, look) as entered:
        assert not entered
    limit.cancel()
    assert seen == [1]


def _pass(fair_lock: FairLock, order: list[str], seen: list[int]) -> None:
    with fair_lock.acquire(Cancel(), seen.append) as entered:
        assert entered
        order.append("in")


def test_waiting_until_it_is_free_can_be_given_up() -> None:
    fair_lock, cancel = FairLock(), Cancel()
    fair_lock.wait_until_free(cancel)
    with fair_lock.acquire(Cancel(), lambda _: None):
        thread = threading.Thread(target=fair_lock.wait_until_free, args=(cancel,))
        thread.start()
        cancel.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_with_several_places_so_many_are_inside_and_the_next_sees_how_many_are_ahead() -> None:
    fair_lock, seen, cancel = FairLock(2), list[int](), Cancel()

    def look(ahead: int) -> None:
        seen.append(ahead)
        cancel.set()

    with (
        fair_lock.acquire(Cancel(), seen.append) as first,
        fair_lock.acquire(Cancel(), seen.append) as second,
        fair_lock.acquire(cancel, look) as third,
    ):
        assert (first, second, third) == (True, True, False)
    assert seen == [1]
    assert not fair_lock.busy


def test_nobody_waits_for_all_that_somebody_else_has_asked_for() -> None:
    fair_lock, order = FairLock(), list[str]()

    def enter_as(person: str, name: str, asked_at: float | None = None) -> threading.Thread:
        def run() -> None:
            PERSON.set(person)
            with fair_lock.acquire(Cancel(), lambda _: None, asked_at):
                order.append(name)

        waiting = len(fair_lock._tickets)
        thread = threading.Thread(target=run)
        thread.start()
        wait_until(lambda: len(fair_lock._tickets) > waiting)
        return thread

    with fair_lock.acquire(Cancel(), lambda _: None):
        threads = [enter_as("ann", f"ann {n}", float(n)) for n in (2, 3, 1, 4)]
        threads += [enter_as("ben", f"ben {n}") for n in (1, 2)]
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == ["ann 1", "ben 1", "ann 2", "ben 2", "ann 3", "ann 4"]


def test_who_comes_again_and_again_is_not_always_next() -> None:
    fair_lock, order, going = FairLock(), list[str](), list[threading.Thread]()

    def come(person: str, times: int) -> None:
        def run() -> None:
            PERSON.set(person)
            with fair_lock.acquire(Cancel(), lambda _: None):
                order.append(person)
                if times > 1:  # who is inside already stands in line for the next time
                    come(person, times - 1)

        waiting = len(fair_lock._tickets)
        going.append(threading.Thread(target=run))
        going[-1].start()
        wait_until(lambda: len(fair_lock._tickets) > waiting)

    with fair_lock.acquire(Cancel(), lambda _: None):
        for person in ("ann", "ben"):
            come(person, 4)
    while going:
        going.pop(0).join(PATIENCE_S)
    assert order == ["ann", "ben"] * 4
