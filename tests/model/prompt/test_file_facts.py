"""What a file was found to be is remembered until it changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from model.conversation import Image, Video
from model.errors import MediaError
from model.media import reader, video
from model.media.source import fingerprint
from model.prompt import file_facts
from model.settings import VisionSettings
from tests.support import media_files
from tests.support.patience import wait_until


def aged(path: Path) -> Path:
    """The same file, when it has been lying there for a while."""
    wait_until(lambda: file_facts._version(path) is not None)
    return path


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often a file has been looked into since this was last asked."""
    looks: list[object] = []
    for module, name in ((reader, "image_size"), (file_facts, "fingerprint"), (video, "probe")):
        real = getattr(module, name)

        def look(*args: object, real: Callable[..., object] = real, **kwargs: object) -> object:
            looks.append(args)
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, look)

    def count() -> int:
        number = len(looks)
        looks.clear()
        return number

    return count


def test_a_file_is_looked_into_once(tmp_path: Path, counted: Callable[[], int]) -> None:
    picture = Image(aged(media_files.photo(tmp_path / "a.png", (60, 40))))
    clip = Video(aged(media_files.clip(tmp_path / "a.mp4", 10)))
    for expected in (3, 0):
        assert file_facts.image_size(picture) == (60, 40)
        assert file_facts.video_info(clip).frames == 10
        assert file_facts.content_hash(picture.path) == fingerprint(picture.path)
        assert counted() == expected


def test_other_settings_are_the_same_clip_and_another_name_is_not(
    tmp_path: Path, counted: Callable[[], int]
) -> None:
    path = aged(media_files.clip(tmp_path / "a.mp4", 10))
    for vision in (VisionSettings(), VisionSettings(video_fps=1)):
        assert file_facts.video_info(Video(path, vision)).name == "a.mp4"
    assert counted() == 1
    assert file_facts.video_info(Video(path, name="b.mp4")).name == "b.mp4"


def test_other_content_of_the_same_size_and_time_is_another(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    aged(path)
    before, stat = file_facts.content_hash(path), path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_mtime_ns == stat.st_mtime_ns
    assert file_facts.content_hash(path) != before
    aged(path)
    assert file_facts.content_hash(path) == fingerprint(path)


def test_what_was_written_a_moment_ago_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in (b"one", b"two", b"six"):
        path.write_bytes(content)
        assert file_facts._version(path) is None
        assert file_facts.content_hash(path) == fingerprint(path)


def test_a_failure_is_not_remembered_and_what_is_gone_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for look in (file_facts.image_size, lambda image: file_facts.content_hash(image.path)):
        with pytest.raises(MediaError, match=r"a\.png"):
            look(Image(path))
    aged(media_files.photo(path, (60, 40)))
    assert file_facts.image_size(Image(path)) == (60, 40)
    path.unlink()
    with pytest.raises(MediaError, match=r"a\.png"):
        file_facts.image_size(Image(path))


def test_content_in_memory_has_no_file(tmp_path: Path) -> None:
    content = media_files.photo(tmp_path / "a.png", (60, 40)).read_bytes()
    assert file_facts.content_hash(content) == fingerprint(content)


def test_a_clip_with_very_many_times_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: Callable[[], int]
) -> None:
    monkeypatch.setattr(file_facts, "MAX_STAMPS", -1)
    clip = Video(aged(media_files.clip(tmp_path / "a.mp4", 10)))
    for _ in range(2):
        assert file_facts.video_info(clip).frames == 10
    assert counted() == 2
