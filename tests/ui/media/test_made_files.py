"""What is made of people's files is whole when somebody can read it, counts like uploads, and goes when it is not needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image as PillowImage

from model.conversation import Image, Video
from model.errors import DemoError, MediaError
from model.grounding import Box
from tests.support import media_files
from tests.support.fakes import FakeBackend
from tests.support.following import KEY
from tests.support.patience import PATIENCE_S, becomes, scene
from ui.handlers import page_tab
from ui.handlers.chat import editing
from ui.handlers.tray import inspector as inspecting
from ui.html.examples import EXAMPLES, Example
from ui.media.browser_copy import clip_preview
from ui.media.disk_quota import DiskQuota
from ui.media.marked_copy import Mark, marked_copy
from ui.media.model_view import frame_views, picture_view
from ui.media.room import Room
from ui.state import registry as tabs
from ui.state.registry import Tabs
from ui.state.tray.attachment import inspect

MB = 2**20


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path.resolve()


class SlowQuota(DiskQuota):
    """Writes the first half of a file, then waits for others to look."""

    def __init__(self) -> None:
        super().__init__()
        self.half, self.go_on = threading.Event(), threading.Event()

    def taken(self, person: str, count: int) -> bool:
        self.half.set()
        assert self.go_on.wait(PATIENCE_S)
        return super().taken(person, count)


class OneByte(DiskQuota):
    def _left_for(self, person: str) -> float:  # noqa: ARG002
        return 1.0


def test_who_asks_for_the_same_view_meanwhile_gets_a_whole_one(uploads: Path) -> None:
    """F9: the second found a file of no bytes."""
    picture = Image(media_files.photo(uploads / "a.png", (640, 480)))
    slow = SlowQuota()
    first = threading.Thread(target=lambda: picture_view(picture, (560, 420), Room(slow)))
    first.start()
    assert slow.half.wait(PATIENCE_S)
    found = picture_view(picture, (560, 420), Room(DiskQuota()))
    assert PillowImage.open(found).convert("RGB").size == (560, 420)
    slow.go_on.set()
    first.join(PATIENCE_S)
    assert PillowImage.open(found).convert("RGB").size == (560, 420)
    assert len(list((uploads / "seen").iterdir())) == 1


def every(uploads: Path) -> dict[str, Callable[[Room], object]]:
    picture = media_files.photo(uploads / "a.png", (64, 48))
    clip = media_files.clip(uploads / "b.mp4", 10)
    marks = (Mark(Box("", 1, 1, 20, 20), "", "#ffffff"),)
    return {
        "view": partial(picture_view, Image(picture), (56, 56)),
        "frames": partial(frame_views, Video(clip), (56, 56), (0.0, 0.5)),
        "marked": partial(marked_copy, Image(picture, name="a.png"), marks),
        "copy": partial(clip_preview, str(clip), 1.0),
        "example": EXAMPLES["star"]._place,
    }


@pytest.mark.parametrize("kind", ["view", "frames", "marked", "copy", "example"])
def test_nothing_is_made_where_uploads_have_no_room(uploads: Path, kind: str) -> None:
    make = every(uploads)[kind]
    before = sorted(uploads.rglob("*.*"))
    with pytest.raises(MediaError, match="could not keep the file"):
        make(Room(DiskQuota(0)))
    assert sorted(uploads.rglob("*.*")) == before


@pytest.mark.parametrize("kind", ["view", "frames", "marked", "copy", "example"])
def test_what_does_not_fit_leaves_nothing(uploads: Path, kind: str) -> None:
    """There is room when it begins, and the file is larger."""
    make = every(uploads)[kind]
    before = sorted(path for path in uploads.rglob("*") if path.is_file())
    with pytest.raises(DemoError, match="could not keep the file"):
        make(Room(OneByte()))
    assert sorted(path for path in uploads.rglob("*") if path.is_file()) == before


def test_examples_are_never_half_there(
    uploads: Path,
) -> None:
    """F8: one visitor's copying cut off the file that another's model was reading."""
    example: Example = EXAMPLES["cat"]
    path = uploads / "examples" / example.files[0]
    example._place(Room(DiskQuota()))
    whole = path.stat().st_size
    number = path.stat().st_ino
    example._place(Room(DiskQuota()))
    assert (path.stat().st_size, path.stat().st_ino) == (whole, number), "written once"
    path.unlink()
    slow = SlowQuota()
    copying = threading.Thread(target=example._place, args=(Room(slow),))
    copying.start()
    assert slow.half.wait(PATIENCE_S)
    assert not path.exists()
    slow.go_on.set()
    copying.join(PATIENCE_S)
    assert path.stat().st_size == whole


def test_of_what_was_made_for_a_tab_only_the_latest_stays(
    uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabs, "MAX_MADE", 3)
    files = [media_files.photo(uploads / f"{number}.png") for number in range(6)]

    async def play() -> None:
        open_tabs = Tabs(FakeBackend(), undo_s=0.1)
        mine, other = page_tab.tab_of(open_tabs, KEY), page_tab.tab_of(open_tabs, "f" * 32)
        open_tabs.made(other, [str(files[1])])
        for file in files:
            open_tabs.made(mine, [str(file)])
        await becomes(
            lambda: [files.index(file) for file in files if file.exists()] == [1, 3, 4, 5]
        )
        await editing.clear(open_tabs, KEY)
        await becomes(lambda: [file.exists() for file in files].count(True) == 1)
        assert files[1].exists(), "somebody else looks at it"

    scene(play)


def test_a_look_and_a_marked_picture_go_with_the_conversation(uploads: Path) -> None:
    picture = media_files.photo(uploads / "a.png", (280, 280))

    async def play() -> None:
        open_tabs = Tabs(FakeBackend(), undo_s=0.1)
        tab = page_tab.tab_of(open_tabs, KEY)
        tab.draft.attach(inspect(picture))
        look: dict[str, Any] = {"op": "look", "id": tab.draft.tray[0].id}
        await inspecting.inspect(open_tabs, KEY, "", gr.EventData(None, look), {})
        assert list((uploads / "seen").iterdir())
        await editing.clear(open_tabs, KEY)
        await becomes(lambda: not list((uploads / "seen").iterdir()))

    scene(play)
