"""A clip that browsers cannot play is copied for looking at; what the model reads stays as it was."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.fakes import FakeBackend
from tests.support.media_files import clip
from tests.support.patience import becomes, scene
from ui.media import browser_copy as preview
from ui.media.browser_copy import clip_preview
from ui.media.disk_quota import DiskQuota
from ui.media.room import Room
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment, inspect

pytestmark = pytest.mark.slow


@pytest.fixture
def avi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two seconds of MPEG-4 at an odd size, from black to white."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    grey = [np.full((502, 1002, 3), 12 * i, dtype=np.uint8) for i in range(20)]
    return clip(tmp_path / "old.avi", grey, codec="mpeg4")


def facts(path: str) -> tuple[str, int, int, float, list[float]]:
    with av.open(path) as container:
        stream = container.streams.video[0]
        grey = [float(f.to_ndarray(format="gray").mean()) for f in container.decode(stream)]
        seconds = float((container.duration or 0) / av.time_base)
        return stream.codec_context.name, stream.width, stream.height, seconds, grey


async def copying(tabs: Tabs, clip: Path) -> tuple[Tab, Attachment]:
    """A tab to which the clip is attached, while it is copied."""
    tab = tabs.open("k")
    attachment = await asyncio.to_thread(inspect, clip)
    tab.draft.attach(attachment)
    tabs.clip_copies.start(tab, attachment)
    return tab, attachment


def test_the_copy_plays_everywhere_and_shows_the_same(avi: Path) -> None:
    codec, width, height, seconds, grey = facts(clip_preview(str(avi), 2.0, Room(DiskQuota())))
    assert codec == "h264"
    assert max(width, height) <= 640 and width % 2 == height % 2 == 0
    assert abs(width / height - 1002 / 502) < 0.02
    assert seconds == pytest.approx(2.0, abs=0.2)
    assert grey[0] < 20 and grey[-1] > 210 and len(grey) == 24


def test_a_long_clip_is_copied_only_in_part(avi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "MAX_SECONDS", 0.5)
    assert facts(clip_preview(str(avi), 2.0, Room(DiskQuota())))[3] == pytest.approx(0.5, abs=0.1)


def test_until_the_copy_is_there_a_picture_stands_for_it(avi: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        tab, attachment = await copying(tabs, avi)
        assert attachment.shown == attachment.thumbnail and not attachment.playable
        await becomes(lambda: tab.chat.attachments[attachment.path].playable)
        assert facts(tab.chat.attachments[attachment.path].shown)[0] == "h264"
        assert tab.draft.tray[0].path == str(avi)

    scene(play)


def test_a_clip_that_cannot_be_copied_keeps_its_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has neither its name nor a traceback, which strangers could fill it with."""
    caplog.set_level(logging.INFO)

    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        tab = tabs.open("k")
        path = str(tmp_path / "holiday.avi")
        gone = Attachment("1", "video", path, "holiday.avi", (2, 2), "/t.webp", "/t.webp", 1.0)
        tab.draft.attach(gone)
        tabs.clip_copies.start(tab, gone)
        assert await tabs.clip_copies.made(tab)
        assert tab.chat.attachments[gone.path].shown == "/t.webp"
        assert "could not be copied" in caplog.text
        assert "holiday" not in caplog.text and "Traceback" not in caplog.text

    scene(play)


def test_a_page_waits_for_its_own_clips_only(avi: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        mine, _ = await copying(tabs, avi)
        assert not await asyncio.wait_for(tabs.clip_copies.made(tabs.open("other")), 10.0)
        assert await tabs.clip_copies.made(mine)

    scene(play)


def test_a_clip_that_was_let_go_meanwhile_does_not_come_back(avi: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        tab, _ = await copying(tabs, avi)
        tab.clear()
        assert await tabs.clip_copies.made(tab)
        assert tab.chat.attachments == {}

    scene(play)


def test_a_clip_that_new_chat_has_put_away_comes_back_with_its_copy(avi: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab, attachment = await copying(tabs, avi)
        tab.clear()
        assert await tabs.clip_copies.made(tab)
        tab.undo_clear()
        assert facts(tab.chat.attachments[attachment.path].shown)[0] == "h264"

    scene(play)
