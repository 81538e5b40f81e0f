"""Media are prepared once for whoever waits, kept until they are used, and take only so much memory."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from model.backend import Cancel
from model.conversation import Conversation, Image
from model.errors import MediaError
from model.families import Geometry
from model.media.video import VideoProgress
from model.prompt.visual_item import VisualItem, plan
from model.serving import prepared_media
from model.serving.media_piece import Ready
from model.serving.person import PERSON
from model.serving.prepared_media import PreparedMedia
from tests.support import media_files
from tests.support.patience import PATIENCE_S, wait_until

Bytes = npt.NDArray[np.uint8]
NBYTES = 100


@pytest.fixture
def item(tmp_path: Path) -> VisualItem:
    path = media_files.photo(tmp_path / "a.png", (56, 56))
    (item,) = plan(Conversation().with_user_turn(Image(path)), Geometry())
    return item


class Bench:
    """Prepares nothing much, when it is let, and notes what it did."""

    def __init__(self, budget: int = 10 * NBYTES) -> None:
        self.begun = self.ended = self.given_up = 0
        self.go = threading.Event()
        self.fault: Exception | None = None
        self.media = PreparedMedia(self._make, lambda _item: NBYTES, budget)

    def _make(
        self, _item: VisualItem, cancel: Cancel, report: VideoProgress
    ) -> Generator[None, None, Bytes]:
        self.begun += 1
        report(1.0, 4.0)
        while not self.go.wait(0.005):
            if cancel.is_set():
                self.given_up += 1
                break
            yield
        if self.fault:
            raise self.fault
        self.ended += 1
        return np.zeros(NBYTES, np.uint8)


class Waiter(threading.Thread):
    """Somebody who wants an item, and keeps it until told to let go."""

    def __init__(
        self,
        bench: Bench,
        session: str,
        item: VisualItem,
        *,
        ahead: bool = False,
        name: str = "it",
        person: str = "",
    ) -> None:
        super().__init__(daemon=True)
        self.cancel, self.let_go = Cancel(), threading.Event()
        self.found: Ready[Bytes] | Exception | None = None
        self.told: list[tuple[float, float]] = []
        self.inside, self.over = threading.Event(), False
        self._asked, self._person = (bench, session, {name: item}, ahead), person
        self.start()

    def run(self) -> None:
        bench, session, items, ahead = self._asked
        PERSON.set(self._person)
        try:
            with bench.media.ready(
                session, items, self.cancel, lambda *told: self.told.append(told), ahead=ahead
            ) as self.found:
                self.inside.set()
                self.let_go.wait(PATIENCE_S)
        except MediaError as error:
            self.found = error
        self.over = True

    def ended(self) -> Ready[Bytes] | Exception | None:
        self.let_go.set()
        self.join(PATIENCE_S)
        assert self.over
        return self.found


def test_two_who_want_the_same_of_one_session_share_the_work(item: VisualItem) -> None:
    bench = Bench()
    waiters = [Waiter(bench, "a", item) for _ in range(2)]
    wait_until(lambda: bench.begun == 1)
    bench.go.set()
    found = [waiter.ended() for waiter in waiters]
    assert all(isinstance(ready, Ready) for ready in found)
    assert sorted(ready.decoded for ready in found if isinstance(ready, Ready)) == [0, 1]
    assert (bench.begun, bench.ended) == (1, 1)


def test_another_session_does_not_see_it(item: VisualItem) -> None:
    bench = Bench()
    bench.go.set()
    for session in ("a", "b", "a"):
        Waiter(bench, session, item).ended()
    assert bench.begun == 2


def test_who_has_no_session_keeps_nothing(item: VisualItem) -> None:
    bench = Bench()
    bench.go.set()
    for _ in range(2):
        Waiter(bench, "", item).ended()
    assert bench.begun == 2 and bench.media.nbytes == 0


def test_a_stop_ends_the_wait_and_the_work_at_once(item: VisualItem) -> None:
    bench = Bench()
    waiter = Waiter(bench, "a", item)
    wait_until(lambda: bench.begun == 1)
    waiter.cancel.set()
    assert waiter.inside.wait(PATIENCE_S) and waiter.ended() is None
    wait_until(lambda: bench.given_up == 1)
    assert bench.media.nbytes == 0


def test_a_stop_of_one_does_not_stop_the_other(item: VisualItem) -> None:
    bench = Bench()
    stopped, other = (Waiter(bench, "a", item) for _ in range(2))
    wait_until(lambda: bench.begun == 1)
    stopped.cancel.set()
    assert stopped.ended() is None
    bench.go.set()
    assert isinstance(other.ended(), Ready)
    assert (bench.begun, bench.given_up) == (1, 0)


def test_what_a_draft_has_begun_is_gone_on_with_by_the_send_that_follows(item: VisualItem) -> None:
    bench = Bench()
    draft = Waiter(bench, "a", item, ahead=True)
    wait_until(lambda: bench.begun == 1)
    draft.cancel.set()
    assert draft.ended() is None
    sent = Waiter(bench, "a", item)
    bench.go.set()
    found = sent.ended()
    assert isinstance(found, Ready) and found.decoded == 1
    assert (bench.begun, bench.given_up) == (1, 0)


def test_what_a_draft_has_begun_ends_when_nobody_follows(
    item: VisualItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_media, "LINGER_S", 0.05)
    bench = Bench()
    draft = Waiter(bench, "a", item, ahead=True)
    wait_until(lambda: bench.begun == 1)
    draft.cancel.set()
    draft.ended()
    wait_until(lambda: bench.given_up == 1)
    assert bench.media.nbytes == 0


def test_a_session_that_is_forgotten_keeps_nothing_and_its_work_ends(item: VisualItem) -> None:
    bench = Bench()
    draft = Waiter(bench, "a", item, ahead=True)
    wait_until(lambda: bench.begun == 1)
    draft.cancel.set()
    draft.ended()
    bench.media.forget("a")
    wait_until(lambda: bench.given_up == 1)
    bench.go.set()
    waiter = Waiter(bench, "a", item)
    assert waiter.inside.wait(PATIENCE_S)
    bench.media.forget("a")
    waiter.ended()
    assert bench.media.nbytes == 0


def test_a_failure_is_told_to_all_who_wait_and_tried_anew_by_who_comes_next(
    item: VisualItem,
) -> None:
    bench = Bench()
    bench.fault = MediaError("It is broken.")
    waiters = [Waiter(bench, "a", item) for _ in range(2)]
    wait_until(lambda: bench.begun == 1)
    bench.go.set()
    assert [str(waiter.ended()) for waiter in waiters] == ["It is broken."] * 2
    bench.fault = None
    assert isinstance(Waiter(bench, "a", item).ended(), Ready)


def test_progress_is_told_from_the_wait_for_a_decoder_on(item: VisualItem) -> None:
    bench = Bench()
    waiter = Waiter(bench, "a", item)
    wait_until(lambda: len(waiter.told) == 2 or waiter.told == [(1.0, 4.0)])
    bench.go.set()
    waiter.ended()
    assert waiter.told[-1] == (1.0, 4.0)


def test_what_is_kept_makes_room_the_oldest_first(item: VisualItem) -> None:
    bench = Bench(budget=2 * NBYTES)
    bench.go.set()
    for session in ("a", "b", "a", "c"):
        Waiter(bench, session, item).ended()
    assert bench.begun == 3 and bench.media.nbytes == 2 * NBYTES
    assert bench.media.kept("b", {"it": item}) is None
    assert bench.media.kept("a", {"it": item}) and bench.media.kept("c", {"it": item})


def test_who_finds_no_room_waits_until_somebody_has_used_his(item: VisualItem) -> None:
    bench = Bench(budget=2 * NBYTES)
    bench.go.set()
    inside = [Waiter(bench, session, item) for session in "ab"]
    for waiter in inside:
        assert waiter.inside.wait(PATIENCE_S)
    late, stopped = Waiter(bench, "c", item), Waiter(bench, "d", item)
    wait_until(lambda: len(bench.media._line) == 2)
    stopped.cancel.set()
    assert stopped.ended() is None
    assert bench.begun == 2 and bench.media.nbytes == 2 * NBYTES
    assert isinstance(inside[0].ended(), Ready)
    assert isinstance(late.ended(), Ready)
    inside[1].ended()


def test_one_who_needs_more_than_there_is_gets_it_alone(item: VisualItem) -> None:
    bench = Bench(budget=NBYTES // 2)
    bench.go.set()
    first = Waiter(bench, "a", item)
    assert first.inside.wait(PATIENCE_S)
    second = Waiter(bench, "b", item)
    wait_until(lambda: len(bench.media._line) == 1)
    assert bench.begun == 1
    first.ended()
    assert isinstance(second.ended(), Ready)


def test_who_reads_ahead_is_behind_everybody_who_waits_for_room(item: VisualItem) -> None:
    bench = Bench(budget=NBYTES)
    bench.go.set()
    first = Waiter(bench, "a", item)
    assert first.inside.wait(PATIENCE_S)
    draft = Waiter(bench, "b", item, ahead=True)
    wait_until(lambda: len(bench.media._line) == 1)
    sent = Waiter(bench, "c", item)
    wait_until(lambda: len(bench.media._line) == 2)
    first.ended()
    assert sent.inside.wait(PATIENCE_S) and not draft.inside.is_set()
    sent.ended()
    assert isinstance(draft.ended(), Ready)


def test_nobody_waits_for_room_behind_all_that_somebody_else_has_asked_for(
    item: VisualItem,
) -> None:
    bench = Bench(budget=4 * NBYTES)
    bench.go.set()
    asked = [Waiter(bench, f"ann {n}", item, person="ann") for n in range(3)]
    for waiter in asked:
        assert waiter.inside.wait(PATIENCE_S)
    more = [Waiter(bench, f"more {n}", item, person="ann") for n in range(3)]
    wait_until(lambda: len(bench.media._line) == 3)
    ben = Waiter(bench, "ben", item, person="ben")
    assert ben.inside.wait(PATIENCE_S), "a share is left to others"
    second = Waiter(bench, "cem", item, person="cem")
    wait_until(lambda: len(bench.media._line) == 4)
    asked[0].ended()
    assert second.inside.wait(PATIENCE_S), "whoever holds least is next"
    for waiter in (*asked[1:], ben, second, *more):
        assert isinstance(waiter.ended(), Ready)


def test_what_is_there_already_needs_no_room(item: VisualItem) -> None:
    bench = Bench(budget=NBYTES)
    bench.go.set()
    first = Waiter(bench, "a", item)
    assert first.inside.wait(PATIENCE_S)
    Waiter(bench, "b", item)
    wait_until(lambda: len(bench.media._line) == 1)
    again = Waiter(bench, "a", item)
    assert isinstance(again.ended(), Ready)
    first.ended()


def test_what_has_been_used_can_be_discarded_but_not_under_somebody(item: VisualItem) -> None:
    bench = Bench()
    bench.go.set()
    waiter = Waiter(bench, "a", item)
    assert waiter.inside.wait(PATIENCE_S)
    bench.media.discard("a", "it")
    bench.media.clear()
    assert bench.media.nbytes == NBYTES
    waiter.ended()
    bench.media.discard("a", "it")
    assert bench.media.nbytes == 0
