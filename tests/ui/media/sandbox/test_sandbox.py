"""A file that takes too much is given up in its own process; the next one is looked at as ever."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.conversation import Video
from model.errors import LocalizedText, MediaError
from model.media import container, decoding
from model.media.container import TimeBudget, opened
from model.media.decoding import PacketIndex
from model.media.video import frames
from tests.support import media_files
from tests.support.hostile_files.clips import growing, sample_bomb
from tests.support.hostile_files.pictures import scan_bomb
from ui import ROOT
from ui.media.sandbox.media import SandboxedMedia
from ui.media.sandbox.request import LOOKING, Limits
from ui.media.sandbox.sandbox import ALONE, PASSED_ON, Sandbox

TOO_MUCH = r"^a\.\w+ takes too much time or memory to read; save it as PNG or JPEG"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def looked_at(sandbox: Sandbox, file: Path, limits: Limits = LOOKING) -> tuple[int, int]:
    seen, _ = SandboxedMedia(sandbox, limits).first_look(str(file), file.name)
    return seen.size


@pytest.mark.slow
def test_a_file_that_takes_too_long_is_given_up_and_the_next_is_looked_at(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (bomb := tmp_path / "a.jpg").write_bytes(scan_bomb(80, (9000, 9000)))
    with pytest.raises(MediaError, match=TOO_MUCH):
        looked_at(sandbox, bomb, Limits(cpu_s=1, largest_cpu_s=1))
    assert looked_at(sandbox, media_files.solid(tmp_path / "b.png")) == (56, 56)


@pytest.mark.slow
def test_a_file_that_only_waits_is_given_up(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=TOO_MUCH):
        looked_at(
            sandbox, media_files.photo(tmp_path / "a.png", (3000, 2000)), Limits(wait_s=0.001)
        )


@pytest.mark.slow
def test_a_file_that_takes_too_much_memory_is_given_up(sandbox: Sandbox, tmp_path: Path) -> None:
    little = Limits(60, memory_bytes=2**29, largest_memory_bytes=2**29)
    with pytest.raises(MediaError, match=TOO_MUCH):
        looked_at(sandbox, media_files.solid(tmp_path / "a.png", size=(10_000, 9_000)), little)
    sample_bomb(clip := tmp_path / "a.mp4")
    with pytest.raises(MediaError, match=r"^a\.mp4 .*attach it again\.$"):
        looked_at(sandbox, clip, little)
    assert looked_at(sandbox, media_files.solid(tmp_path / "b.png")) == (56, 56)


@pytest.mark.slow
def test_what_it_took_is_not_taken_here(tmp_path: Path) -> None:
    """Counted in a process that looks at a bomb as the page does."""
    media_files.solid(tmp_path / "a.png", size=(10_000, 9_000))
    sample_bomb(tmp_path / "a.mp4")
    script = (
        "import resource, sys\n"
        "from ui.media.sandbox.request import Limits\n"
        "from ui.media.sandbox.media import SANDBOX, SandboxedMedia\n"
        "def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before, files = most(), SandboxedMedia(SANDBOX, Limits(60, 2**29, 60, 60, 2**29))\n"
        "for name in ('a.png', 'a.mp4'):\n"
        "    try: files.first_look(f'{sys.argv[1]}/{name}', name)\n"
        "    except Exception as error: print(type(error).__name__)\n"
        "print(most() - before)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )  # fmt: skip
    first, second, kilobytes = told.stdout.split()
    assert (first, second) == ("MediaError", "MediaError")
    assert int(kilobytes) < 50_000


@pytest.mark.slow
def test_whoever_stands_by_is_started_again_when_it_was_killed(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = media_files.solid(tmp_path / "b.png")
    assert looked_at(sandbox, good) == (56, 56)
    assert sandbox.process
    sandbox.process.kill()
    sandbox.process.wait()
    assert looked_at(sandbox, good) == (56, 56)
    assert "had ended with status -9; it is started again" in caplog.text


def test_it_is_ready_before_the_first_file(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.stand_by()
    process = sandbox.process
    assert process
    looked_at(sandbox, media_files.solid(tmp_path / "a.png"))
    assert sandbox.process is process and process.poll() is None


def test_whoever_stands_by_ends_with_who_asks_and_knows_no_keys(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    looked_at(sandbox, media_files.solid(tmp_path / "b.png"))
    process = sandbox.process
    assert process
    environment = Path(f"/proc/{process.pid}/environ")
    if environment.exists():
        names = {line.split("=")[0] for line in environment.read_text().split("\0") if line}
        assert names <= {*PASSED_ON, *ALONE}
    # An interrupt from the terminal goes to everybody in the group.
    assert os.getpgid(process.pid) != os.getpgrp()
    sandbox.close()
    assert process.returncode == 0


def test_a_file_may_take_more_the_larger_it_is() -> None:
    limits = Limits(cpu_s=3, memory_bytes=2**30, largest_cpu_s=12, largest_memory_bytes=2 * 2**30)
    assert limits.share(0.0) == (3, 2**30)
    assert limits.share(0.5) == (7.5, 2**30 + 2**29)
    assert limits.share(1.0) == (12, 2 * 2**30)


def test_a_refusal_comes_through_as_it_was_made(sandbox: Sandbox, tmp_path: Path) -> None:
    (drawing := tmp_path / "a.png").write_bytes(b"<svg/>")
    with pytest.raises(MediaError) as refusal:
        looked_at(sandbox, drawing)
    what = refusal.value.values["what"]
    assert isinstance(what, LocalizedText) and what.template == "an SVG drawing"


def test_a_clip_whose_decoding_takes_too_long_is_given_up_with_the_remedy(tmp_path: Path) -> None:
    path = media_files.clip(tmp_path / "a.mp4", 10)
    with (
        opened(str(path), "a.mp4", seconds=-1.0) as track,
        pytest.raises(MediaError, match=r"a\.mp4 takes too long to decode; choose a part"),
    ):
        next(track.packets())


def test_what_the_model_does_with_the_frames_does_not_count() -> None:
    now = [0.0]
    patience = TimeBudget(10.0, clock=lambda: now[0])
    with patience.paused():
        now[0] = 3600.0
    assert not patience.over
    now[0] = 3611.0
    assert patience.over


def test_too_many_packets_are_not_listed_and_the_frames_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = Video(media_files.clip(tmp_path / "a.mp4", 60))
    times = (0.0, 2.0, 4.0, 5.9)
    listed = [at for at, _ in frames(video, times)]
    monkeypatch.setattr(decoding, "MAX_PACKETS", 10)
    with opened(str(video.path), "a.mp4", 60.0) as track:
        assert PacketIndex.of(track.packets()) is None
    assert [at for at, _ in frames(video, times)] == listed


def test_frames_that_become_too_large_on_the_way_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing(path := tmp_path / "a.ts")
    moments = (0.0, 0.5, 1.0, 1.9)
    assert {pixels.shape[1] for _, pixels in frames(Video(path), moments)} == {64, 128}
    monkeypatch.setattr(container, "MAX_FRAME_PIXELS", 64 * 48)
    assert {pixels.shape[1] for _, pixels in frames(Video(path), moments)} == {64}
