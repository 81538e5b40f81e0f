"""The process is asked to end while somebody reads an answer: the page keeps it and says so."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from playwright.sync_api import BrowserContext

from tests.support import served
from tests.support.chat import Chat


def test_an_answer_stays_on_the_page_when_its_server_ends(
    profile: BrowserContext, slow_checkpoint: Path, tmp_path: Path
) -> None:
    flags = ("--temperature=1", "--repetition-penalty=1.5", "--max-new-tokens=2000")
    with served.serve(tmp_path, slow_checkpoint, *flags) as server:
        server.wait()
        chat = Chat(profile.new_page(), server.address)
        chat.open()
        chat.send("Tell me a long story.")
        before = chat.growth(2)[-1]
        server.process.send_signal(signal.SIGTERM)
        chat.wait("stopped")
        (answer,) = chat.answered
        # A random model may begin with a sign that the live answer is shown without.
        shown, seen = (re.sub(r"\W", "", text) for text in (answer, before[: len(before) // 2]))
        assert shown.startswith(seen)
        assert "being shut down" in chat.page.inner_text("#notice [role=status]")
        assert server.process.wait(60) == 0
        chat.close()
