"""The page in front of an OpenAI-compatible server, which is `transformers serve`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tests.support.chat import Chat, talking


@pytest.fixture
def remote_chat(profile: BrowserContext, behind_url: str) -> Iterator[Chat]:
    with talking(profile, behind_url) as chat:
        yield chat


def test_a_picture_is_answered_and_the_server_is_named(remote_chat: Chat, picture: Path) -> None:
    assert remote_chat.page.inner_text("#model-banner").startswith("random-30m · 127.0.0.1:")
    remote_chat.set("max-new-tokens", "8")
    remote_chat.attach(picture)
    remote_chat.page.wait_for_function(
        "/about [0-9,]+ tokens/.test(document.querySelector('#cost-card').innerText)"
    )
    remote_chat.ask("What is <b>this</b>?")
    assert remote_chat.state == "idle"
    assert remote_chat.asked == ["What is <b>this</b>?"]
    assert len(remote_chat.answered) == 1 and remote_chat.answered[0]
    assert remote_chat.page.is_visible("#export")
    assert not remote_chat.page.is_visible("#reproduce"), "only a local answer can be reproduced"
    assert "24 visual" in remote_chat.stats and "cut off" in remote_chat.stats
    assert "does not take repetition_penalty" in remote_chat.page.inner_text("#notice")
    remote_chat.ask("And now?")
    assert len(remote_chat.answered) == 2
    assert remote_chat.page.locator("#notice p").count() == 0


def test_stop_keeps_what_has_come(remote_chat: Chat) -> None:
    remote_chat.set("max-new-tokens", "4000")  # not over before it is stopped
    remote_chat.send("Tell me a long story.")
    assert len(remote_chat.growth(3)) == 3
    remote_chat.stop()
    assert len(remote_chat.answered) == 1 and remote_chat.answered[0]
    assert "stopped" in remote_chat.stats
    remote_chat.set("max-new-tokens", "4")
    remote_chat.ask("A short one.")
    assert len(remote_chat.answered) == 2
