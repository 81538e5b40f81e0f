"""The draft of a message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.conversation import Image, Text
from model.errors import DemoError
from model.settings import VisionSettings
from tests.support.fakes import FakeBackend
from tests.support.sending import CLIP, PHOTO
from ui.state.tab import draft as drafts
from ui.state.tab.tab import Tab


def test_each_item_is_sent_with_the_resolution_of_that_moment() -> None:
    tab = Tab("k", FakeBackend())
    tab.draft.attach(PHOTO)
    tab.draft.attach(CLIP)
    drafted = tab.drafted("What?", VisionSettings(max_tokens=99))
    assert drafted
    picture, clip, text = drafted.messages[0].parts
    assert isinstance(picture, Image) and picture.vision.max_tokens == 99
    assert (clip, text) == (CLIP.part(VisionSettings(max_tokens=99)), Text("What?"))


def test_nothing_cannot_be_sent() -> None:
    assert Tab("k", FakeBackend()).drafted(" \n", VisionSettings()) is None


def test_a_tray_holds_only_so_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MAX_ATTACHMENTS", 1)
    tab = Tab("k", FakeBackend())
    tab.draft.attach(PHOTO)
    with pytest.raises(DemoError, match=r"b\.mp4 was left out"):
        tab.draft.attach(CLIP)


def test_an_item_moves_as_far_as_there_is_room() -> None:
    tab = Tab("k", FakeBackend())
    for item in (PHOTO, CLIP, third := replace(PHOTO, id="3")):
        tab.draft.attach(item)
    tab.draft.move(PHOTO, -1)
    assert tab.draft.tray == [PHOTO, CLIP, third]
    tab.draft.move(PHOTO, 1)
    assert tab.draft.tray == [CLIP, PHOTO, third]
    tab.draft.move(third, 1)
    assert tab.draft.tray == [CLIP, PHOTO, third]
