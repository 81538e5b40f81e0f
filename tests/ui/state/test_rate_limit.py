"""One address asks so often a minute, whatever it calls itself; others do not notice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio import Blocks
from gradio_client.exceptions import AppError

from model.errors import DemoError
from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.served import REPLY_S, program
from ui.html.page_update import View
from ui.http.access import bucket
from ui.page.build import build_page
from ui.state.rate_limit import LOOKS_PER_MESSAGE, Rates


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


def test_what_costs_as_much_as_a_message_is_counted_like_one_and_beside_them() -> None:
    limited = Rates(2, Clock())
    for _ in range(2):
        limited.admit("a")
        limited.admit_task("a")
    for admit in (limited.admit, limited.admit_task):
        with pytest.raises(DemoError, match="try again in 30 s"):
            admit("a")
    limited.admit_task("b")


def test_prices_of_somebody_who_types_are_admitted_and_those_of_a_program_are_not() -> None:
    clock = Clock()
    limited = Rates(6, clock)
    for clock.now in range(120):
        limited.admit_look("a", 6)
    with pytest.raises(DemoError, match="Too many requests"):
        for _ in range(LOOKS_PER_MESSAGE):
            limited.admit_look("a", 6)
    for _ in range(1000):
        Rates().admit_look("a")


def test_addresses_are_forgotten_before_they_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bucket, "MAX_ADDRESSES", 2)
    limited = Rates(1, Clock())
    for address in "abc":
        limited.admit(address)
    limited.admit("a")
    with pytest.raises(DemoError):
        limited.admit("c")


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Blocks]:
    """A page that takes one message a minute, behind a proxy on this machine."""
    with gradio_environment(tmp_path):
        page = build_page(FakeBackend(), requests_per_minute=1)
        with listening(page):
            yield page


@pytest.fixture
def address(page: Blocks) -> str:
    return str(page.local_url)


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


@pytest.mark.parametrize("sender", ["192.0.2.1", "192.0.2.2"])
@pytest.mark.slow
def test_an_estimate_is_counted_before_anything_is_done_for_it(address: str, sender: str) -> None:
    headers = {"X-Forwarded-For": sender}
    message = {"text": "Hi", "files": []}
    assert program(address, headers=headers).predict(message, {}, api_name="/estimate")
    with pytest.raises(AppError, match="Too many requests"):
        program(address, headers=headers).predict({"files": [7]}, {}, api_name="/estimate")
    assert program(address, headers=headers).predict(message, {}, api_name="/chat")[0] == "Hello"


def test_a_message_that_is_too_much_is_not_looked_into(address: str) -> None:
    with pytest.raises(AppError, match="must be"):
        program(address).predict({"text": 7}, {}, api_name="/chat")
    with pytest.raises(AppError, match="at most 1 a minute"):
        program(address).predict({"text": 7}, {}, api_name="/chat")


def test_a_page_that_never_opened_has_the_address_that_it_asks_from(page: Blocks) -> None:
    """Otherwise all such pages would share one limit, and anybody could use it up."""
    number = next(i for i, known in page.fns.items() if known.name == "submit")

    def send(sender: str, key: str) -> str:
        posted = {"data": [key * 32, "Hi", {}, ""], "fn_index": number, "session_hash": key}
        headers = {"X-Forwarded-For": sender}
        url = f"{page.local_url}gradio_api/run/predict"
        shown = httpx.post(url, json=posted, headers=headers, timeout=REPLY_S).json()["data"]
        return str(View(*shown).taken)

    assert send("192.0.2.1", "a") == "Hi"
    assert send("192.0.2.1", "b") == ""
    assert send("192.0.2.2", "c") == "Hi"


def test_what_a_page_does_beside_messages_is_counted_too(page: Blocks, tmp_path: Path) -> None:
    """Uploads that are opened, for example: each keeps a decoder busy."""
    opens, number = (
        next(i for i, known in page.fns.items() if known.name == name)
        for name in ("clear", "attach")
    )
    (tmp_path / "theirs.png").write_bytes(b"x")
    files = [{"path": str(tmp_path / "theirs.png"), "name": "a"}] * 200
    posted = {"data": ["a" * 32], "fn_index": number, "session_hash": "a", "event_data": {"files": files}}  # fmt: skip
    url = f"{page.local_url}gradio_api/run/predict"
    opened = {"data": ["a" * 32], "fn_index": opens, "session_hash": "a"}
    assert httpx.post(url, json=opened, timeout=REPLY_S).status_code == 200
    shown = httpx.post(url, json=posted, timeout=REPLY_S).json()["data"][0]
    assert shown.count('<p role="alert">Too many requests') == 200 - LOOKS_PER_MESSAGE
