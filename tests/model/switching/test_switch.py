"""Several checkpoints that share the memory of one machine: who is loaded, who leaves, who is answered next."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from model.backend import Backend, Cancel, Delta, Event, Finished, Progress, collected
from model.conversation import Conversation, Text
from model.errors import DemoError
from model.serving.person import PERSON
from model.settings import GenerationSettings
from tests.support.patience import PATIENCE_S, wait_until
from tests.support.switching import LoadedFake, Memory, Switched

TALK = Conversation().with_user_turn(Text("Hi"))
SETTINGS = GenerationSettings()


def ask(backend: Backend) -> str:
    return collected(backend.stream(TALK, SETTINGS, Cancel(), session="s"))[0]


class Asking(threading.Thread):
    """A person's question, and what becomes of it."""

    def __init__(self, backend: Backend, person: str = "") -> None:
        super().__init__(daemon=True)
        self.cancel, self._backend, self._person = Cancel(), backend, person
        self.events: list[Event] = []
        self.start()

    def run(self) -> None:
        PERSON.set(self._person)
        for event in self._backend.stream(TALK, SETTINGS, self.cancel):
            self.events.append(event)

    def queued(self) -> bool:
        return any(isinstance(e, Progress) and e.stage == "queued" for e in self.events)

    def answers(self) -> bool:
        return any(isinstance(event, Delta) for event in self.events)


def two(size: int = 10, **named: object) -> Switched:
    return Switched({"a": 6, "b": 6}, Memory(size), **named)  # type: ignore[arg-type]


def test_where_memory_allows_both_are_kept_and_answer_at_the_same_time() -> None:
    gate = threading.Event()
    switched = two(12, make=lambda _: LoadedFake(gate=gate))
    first = Asking(switched.backends["a"])
    second = Asking(switched.backends["b"])
    wait_until(lambda: switched.memory.log == ["+a", "+b"] or switched.memory.log == ["+b", "+a"])
    gate.set()
    first.join(PATIENCE_S)
    second.join(PATIENCE_S)
    assert first.answers() and second.answers()
    assert ask(switched.backends["a"]) == "Hello" and len(switched.memory.log) == 2
    assert [share for fake in switched.fakes.values() for share in fake.shares] == [0.5, 0.5]


def test_otherwise_the_one_that_is_not_asked_leaves_when_the_answer_is_over() -> None:
    gate = threading.Event()
    switched = two(make=lambda name: LoadedFake(gate=gate if name == "a" else None))
    first = Asking(switched.backends["a"])
    wait_until(lambda: switched.memory.log == ["+a"])
    second = Asking(switched.backends["b"])
    wait_until(lambda: switched.backends["b"].status().label == "b · cpu")
    assert not second.answers() and switched.memory.log == ["+a"]
    gate.set()
    second.join(PATIENCE_S)
    first.join(PATIENCE_S)
    assert first.answers() and second.answers()
    assert switched.memory.log == ["+a", "-a", "+b"]
    loading = [e for e in second.events if isinstance(e, Progress) and e.stage == "loading"]
    assert Progress("loading", 50, 100) in loading
    assert switched.fakes["b"].shares == [1.0], "alone in memory, it has all of the caches"


def test_two_people_on_different_checkpoints_take_turns() -> None:
    """One person's four questions do not all go before the other's."""
    gate = threading.Event()
    order: list[str] = []

    class Noting(LoadedFake):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def stream(self, *given: object, **named: object) -> Iterator[Event]:
            order.append(self.name)
            if len(order) == 2:
                gate.wait(PATIENCE_S)
            return super().stream(*given, **named)  # type: ignore[arg-type]

    switched = two(make=Noting)
    for name in ("a", "b"):  # both are known, and do not fit together
        ask(switched.backends[name])
        if name == "a":
            order.clear()
    many = [Asking(switched.backends["b"], "ann")]
    wait_until(lambda: len(order) == 2)
    many += [Asking(switched.backends["b"], "ann") for _ in range(3)]
    wait_until(lambda: all(one.queued() for one in many[1:]))
    other = Asking(switched.backends["a"], "bob")
    wait_until(other.queued)
    gate.set()
    for one in (*many, other):
        one.join(PATIENCE_S)
    assert order.index("a") <= 3, order
    assert order.count("b") == 5


