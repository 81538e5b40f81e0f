"""An answer stands where it was written: nothing moves when it is finished."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model.backend import Delta
from model.conversation import Conversation
from tests.support import media_files
from tests.support.chat import Chat, holding
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


TALK = "document.querySelector('#talk')"
SCROLLED = f"{TALK}.scrollTop"
AT_THE_BOTTOM = f"{TALK}.scrollHeight - {TALK}.scrollTop - {TALK}.clientHeight < 1"
ROW_HEIGHT = "document.querySelector('#chatbot .user-row').getBoundingClientRect().height"
LOADED = "[...document.querySelectorAll('#chatbot img')].every((image) => image.naturalWidth)"


VISIBILITY = "getComputedStyle(document.querySelector('#actions')).visibility"
# How far below the bottom of the view the content ends after a frame in which it has grown by 300 px.
GROW = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  await frame(); // now the page has seen the size that it has
  const chat = document.querySelector('#chatbot');
  chat.style.minHeight = `${chat.offsetHeight + 300}px`;
  await new Promise((painted) => { setTimeout(painted); });
  const { scrollHeight, scrollTop, clientHeight } = document.querySelector('#talk');
  chat.style.minHeight = '';
  await frame();
  const followed = scrollHeight > clientHeight && document.querySelector('#latest').hidden;
  return followed ? scrollHeight - scrollTop - clientHeight : null;
}"""
# From now on. What follows a press is no surprise.
WATCH_SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries())
      if (!hadRecentInput)
        window.shifts.push([value, ...sources.map(({ node }) => node?.id || node?.className || node?.nodeName)]);
  }).observe({ type: 'layout-shift' });
}"""


def written_until(
    finished: threading.Event, text: str = "A red boat.\n\nIt is on a lake."
) -> Callable[[Conversation], Iterator[Delta]]:
    """An answer that is all there, and goes on until `finished`."""

    def answer(_: Conversation) -> Iterator[Delta]:
        yield Delta(text)
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
        told.wait_until(lambda: len(told.asked) == turn + 1)  # noqa: B023 (it is waited for here)
        written = told.page.evaluate(FIRST_LINE, "#live .prose")
        assert told.page.evaluate(VISIBILITY) == "hidden"
        finished.set()
        told.wait("idle", after_turn=turn - 1)
        stands = told.page.evaluate(FIRST_LINE, "#chatbot .bot-row .prose")
        assert stands == pytest.approx(written, abs=1)  # lines begin at parts of a pixel
        assert told.page.evaluate(VISIBILITY) == "visible"
    told.page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.parametrize("width", [1280, 390])
def test_a_long_answer_is_not_scrolled_when_it_is_finished(
    told: Chat, fake: FakeBackend, width: int
) -> None:
    told.page.set_viewport_size({"width": width, "height": 800})
    finished = threading.Event()
    fake.answer = written_until(finished, "\n\n".join(["A boat."] * 60 + ["The end."]))
    told.send("Tell me.")
    told.page.wait_for_selector("#live :text('The end.')")
    told.wait_until(lambda: told.asked)
    told.page.wait_for_function(AT_THE_BOTTOM)
    written = told.page.evaluate(SCROLLED)
    finished.set()
    told.wait("idle", after_turn=0)
    told.page.wait_for_function(AT_THE_BOTTOM)
    assert abs(told.page.evaluate(SCROLLED) - written) <= 1
    told.page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.chromium_only
def test_what_comes_is_in_view_in_the_frame_in_which_it_is_drawn(
    told: Chat, fake: FakeBackend
) -> None:
    fake.events = [Delta("\n\n".join(["A boat."] * 60))]
    told.ask("Tell me.")
    told.page.wait_for_function(AT_THE_BOTTOM)
    # A busy browser may run the timer before it has drawn the frame.
    assert 0 in [told.page.evaluate(GROW) for _ in range(3)]


@pytest.mark.chromium_only
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_shifts_while_an_answer_streams_and_when_it_ends(
    told: Chat, fake: FakeBackend, picture: Path, width: int
) -> None:
    told.page.set_viewport_size({"width": width, "height": 800})
    words = [Delta(f"word {i} " if i % 17 else "\n\n- item ") for i in range(80)]
    place = Delta("<|box_start|>(100,100),(900,900)<|box_end|>")
    for turn, files in enumerate(((picture,), ())):
        fake.events, fake.pause_s = [*words, place, Delta(" is it.")], 0.02
        told.attach(*files)
        told.send("What is it?")
        told.growth(1)
        told.page.evaluate(WATCH_SHIFTS)
        told.wait("idle", after_turn=turn - 1)
        told.page.wait_for_selector("#chatbot .bot-row:last-child .marked")
        assert told.page.evaluate("window.shifts") == []
    told.page.set_viewport_size({"width": 1280, "height": 800})


def test_pictures_have_their_room_on_a_phone_before_they_are_there(
    told: Chat, tmp_path: Path
) -> None:
    told.page.set_viewport_size({"width": 390, "height": 844})
    photos = [media_files.photo(tmp_path / f"{n}.png", (640, 480), seed=n) for n in range(2)]
    told.attach(*photos)
    told.ask("What is it?")
    height = told.page.evaluate(ROW_HEIGHT)
    with holding(told.page, "**/gradio_api/file=**") as held:
        told.reload()
        told.wait("idle")
        told.wait_until(lambda: held)
        told.page.wait_for_selector("#chatbot .user-row img", state="attached")
        assert told.page.evaluate(ROW_HEIGHT) == height
        for route in held:
            route.continue_()
    told.page.wait_for_function(LOADED)
    assert told.page.evaluate(ROW_HEIGHT) == height
    told.page.set_viewport_size({"width": 1280, "height": 800})
