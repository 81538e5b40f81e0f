"""One address asks so often a minute, whatever it calls itself; others do not notice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client.exceptions import AppError

from model.errors import DemoError
from tests.fakes import FakeBackend
from tests.pages import gradio_environment, listening
from tools.served import program
from ui import rates
from ui.page import build_page
from ui.rates import Rates


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_messages_are_admitted_and_then_one_at_a_time() -> None:
    clock = Clock()
    limited = Rates(6, clock)
    for _ in range(6):
        limited.admit("a")
    with pytest.raises(DemoError, match=r"at most 6 a minute; try again in 10 s\."):
        limited.admit("a")
    limited.admit("b")
    clock.now = 10.0
    limited.admit("a")
    with pytest.raises(DemoError):
        limited.admit("a")
    clock.now = 3600.0
    limited.admit("a", messages=6)


def test_a_comparison_counts_twice_and_fits_into_any_limit() -> None:
    clock = Clock()
    Rates(1, clock).admit("a", messages=2)
    limited = Rates(3, clock)
    limited.admit("a", messages=2)
    with pytest.raises(DemoError):
        limited.admit("a", messages=2)
    limited.admit("a")


def test_without_a_limit_anybody_asks_as_often_as_they_like() -> None:
    for _ in range(1000):
        Rates().admit("a")


def test_a_whole_ipv6_customer_is_one_person() -> None:
    limited = Rates(1, Clock())
    limited.admit("2001:db8:1:2::1")
    with pytest.raises(DemoError):
        limited.admit("2001:db8:1:2:ffff::9")
    with pytest.raises(DemoError):
        limited.admit("2001:db8:1:ff::1")
    limited.admit("2001:db8:1:100::1")
    limited.admit("::ffff:192.0.2.1")
    limited.admit("::ffff:192.0.2.2")


def test_addresses_are_forgotten_before_they_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rates, "MOST_ADDRESSES", 2)
    limited = Rates(1, Clock())
    for address in "abc":
        limited.admit(address)
    limited.admit("a")
    with pytest.raises(DemoError):
        limited.admit("c")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A page that takes one message a minute, behind a proxy on this machine."""
    with (
        gradio_environment(tmp_path),
        listening(build_page(FakeBackend(), requests_per_minute=1)) as address,
    ):
        yield address


def test_a_new_session_is_no_new_address_but_the_proxys_word_is(address: str) -> None:
    def ask(forwarded_for: str) -> str:
        headers = {"X-Forwarded-For": forwarded_for}
        client = program(address, headers=headers)
        return str(client.predict({"text": "Hi"}, {}, api_name="/chat")[0])

    assert ask("192.0.2.1") == "Hello"
    with pytest.raises(AppError, match="at most 1 a minute"):
        ask("192.0.2.1")
    # A client may claim what it likes: the proxy's own word comes last.
    with pytest.raises(AppError):
        ask("192.0.2.7, 192.0.2.1")
    assert ask("192.0.2.2") == "Hello"
