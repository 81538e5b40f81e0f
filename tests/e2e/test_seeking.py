"""A moment that an answer names shows that frame of the clip."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from model.backend import Delta
from model.conversation import Conversation
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend
from tests.support.media_files import clip as film


def moment_of(chat: Chat, player: int = 0) -> float:
    found = chat.page.locator("#chatbot .user video").nth(player).evaluate("(v) => v.currentTime")
    return float(found)


def wait_for_moment(chat: Chat, seconds: float, player: int = 0) -> None:
    """Until the player shows that frame."""
    chat.page.wait_for_function(
        """([player, seconds]) => {
          const video = document.querySelectorAll('#chatbot .user video')[player];
          return Math.abs(video.currentTime - seconds) < 0.01 && !video.seeking && video.readyState > 1;
        }""",
        arg=[player, seconds],
    )


def test_a_moment_seeks_the_clip_with_the_mouse_and_the_keyboard(
    told: Chat, fake: FakeBackend, clip: Path
) -> None:
    fake.events = [Delta("At 0:01 it turns, at 1.5 s it stops; 0:05 and `0:01` are no moments.")]
    told.attach(clip)
    told.ask("What happens?")
    links = told.page.locator("#chatbot .bot .prose a")
    assert links.all_inner_texts() == ["0:01", "1.5 s"]
    address = told.page.url
    links.nth(0).click()
    wait_for_moment(told, 1.0)
    links.nth(1).press("Enter")
    wait_for_moment(told, 1.5)
    assert told.page.url == address
    assert told.page.locator("#chatbot .bot .prose").inner_text() == (
        "At 0:01 it turns, at 1.5 s it stops; 0:05 and 0:01 are no moments."
    )


def test_moments_are_there_while_the_answer_streams(
    told: Chat, fake: FakeBackend, clip: Path
) -> None:
    seen = threading.Event()

    def answer(_: Conversation) -> Iterator[Delta]:
        yield Delta("At 0:01 it turns")
        seen.wait(600)
        yield Delta(".")

    fake.answer = answer
    told.attach(clip)
    told.send("What happens?")
    told.page.hover("#live a")
    told.page.mouse.down()  # the link may be another one when the button goes up
    wait_for_moment(told, 1.0)
    told.page.mouse.up()
    assert told.state == "answering"
    seen.set()
    told.wait("idle", after_turn=0)


def test_the_clip_that_the_answer_names_is_the_one_that_seeks(
    told: Chat, fake: FakeBackend, clip: Path, tmp_path: Path
) -> None:
    fake.events = [Delta("Video 1: 0:01\n\nVideo 2: 0:02")]
    told.attach(clip, film(tmp_path / "longer.webm", 15, fps=5, codec="vp9", size=(128, 96)))
    told.ask("Compare them.")
    links = told.page.locator("#chatbot .bot .prose a")
    links.nth(1).click()
    wait_for_moment(told, 2.0, player=1)
    assert moment_of(told) == 0
    links.nth(0).click()
    wait_for_moment(told, 1.0)


def test_an_address_within_the_page_that_the_model_wrote_is_no_link(
    told: Chat, fake: FakeBackend, clip: Path
) -> None:
    fake.events = [
        Delta("[a](#t=99&clip=7) [b](#t=javascript:alert(1)&clip=1) [at 0:01](#t=99&clip=1)")
    ]
    told.attach(clip)
    told.ask("What happens?")
    assert told.page.locator("#chatbot .bot .prose a").count() == 0
    assert "[at 0:01](#t=99&clip=1)" in told.answered[0]
