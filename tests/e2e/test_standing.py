"""An answer stands where it was written: nothing moves when it is finished."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model.backend import Delta
from model.conversation import Conversation
from tests.e2e.chat import Chat
from tests.support.fakes import FakeBackend

# Of the first line of the last of such elements, below the question: its left and upper edge.
FIRST_LINE = """(answers) => {
  const answer = [...document.querySelectorAll(answers)].pop();
  const line = document.createRange();
  line.selectNodeContents(answer.querySelector('p').firstChild);
  const question = [...document.querySelectorAll('#chatbot .user-row')].pop().getBoundingClientRect();
  const { left, top } = line.getClientRects()[0];
  return [left - question.left, top - question.bottom];
}"""


def written_until(finished: threading.Event) -> Callable[[Conversation], Iterator[Delta]]:
    """An answer that is all there, and goes on until `finished`."""

    def answer(_: Conversation) -> Iterator[Delta]:
        yield Delta("A red boat.\n\nIt is on a lake.")
        finished.wait(60)

    return answer


@pytest.mark.parametrize("width", [1280, 390])
def test_an_answer_stays_where_it_is_when_it_is_finished(
    told: Chat, fake: FakeBackend, picture: Path, width: int
) -> None:
    told.page.set_viewport_size({"width": width, "height": 800})
    for turn, files in enumerate(((), (picture,))):
        finished = threading.Event()
        fake.answer = written_until(finished)
        told.attach(*files)
        told.send("What is it?")
        told.page.wait_for_selector("#live :text('lake')")
        written = told.page.evaluate(FIRST_LINE, "#live .prose")
        finished.set()
        told.wait("idle", after_turn=turn - 1)
        assert told.page.evaluate(FIRST_LINE, "#chatbot .bot-row .prose") == written
    told.page.set_viewport_size({"width": 1280, "height": 800})
