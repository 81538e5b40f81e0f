"""Places that were marked in pictures: whose they are, what the model is told, and when they come back."""

from __future__ import annotations

from typing import Any

import pytest

from model.conversation import Conversation, Image
from model.errors import DemoError
from model.settings import GenerationSettings, VisionSettings
from tests.support.fakes import FakeBackend
from ui.gradio_compat import file_url
from ui.state.tab.run import Run
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment
from ui.state.tray.regions import pointed_at

PAGE = VisionSettings()
BOX = [0.1, 0.2, 0.5, 0.6]
FIRST = Attachment("1", "image", "/u/a b.png", "a.png", (280, 280), "/u/t.webp", "/u/a b.png")
SECOND = Attachment("2", "image", "/u/c.png", "c.png", (560, 280), "/u/t.webp", "/u/c.png")
BEFORE = Conversation().with_user_turn(Image("/u/a b.png")).with_reply("A picture.")


def tab(*items: Attachment) -> Tab:
    made = Tab("0" * 32, FakeBackend())
    for item in items:
        made.draft.attach(item)
    return made


def mark(tab: Tab, **posted: Any) -> None:
    tab.draft.places.add(
        pointed_at({"box": BOX, **posted}, tab.draft.context, tab.chat.attachments)
    )


def told(tab: Tab, text: str = "What is this?") -> list[str]:
    asked = tab.drafted(text, PAGE)
    assert asked
    return [region.text for region in asked.messages[-1].regions]


def test_a_place_in_the_tray_names_its_picture_by_its_number_now() -> None:
    mine = tab(FIRST, SECOND)
    mark(mine, id="2")
    assert told(mine) == ["Picture 2: <|box_start|>(100,200),(500,600)<|box_end|>\n"]
    mine.draft.move(mine.draft.tray[1], -1)
    assert told(mine)[0].startswith("Picture 1: ")


def test_it_goes_with_its_picture() -> None:
    mine = tab(FIRST, SECOND)
    mark(mine, id="2")
    mine.draft.detach("2")
    assert told(mine) == []


def test_a_place_in_the_conversation_is_found_by_what_the_page_shows() -> None:
    mine = tab(FIRST)
    mine.draft.tray.clear()
    mine.chat.conversation = BEFORE
    mark(mine, src=f"http://127.0.0.1:7860/{file_url(FIRST.shown)}")
    assert told(mine) == ["Picture 1: <|box_start|>(100,200),(500,600)<|box_end|>\n"]


def test_the_question_stands_behind_it() -> None:
    mine = tab(FIRST)
    mark(mine, id="1")
    asked = mine.drafted("What is this?", PAGE)
    assert asked and [type(part).__name__ for part in asked.messages[0].parts] == ["Image", "Text", "Text"]  # fmt: skip
    assert asked.messages[0].text == "What is this?"


def test_a_place_alone_is_no_message() -> None:
    mine = tab(FIRST)
    mine.draft.tray.clear()
    mine.chat.conversation = BEFORE
    mark(mine, src=file_url(FIRST.shown))
    assert mine.drafted("", PAGE) is None


@pytest.mark.parametrize(
    "posted",
    [
        {"box": None}, {"box": [0, 0, 1]}, {"box": ["a", 0, 1, 1]}, {"box": [0.5, 0.5, 0.5, 0.5]},
        {"box": [0.2, 0.5, 0.8, 0.505]}, {"box": [0.5, 0.2, 0.505, 0.8]},
        {"box": [float("nan"), 0, 1, 1]}, {"id": None, "src": "/etc/passwd"}, {"id": None},
    ],
)  # fmt: skip
def test_what_marks_nothing_is_refused(posted: dict[str, Any]) -> None:
    with pytest.raises(DemoError):
        mark(tab(FIRST), **{"id": "1", **posted})


def test_places_are_limited_in_number() -> None:
    mine = tab(FIRST)
    with pytest.raises(DemoError, match="take one back"):
        for _ in range(17):
            mark(mine, id="1")
    assert len(mine.draft.places.marked) == 16
    mine.draft.places.remove(mine.draft.places.marked[0].id)
    assert len(mine.draft.places.marked) == 15


def test_an_edit_sets_the_drafts_places_aside() -> None:
    mine = tab(FIRST)
    mark(mine, id="1")
    mine.chat.conversation = BEFORE
    mine.draft.edit(0)
    assert mine.draft.places.marked == []
    mine.draft.cancel_edit()
    assert len(mine.draft.places.marked) == 1


def test_a_place_in_a_picture_that_is_taken_back_goes_back_with_it() -> None:
    mine = tab(FIRST)
    mine.draft.tray.clear()
    mine.chat.conversation = BEFORE
    mark(mine, src=file_url(FIRST.shown))
    mine.undo()
    (item,) = mine.draft.tray
    assert [place.item for place in mine.draft.places.marked] == [item.id]
    assert told(mine) == ["Picture 1: <|box_start|>(100,200),(500,600)<|box_end|>\n"]


def test_a_place_of_the_draft_ends_with_its_picture() -> None:
    """As when an earlier turn is rewritten while it is set aside."""
    mine = tab(FIRST, SECOND)
    mine.draft.tray.clear()
    mine.chat.conversation = BEFORE.with_user_turn(Image(SECOND.path)).with_reply("Another.")
    mark(mine, src=file_url(FIRST.shown))
    mark(mine, src=file_url(SECOND.shown))
    mine.draft.edit(0)
    asked = mine.drafted("again", PAGE)
    assert asked
    mine.begin(Run(asked, GenerationSettings(), mine.key))
    mine.draft.sent()
    assert [place.number for place in mine.draft.places.marked] == [1]
    assert len(told(mine)) == 1


def test_a_place_is_back_in_its_picture_when_what_was_asked_of_it_is_undone() -> None:
    mine = tab(FIRST)
    mark(mine, id="1")
    asked = mine.drafted("What?", PAGE)
    assert asked
    mine.begin(Run(asked, GenerationSettings(), mine.key))
    mine.draft.sent()
    mine.chat.run, mine.chat.conversation = None, asked.with_reply("A boat.")
    mine.undo()
    assert [place.item for place in mine.draft.places.marked] == [mine.draft.tray[0].id]


def test_a_picture_that_is_being_answered_about_can_be_pointed_at_and_counts() -> None:
    mine = tab(FIRST)
    asked = mine.drafted("What?", PAGE)
    assert asked
    mine.begin(Run(asked, GenerationSettings(), mine.key))
    mine.draft.sent()
    mark(mine, src=file_url(FIRST.shown))
    mine.draft.attach(SECOND)
    assert [label for _, label in mine.draft.numbered] == ["Picture 2"]
    assert told(mine)[0].startswith("Picture 1: ")