def test_a_wait_for_another_checkpoints_answer_can_be_stopped() -> None:
    gate = threading.Event()
    switched = two(make=lambda _: LoadedFake(gate=gate))
    gate.set()
    ask(switched.backends["a"])
    ask(switched.backends["b"])
    gate.clear()
    running = Asking(switched.backends["b"])
    wait_until(lambda: len(switched.fakes["b"].loaded.calls) == 2)
    waiting = Asking(switched.backends["a"])
    wait_until(waiting.queued)
    waiting.cancel.set()
    waiting.join(PATIENCE_S)
    assert isinstance(last := waiting.events[-1], Finished) and last.reason == "cancelled"
    gate.set()
    running.join(PATIENCE_S)
    assert switched.memory.log == ["+a", "-a", "+b"]


def test_a_checkpoint_that_cannot_be_loaded_says_why_and_the_other_goes_on() -> None:
    switched = two(size=100)
    ask(switched.backends["a"])
    switched.fakes["b"].broken = True
    switched.backends["b"].begin()
    wait_until(lambda: switched.backends["b"].status().state == "failed")
    assert "cannot be loaded" in switched.backends["b"].status().note
    with pytest.raises(DemoError, match="cannot be loaded"):
        ask(switched.backends["b"])
    assert ask(switched.backends["a"]) == "Hello" and switched.memory.log == ["+a"]
    switched.fakes["b"].broken = False  # whoever runs the page has put its files right
    assert ask(switched.backends["b"]) == "Hello"


def test_nobody_leaves_for_one_that_does_not_fit_even_alone() -> None:
    switched = Switched({"a": 6, "huge": 60}, Memory(10))
    ask(switched.backends["a"])
    with pytest.raises(DemoError, match="cannot be loaded"):
        ask(switched.backends["huge"])
    assert switched.memory.log == ["+a"]


def test_one_that_is_chosen_is_loaded_before_it_is_asked_unless_another_is_busy() -> None:
    gate = threading.Event()
    switched = two(make=lambda name: LoadedFake(gate=gate if name == "a" else None))
    switched.backends["a"].begin()
    wait_until(lambda: switched.memory.log == ["+a"])
    running = Asking(switched.backends["a"])
    wait_until(lambda: bool(switched.fakes["a"].loaded.calls))
    switched.gates["b"] = threading.Event()
    switched.backends["b"].begin()
    status = switched.backends["b"].status()
    assert (status.state, status.label) == ("loading", "b")
    with pytest.raises(DemoError, match="still loading"):
        switched.backends["b"].estimate(TALK, SETTINGS)
    switched.gates["b"].set()
    wait_until(lambda: switched.backends["b"].status().state == "ready")
    assert switched.memory.log == ["+a"], "an answer runs"
    gate.set()
    running.join(PATIENCE_S)
    switched.backends["b"].begin()
    wait_until(lambda: switched.memory.log == ["+a", "-a", "+b"])
    assert switched.backends["b"].estimate(TALK, SETTINGS).prompt_tokens == 1


def test_costs_are_told_and_drafts_forgotten_while_a_checkpoint_is_away() -> None:
    switched = two()
    ask(switched.backends["a"])
    ask(switched.backends["b"])
    away = switched.backends["a"]
    assert switched.memory.log == ["+a", "-a", "+b"]
    assert away.estimate(TALK, SETTINGS).context_tokens == 100
    assert away.cache_figures() is None and away.status().state == "ready"
    away.forget("s")
    assert not away.read_ahead(TALK, SETTINGS, session="s"), "nothing is loaded for a draft"
    assert switched.memory.log == ["+a", "-a", "+b"]


def test_an_answer_is_verified_by_the_checkpoint_that_gave_it() -> None:
    switched = two()
    ask(switched.backends["a"])
    ask(switched.backends["b"])
    assert switched.backends["a"].verify(None, "Hello", Cancel())  # type: ignore[arg-type]
    assert switched.memory.log[-1] == "+a"
