"""One address stores its share, whatever becomes of its files; what it gave up is free again."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from model.conversation import Image, Video
from model.errors import MediaError
from model.grounding import Box
from tests.support import media_files
from tests.support.fakes import FakeBackend
from tests.support.patience import scene
from ui.html.examples import EXAMPLES
from ui.http.asker import Asker
from ui.http.share import ALONE, BESIDE_OTHERS
from ui.media import disk_quota
from ui.media.browser_copy import clip_preview
from ui.media.disk_quota import DiskQuota
from ui.media.marked_copy import Mark, marked_copy
from ui.media.model_view import frame_views, picture_view
from ui.media.room import Room
from ui.state.registry import Tabs

MOST = 1_000_000
STRANGER, OTHER = "203.0.113.7", "192.0.2.1"


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(disk_quota, "RECOUNT_S", 0.0)
    return tmp_path.resolve()


@pytest.fixture
def quota(uploads: Path) -> DiskQuota:  # noqa: ARG001
    quota = DiskQuota(MOST)
    assert not quota.full()
    return quota


def stores(room: Room, target: Path, size: int) -> None:
    with room.placed(target) as whole:
        whole.write_bytes(bytes(size))


def test_one_address_leaves_room_for_others(uploads: Path, quota: DiskQuota) -> None:
    stranger, other = Room(quota, STRANGER), Room(quota, OTHER)
    stores(stranger, uploads / "a", int(MOST * 0.7))
    with pytest.raises(MediaError, match="Your address has as much"):
        stores(stranger, uploads / "b", int(MOST * 0.1))
    stores(other, uploads / "c", int(MOST * 0.1))
    assert stranger.full() and not other.full()
    os.unlink(uploads / "a")
    assert not stranger.full()
    stores(stranger, uploads / "b", int(MOST * 0.4))
    with pytest.raises(MediaError, match="Your address has as much"):
        stores(stranger, uploads / "d", int(MOST * 0.2))


def test_where_all_is_taken_nobody_is_told_that_it_was_them(uploads: Path) -> None:
    quota = DiskQuota(10_000)
    (uploads / "a").write_bytes(bytes(20_000))
    with pytest.raises(MediaError, match="its disk may be full"):
        Room(quota, STRANGER).require()


def test_what_is_on_its_way_counts_until_it_is_a_file_or_gone(
    uploads: Path, quota: DiskQuota
) -> None:
    room, most = Room(quota, STRANGER), int(MOST * ALONE)
    with room.writing() as writing:
        writing.take(most)
        assert not quota.full() and room.full(), "also after a look at the disk"
        (uploads / "a").write_bytes(bytes(100_000))
        room.keep(uploads / "a")
    assert not room.full() and room.free_bytes == pytest.approx(most - 100_000, abs=5000)


def test_what_is_kept_during_a_look_at_the_disk_is_not_forgotten(
    uploads: Path, quota: DiskQuota, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, look = Room(quota, STRANGER), disk_quota._sizes

    def kept_meanwhile(folder: Path) -> list[tuple[str, int]]:
        seen = list(look(folder))
        (uploads / "a").write_bytes(bytes(500_000))
        room.keep(uploads / "a")
        return seen

    monkeypatch.setattr(disk_quota, "_sizes", kept_meanwhile)
    assert not room.full()
    monkeypatch.setattr(disk_quota, "_sizes", look)
    for _ in range(2):
        assert not room.full() and room.free_bytes < MOST * ALONE - 490_000


def test_what_everybody_uses_is_nobodys(uploads: Path, quota: DiskQuota) -> None:
    EXAMPLES["cat"]._place(Room(quota))
    stranger = Room(quota, STRANGER)
    stranger.keep(uploads / "examples" / EXAMPLES["cat"].files[0])
    assert not stranger.full()
    assert stranger.free_bytes == pytest.approx(MOST * ALONE, rel=0.01)


def test_a_file_that_two_have_counts_once(uploads: Path, quota: DiskQuota) -> None:
    (uploads / "a").write_bytes(bytes(100_000))
    for person in (STRANGER, OTHER, OTHER):
        quota.keep(person, uploads / "a", uploads / "gone")
    assert not quota.full()
    assert quota.free_bytes(STRANGER) == pytest.approx(MOST * ALONE - 100_000, rel=0.02)
    assert quota.free_bytes(OTHER) == pytest.approx(MOST * BESIDE_OTHERS, rel=0.02)


def test_a_file_takes_a_block_however_little_is_in_it(uploads: Path, quota: DiskQuota) -> None:
    for number in range(50):
        (uploads / str(number)).touch()
    assert not quota.full() and quota.free_bytes() <= MOST - 50 * disk_quota.MIN_FILE_BYTES


def every(uploads: Path) -> dict[str, Callable[[Room], object]]:
    picture = media_files.photo(uploads / "a.png", (64, 48))
    clip = media_files.clip(uploads / "b.mp4", 10)
    marks = (Mark(Box("", 1, 1, 20, 20), "", "#ffffff"),)
    return {
        "view": partial(picture_view, Image(picture), (56, 56)),
        "frames": partial(frame_views, Video(clip), (56, 56), (0.0, 0.5)),
        "marked": partial(marked_copy, Image(picture, name="a.png"), marks),
        "copy": partial(clip_preview, str(clip), 1.0),
    }


@pytest.mark.parametrize("kind", ["view", "frames", "marked", "copy"])
def test_what_is_made_for_somebody_is_theirs(uploads: Path, quota: DiskQuota, kind: str) -> None:
    make = every(uploads)[kind]
    before = quota.free_bytes(STRANGER)
    make(Room(quota, STRANGER))
    assert not quota.full() and quota.free_bytes(STRANGER) < before
    assert quota.free_bytes(OTHER) == pytest.approx(MOST * BESIDE_OTHERS, rel=0.05)


def test_uploads_and_looks_at_them_are_of_who_sent_them(uploads: Path) -> None:
    file = media_files.photo(uploads / "a.png")

    async def play() -> None:
        tabs = Tabs(FakeBackend(), most_bytes=MOST)
        quota, tab = tabs.background.quota, tabs.open("0" * 32)
        tab.presence.asker = Asker(STRANGER)
        tabs.uploaded([str(file)], Asker(STRANGER))
        assert not quota.full()
        uploaded = quota.free_bytes(STRANGER)
        assert uploaded < MOST * ALONE
        await tabs.background.inspect(tab, file)
        assert not quota.full() and quota.free_bytes(STRANGER) < uploaded
        assert quota.free_bytes(OTHER) > quota.free_bytes(STRANGER) - MOST * (ALONE - BESIDE_OTHERS)

    scene(play)
