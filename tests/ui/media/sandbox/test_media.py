"""What the sandbox tells of files is what this process would have found, and what it cannot have found is not believed."""

from __future__ import annotations

import base64
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import psutil
import pytest

from model.backend import Cancel
from model.conversation import Image, Media, Video
from model.errors import MediaError
from model.media.reader import IN_THIS_PROCESS
from tests.support import media_files
from tests.support.patience import wait_until
from ui.media.sandbox.media import SandboxedMedia
from ui.media.sandbox.request import LOOKING, Limits, Request
from ui.media.sandbox.sandbox import Sandbox

TIMES = (0.0, 0.3, 0.3, 1.0, 1.9)
DAMAGED = r"^b\.\w+ is damaged; save it as PNG or JPEG, or as MP4"
TOO_MUCH = r"^b\.\w+ takes too much time or memory to read"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def pixels(reader: Any, part: Media, times: tuple[float, ...] = ()) -> list[Any]:
    return list(reader.pixels(part, times, Cancel(), lambda *_: None))


def test_pictures_are_the_same(sandbox: Sandbox, tmp_path: Path) -> None:
    reader = SandboxedMedia(sandbox)
    heic = tmp_path / "b.heic"
    pillow_heif.from_pillow(media_files.corners()).save(heic, quality=100)
    assert np.array_equal(*(pixels(r, Image(heic))[0] for r in (reader, IN_THIS_PROCESS)))
    for suffix in ("png", "jpg", "webp", "tif", "avif"):
        picture = Image(media_files.exif_rotated(tmp_path / f"a.{suffix}", 6), name="mine")
        assert reader.image_size(picture) == IN_THIS_PROCESS.image_size(picture)
        (there,), (here,) = pixels(reader, picture), pixels(IN_THIS_PROCESS, picture)
        assert np.array_equal(there, here) and there.flags.writeable


