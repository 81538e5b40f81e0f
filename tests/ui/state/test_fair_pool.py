"""Nobody waits for all that a stranger has asked for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from model.errors import DemoError
from tests.support.patience import PATIENCE_S, becomes, scene
from ui.state.fair_pool import FairPool


class Works:
    """Works that go on until they are let go, and the order in which they began."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._ends: dict[str, threading.Event] = {}

    def __call__(self, name: str) -> Callable[[], str]:
        self._ends[name] = threading.Event()

        def work() -> str:
            self.begun.append(name)
            assert self._ends[name].wait(PATIENCE_S)
            return name

        return work

    def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()


def test_a_persons_share_leaves_room_for_the_next(works: Works) -> None:
    async def play() -> None:
        pool = FairPool(2)
        many = [asyncio.create_task(pool.run("ann", works(f"ann {n}"))) for n in range(30)]
        await becomes(lambda: works.begun)
        one = asyncio.create_task(pool.run("bob", works("bob")))
        await becomes(lambda: "bob" in works.begun)
        assert works.begun == ["ann 0", "bob"]
        works.end("bob", *(f"ann {n}" for n in range(30)))
        assert await one == "bob"
        assert await asyncio.gather(*many) == [f"ann {n}" for n in range(30)]

    scene(play)


def test_people_take_turns(works: Works) -> None:
    async def play() -> None:
        pool = FairPool(1)
        asked = ["ann 0", "ann 1", "ann 2", "bob 0", "bob 1", "eve 0"]
        tasks = [asyncio.create_task(pool.run(name[:3], works(name))) for name in asked]
        await becomes(lambda: works.begun)
        works.end(*asked)
        await asyncio.gather(*tasks)
        assert works.begun == ["ann 0", "ann 1", "bob 0", "eve 0", "ann 2", "bob 1"]

    scene(play)


def test_too_many_of_one_are_refused_and_others_are_not(works: Works) -> None:
    async def play() -> None:
        pool = FairPool(1, max_waiting=2)
        tasks = [asyncio.create_task(pool.run("ann", works(f"ann {n}"))) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(DemoError, match="try again in a minute"):
            await pool.run("ann", works("ann 3"))
        tasks.append(asyncio.create_task(pool.run("bob", works("bob"))))
        await asyncio.sleep(0)
        works.end("bob", *(f"ann {n}" for n in range(3)))
        await asyncio.gather(*tasks)

    scene(play)


def test_what_nobody_waits_for_any_more_is_not_begun_but_ends_if_it_was(works: Works) -> None:
    async def play() -> None:
        pool = FairPool(1)
        first, second, third = (
            asyncio.create_task(pool.run("ann", works(name))) for name in ("1", "2", "3")
        )
        await becomes(lambda: works.begun)
        second.cancel()
        first.cancel()
        await asyncio.wait([first, second])
        await asyncio.sleep(0.05)
        assert works.begun == ["1"], "its thread is still busy"
        works.end("1", "3")
        assert await third == "3"
        assert works.begun == ["1", "3"]

    scene(play)


def test_a_failure_is_told_and_leaves_the_place_free(works: Works) -> None:
    def fails() -> None:
        raise ValueError("no")

    async def play() -> None:
        pool = FairPool(1)
        for _ in range(3):
            with pytest.raises(ValueError, match="no"):
                await pool.run("ann", fails)
        works_on = asyncio.create_task(pool.run("ann", works("on")))
        await becomes(lambda: works.begun)
        works.end("on")
        assert await works_on == "on"

    scene(play)


@pytest.fixture
def works() -> Works:
    return Works()


def test_after_a_job_its_person_rests_and_nobody_else(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.state.fair_pool.MAX_REST_S", PATIENCE_S)

    async def play() -> None:
        pool = FairPool(2, rest=1e9)
        asked = ["ann 0", "ann 1", "bob"]
        tasks = [asyncio.create_task(pool.run(name[:3], works(name))) for name in asked]
        works.end(*asked)
        assert await tasks[0] == "ann 0" and await tasks[2] == "bob"
        assert works.begun == ["ann 0", "bob"] and not tasks[1].done()
        tasks[1].cancel()

    scene(play)


def test_a_rest_is_as_long_as_its_job_times_the_factor_and_then_ends(works: Works) -> None:
    async def play() -> None:
        pool = FairPool(1, rest=1.0)
        tasks = [asyncio.create_task(pool.run("ann", works(f"ann {n}"))) for n in range(3)]
        works.end("ann 0", "ann 1", "ann 2")
        assert await asyncio.gather(*tasks) == ["ann 0", "ann 1", "ann 2"]

    scene(play)
