"""Tokens are decoded on the number of threads that is fastest at the moment."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from model.backend import Cancel, Finished
from model.conversation import Conversation, Text
from model.engine.decode_threads import LONGEST_HOLD, DecodeThreads
from model.local import LocalBackend
from model.settings import GenerationSettings

pytestmark = pytest.mark.usefixtures("threads_as_before")


class Machine:
    """A clock that goes on with each token, by as much as the threads that torch has then need for it."""

    def __init__(self, seconds: dict[int, float], new_team: float = 0.0) -> None:
        self.seconds = seconds
        self.new_team = new_team  # what a change of the number costs once
        self.before = 0
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def answer(self, threads: DecodeThreads, tokens: int) -> Counter[int]:
        """Decode some tokens; how many were decoded on how many threads."""
        used: Counter[int] = Counter()
        with threads.decoding():
            for _ in range(tokens):
                number = torch.get_num_threads()
                used[number] += 1
                self.now += self.seconds[number] + self.new_team * (number != self.before)
                self.before = number
                assert not threads.token_done()
        return used


@pytest.mark.parametrize("fastest", [8, 7, 4])
def test_nearly_every_token_is_decoded_on_the_fastest_number(fastest: int) -> None:
    machine = Machine({8: 0.02, 7: 0.02, 4: 0.02} | {fastest: 0.01})
    threads = DecodeThreads(8, machine.clock)
    machine.answer(threads, 100)
    assert machine.answer(threads, 2000)[fastest] > 0.9 * 2000


def test_the_number_changes_when_the_machine_becomes_busy_and_back() -> None:
    machine = Machine({2: 0.01, 1: 0.015})
    threads = DecodeThreads(2, machine.clock)
    assert machine.answer(threads, 2000)[2] > 0.95 * 2000
    machine.seconds[2] = 0.02
    machine.answer(threads, LONGEST_HOLD + 50)
    assert machine.answer(threads, 1000)[1] > 0.9 * 1000
    machine.seconds[2] = 0.01
    machine.answer(threads, LONGEST_HOLD + 50)
    assert machine.answer(threads, 1000)[2] > 0.9 * 1000


def test_short_answers_are_learnt_from_and_the_time_between_them_is_not() -> None:
    machine = Machine({2: 0.02, 1: 0.01})
    threads = DecodeThreads(2, machine.clock)
    used: Counter[int] = Counter()
    for _ in range(200):
        used += machine.answer(threads, 6)
        machine.now += 60.0
    assert used[1] > 0.85 * 1200


def test_what_is_clearly_slower_is_not_tried_for_long() -> None:
    machine = Machine({2: 0.01, 1: 0.02})
    assert machine.answer(DecodeThreads(2, machine.clock), 256)[1] < 0.1 * 256


def test_what_is_hardly_faster_changes_nothing() -> None:
    machine = Machine({2: 0.01, 1: 0.0097})
    assert machine.answer(DecodeThreads(2, machine.clock), 1000)[2] > 0.85 * 1000


def test_what_a_change_costs_is_not_held_against_the_new_number() -> None:
    machine = Machine({2: 0.015, 1: 0.01}, new_team=0.1)
    threads = DecodeThreads(2, machine.clock)
    machine.answer(threads, 100)
    assert machine.answer(threads, 1000)[1] > 0.9 * 1000


def test_one_stall_costs_little() -> None:
    machine = Machine({2: 0.01, 1: 0.015})
    threads = DecodeThreads(2, machine.clock)
    machine.answer(threads, 500)
    used: Counter[int] = Counter()
    for _ in range(50):
        machine.seconds[2] = 0.5
        used += machine.answer(threads, 2)
        machine.seconds[2] = 0.01
        used += machine.answer(threads, 198)
    assert used[2] > 0.8 * 10_000


def test_a_core_is_left_to_others_for_a_moment() -> None:
    machine = Machine({2: 0.01, 1: 0.011})
    threads = DecodeThreads(2, machine.clock)
    threads.yield_core()
    assert machine.answer(threads, 6) == {2: 3, 1: 3}, "from the third to 50 ms"
    assert machine.answer(threads, 2) == {2: 2}


def test_a_core_that_is_free_anyway_is_left_as_it_is() -> None:
    machine = Machine({8: 0.02, 7: 0.02, 4: 0.01})
    threads = DecodeThreads(8, machine.clock)
    machine.answer(threads, 200)
    threads.yield_core()
    assert machine.answer(threads, 3) == {4: 3}


def test_a_token_that_takes_longer_than_the_page_keeps_every_core() -> None:
    machine = Machine({2: 0.4, 1: 0.8})
    threads = DecodeThreads(2, machine.clock)
    with threads.decoding():
        for _ in range(4):
            machine.now += machine.seconds[torch.get_num_threads()]
            threads.yield_core()
            threads.token_done()
            assert torch.get_num_threads() == 2


def test_a_single_core_is_always_used() -> None:
    machine = Machine({1: 0.01})
    assert machine.answer(DecodeThreads(1, machine.clock), 300) == {1: 300}


def test_afterwards_torch_has_the_threads_that_it_had() -> None:
    torch.set_num_threads(3)
    machine = Machine({2: 0.02, 1: 0.01})
    threads = DecodeThreads(2, machine.clock)
    machine.answer(threads, 100)
    assert torch.get_num_threads() == 3
    with pytest.raises(RuntimeError, match="in the middle"), threads.decoding():
        assert torch.get_num_threads() == 1
        raise RuntimeError("in the middle")
    assert torch.get_num_threads() == 3


def test_every_token_of_an_answer_is_watched(qwen2_vl: LocalBackend) -> None:
    ticks: list[int] = []

    def clock() -> float:
        ticks.append(torch.get_num_threads())
        return float(sum(ticks))  # fewer threads are faster

    before, qwen2_vl.engine.decode_threads = qwen2_vl.engine.decode_threads, DecodeThreads(2, clock)
    try:
        talk = Conversation().with_user_turn(Text("Say something."))
        settings = GenerationSettings(max_new_tokens=60)
        last = list(qwen2_vl.stream(talk, settings, Cancel()))[-1]
    finally:
        qwen2_vl.engine.decode_threads = before
    assert isinstance(last, Finished)
    assert len(ticks) == last.usage.new_tokens == 60
    assert ticks[0] == 2 and ticks[-1] == 1


def test_the_model_makes_room_for_a_page(qwen2_vl: LocalBackend) -> None:
    ticks: list[int] = []

    def clock() -> float:
        ticks.append(torch.get_num_threads())
        return len(ticks) / 1000

    before, qwen2_vl.engine.decode_threads = qwen2_vl.engine.decode_threads, DecodeThreads(2, clock)
    try:
        yield_core = qwen2_vl.status().yield_core
        assert yield_core, "it decodes on the CPU"
        yield_core()
        talk = Conversation().with_user_turn(Text("Say something."))
        list(qwen2_vl.stream(talk, GenerationSettings(max_new_tokens=6), Cancel()))
    finally:
        qwen2_vl.engine.decode_threads = before
    assert ticks[-1] == 1