@pytest.mark.parametrize("make", [
    lambda path: Video(media_files.clip(path / "a.mp4", 20, sound=True)),
    lambda path: Video(media_files.clip(path / "a.mov", 20, degrees=90)),
    lambda path: Video(media_files.clip(path / "a.mkv", 4, times=(0.0, 0.4, 0.6, 1.6))),
    lambda path: Video(frames=tuple(media_files.solid(path / f"{c}.png", c) for c in ("red", "blue")), fps=1.0),
])  # fmt: skip
@pytest.mark.slow
def test_clips_are_the_same(make: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    reader, clip = SandboxedMedia(sandbox), make(tmp_path)
    assert reader.video_info(clip) == IN_THIS_PROCESS.video_info(clip)
    there, here = pixels(reader, clip, TIMES), pixels(IN_THIS_PROCESS, clip, TIMES)
    assert len(there) == len(TIMES) and all(map(np.array_equal, there, here))
    assert (there[1] is there[2]) == (here[1] is here[2])


def test_what_python_holds_itself_is_read_too(sandbox: Sandbox, tmp_path: Path) -> None:
    content = media_files.solid(tmp_path / "a.png").read_bytes()
    url = "data:image/png;base64," + base64.b64encode(content).decode()
    assert pixels(SandboxedMedia(sandbox), Image(url))[0].shape == (56, 56, 3)


def test_a_clip_is_decoded_no_further_than_it_is_read(sandbox: Sandbox, tmp_path: Path) -> None:
    clip = Video(media_files.clip(tmp_path / "a.mp4", 100))
    times = tuple(i / 10 for i in range(100))
    frames = SandboxedMedia(sandbox).pixels(clip, times, Cancel(), lambda *_: None)
    next(frames)
    (child,) = children(sandbox)
    wait_until(lambda: psutil.Process(child).status() == psutil.STATUS_SLEEPING)
    held = [fd for fd in Path(f"/proc/{child}/fd").iterdir() if "memfd" in os.readlink(fd)]
    assert len(held) <= 2 and psutil.Process(child).nice() == 19
    frames.close()  # type: ignore[attr-defined]
    wait_until(lambda: children(sandbox) == [])


def test_a_picture_that_somebody_waits_for_is_not_behind_everything_else(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    scan = str(media_files.solid(tmp_path / "a.tiff"))  # of which two pictures are made
    asked = Request("first_look", (scan, "a.tiff"), (scan,), LOOKING)
    with closing(sandbox.ask(asked, "a.tiff")) as messages:
        next(messages)
        (child,) = children(sandbox)
        assert psutil.Process(child).nice() == psutil.Process().nice() + 5


def test_a_job_that_ends_while_the_machine_is_busy_ends_no_other(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """What stands by hears late, and at once, that nobody waits for a job any more and that it is over."""
    reader, scan = SandboxedMedia(sandbox), media_files.solid(tmp_path / "a.png")
    times = tuple(i / 10 for i in range(20))
    clip = Video(media_files.clip(tmp_path / "a.mp4", 20))
    frames = reader.pixels(clip, times, Cancel(), lambda *_: None)
    next(frames)
    (decoding,) = children(sandbox)
    asked = Request("image_size", (Image(str(scan)),), (str(scan),), LOOKING)
    with closing(sandbox.ask(asked, "a.png")) as messages:
        next(messages)
        assert sandbox.process
        sandbox.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: children(sandbox) == [decoding])  # the other has ended, and nobody knows
    sandbox.process.send_signal(signal.SIGCONT)
    assert len(list(frames)) == len(times) - 1


def children(sandbox: Sandbox) -> list[int]:
    assert sandbox.process
    found = psutil.Process(sandbox.process.pid).children()
    return [child.pid for child in found if child.status() != psutil.STATUS_ZOMBIE]


def test_a_cancelled_clip_ends_at_once_and_so_does_its_process(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    clip = Video(media_files.clip(tmp_path / "a.mp4", 100))
    cancel = Cancel()
    frames = SandboxedMedia(sandbox).pixels(clip, (0.0, 9.0), cancel, lambda *_: None)
    next(frames)
    cancel.set()
    assert list(frames) == []
    wait_until(lambda: children(sandbox) == [])


def test_several_files_are_opened_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    reader, clip = SandboxedMedia(sandbox), Video(media_files.clip(tmp_path / "a.mp4", 20))
    waiting = [reader.pixels(clip, TIMES, Cancel(), lambda *_: None) for _ in range(8)]
    assert len([next(frames) for frames in waiting]) == 8 == len(children(sandbox))
    assert [len(list(frames)) for frames in waiting] == [len(TIMES) - 1] * 8


# Take the place of Pillow's and FFmpeg's decoders for files called b.*, and misbehave.
PLANTED = """
import os, socket, struct, json, time
import PIL.ImageFile
from model.media import image as media
real_open = media.open_image

def crash(): __import__("ctypes").string_at(0)
def hang():
    while True: pass
def hoard():
    held = []
    while True: held.append(bytearray(10**8))
def leave(): os._exit(0)
def say(*messages, blob=b""):
    channel = socket.socket(fileno=3)
    for said in messages:
        text = said if isinstance(said, bytes) else json.dumps(said).encode()
        fds = []
        if blob:
            fds = [os.memfd_create("x", os.MFD_ALLOW_SEALING if SEAL else 0)]
            os.write(fds[0], blob)
            if SEAL: __import__("fcntl").fcntl(fds[0], 1033, 14)
        socket.send_fds(channel, [struct.pack("!I", len(text)) + text], fds)
    channel.detach()
    time.sleep(600)
SEAL = True
def lie_about_size(): say({"frame": [4000, 4000]}, blob=bytes(300))
def lie_about_shape(): say({"frame": ["x", None]}, blob=bytes(300))
def without_blob(): say({"frame": [10, 10]})
def unsealed():
    global SEAL; SEAL = False
    say({"frame": [10, 10]}, blob=bytes(300))
def no_json(): say(b"{" * 1000)
def deep(): say(b"[" * 60000)
def long(): say(b" " * 100000)
def a_list(): say([1])
def again_before_anything(): say({"again": True})
def too_early(): say({"done": True})
def foreign_sentence(): say({"refused": {"template": "Pay {name} now", "values": {"name": "me"}}})
def no_sentence(): say({"refused": 7})
def hang_up():
    os.close(3)
    time.sleep(600)
def half():
    socket.socket(fileno=3).sendall(b"\\0\\0")
    os._exit(0)

def attacked(source, *args, **options):
    if "b.png" in str(source): globals()[HOW]()
    return real_open(source, *args, **options)
media.open_image = attacked
"""


NONSENSE = [
    "crash",
    "leave",
    "lie_about_size",
    "lie_about_shape",
    "without_blob",
    "unsealed",
    "no_json",
    "deep",
    "long",
    "a_list",
    "too_early",
    "half",
    "hang_up",
    "again_before_anything",
    "foreign_sentence",
    "no_sentence",
]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="seals memory as only Linux can")
@pytest.mark.parametrize(
    ("how", "said"),
    [*((how, DAMAGED) for how in NONSENSE), ("hang", TOO_MUCH), ("hoard", TOO_MUCH)],
)
def test_whatever_a_decoder_does_is_one_sentence_and_the_next_file_is_opened(
    how: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plant := tmp_path / "plant").mkdir()
    (plant / "sitecustomize.py").write_text(f"HOW = {how!r}\n{PLANTED}")
    monkeypatch.setenv("PYTHONPATH", f"{plant}{os.pathsep}{Path(__file__).parents[4]}")
    sandbox = Sandbox()
    reader = SandboxedMedia(sandbox, Limits(cpu_s=1, largest_cpu_s=1))
    with pytest.raises(MediaError, match=said):
        pixels(reader, Image(media_files.solid(tmp_path / "b.png")))
    assert len(pixels(reader, Image(media_files.solid(tmp_path / "c.png")))) == 1
    sandbox.close()
