"""Uploads take a bounded part of the disk; what somebody may still need stays, and a full disk is told."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import handle_file

from model.errors import DemoError, MediaError
from tests.support.fakes import FakeBackend
from tests.support.media_files import photo
from tests.support.pages import listening
from tests.support.patience import becomes, scene
from tests.support.served import REPLY_S, program
from ui.media import disk_quota
from ui.media.disk_quota import DiskQuota, sweep
from ui.media.temp_folder import LOCK, storing
from ui.media.upload_limit import INSUFFICIENT_STORAGE
from ui.page.build import build_page
from ui.state import open_tabs as tabs
from ui.state.open_tabs import KEPT_S
from ui.state.registry import Tabs
from ui.state.tray.attachment import inspect

ROOT = Path(__file__).parents[3]


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path.resolve()


def lie_for(seconds: float, *paths: Path) -> None:
    for path in paths:
        os.utime(path, (time.time() - seconds,) * 2)


def test_old_files_that_nobody_needs_go_with_their_folders(uploads: Path) -> None:
    folder = uploads / "hash"
    folder.mkdir()
    old, needed, new, lock = (
        photo(folder / "old.png"),
        photo(uploads / "needed.png"),
        photo(uploads / "new.png"),
        uploads / LOCK,
    )
    lock.touch()
    lie_for(KEPT_S + 60, old, needed, lock, folder)
    sweep({str(needed)}, KEPT_S)
    assert not old.exists() and needed.exists() and new.exists() and lock.exists()
    lie_for(KEPT_S + 60, folder)
    sweep(set(), KEPT_S)
    assert not folder.exists()


def test_what_an_open_tab_attached_is_needed(
    uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabs, "SWEEP_S", 0.0)
    mine, nobodys = photo(uploads / "a.png"), photo(uploads / "b.png")
    open_tabs = Tabs(FakeBackend())

    async def visit() -> None:
        tab = open_tabs.open("0" * 32)
        tab.draft.attach(inspect(mine))
        thumbnail = Path(tab.draft.tray[0].thumbnail)
        lie_for(KEPT_S + 60, mine, nobodys, thumbnail)
        open_tabs.open("1" * 32)
        await becomes(lambda: not nobodys.exists())
        assert mine.exists() and thumbnail.exists()

    scene(visit)


def test_what_the_last_visitor_uploaded_goes_though_nobody_comes_after(uploads: Path) -> None:
    mine = photo(uploads / "a.png")
    lie_for(60, mine)

    async def visit() -> None:
        tabs = Tabs(FakeBackend(), kept_s=0.2)
        tab = tabs.open("0" * 32)
        tab.draft.attach(inspect(mine))
        await becomes(lambda: not mine.exists())

    scene(visit)


def test_only_a_lack_of_room_is_called_a_full_disk() -> None:
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        with pytest.raises(DemoError, match="disk is full; try again later"), storing():
            raise OSError(number, "no room")
    with pytest.raises(PermissionError), storing():
        raise PermissionError(errno.EACCES, "not yours")


@pytest.mark.slow
def test_a_full_disk_under_an_attachment_is_told(uploads: Path) -> None:
    """A limit on the size of files stands in for the disk: writing fails in the same place."""
    path = photo(uploads / "a.png")
    program = (
        "import resource, sys\n"
        "from pathlib import Path\nfrom ui.state.tray.attachment import inspect\n"
        "from model.errors import DemoError\n"
        "inspect(Path(sys.argv[1]))\n"  # starts the sandbox, which is to have no such limit
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))\n"
        "try:\n    inspect(Path(sys.argv[1]))\n"
        "except DemoError as error:\n    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert "disk is full; try again later" in run.stdout, run.stderr
    with pytest.raises(MediaError):  # it was not half-remembered
        inspect(uploads / "thumbnails")


SMALL_DISK = """
import resource, sys, time
from tests.support.fakes import FakeBackend
from tests.support.patience import becomes, scene
from ui.page.build import build_page, launch_options
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
page = build_page(FakeBackend())
_, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_options(page))
print(url, flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_after_an_upload_that_found_no_room_the_next_message_works(uploads: Path) -> None:
    command = [sys.executable, "-c", SMALL_DISK]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin and server.stdout
        url = server.stdout.readline().strip()
        with httpx.Client(base_url=url, timeout=REPLY_S) as browser:
            refused = browser.post("gradio_api/upload", files={"files": ("a.bin", bytes(10**6))})
        assert refused.status_code >= 500, "what assets/js/tray/upload.js calls not-stored"
        message = {"text": "Hi", "files": [handle_file(str(photo(uploads / "mine.png", (64, 64))))]}
        client = program(url)
        assert client.predict(message, {}, api_name="/chat")[0] == "Hello"
        client.close()
        server.stdin.close()


@pytest.fixture
def address(uploads: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:  # noqa: ARG001
    """A page whose uploads may take 100 kB altogether."""
    monkeypatch.setattr(disk_quota, "RECOUNT_S", 0.0)
    with listening(build_page(FakeBackend(), max_uploads_gb=1e5 / 2**30)) as address:
        yield address


@pytest.mark.slow
def test_uploads_are_refused_when_they_take_all_that_they_may(address: str) -> None:
    def upload(size: int) -> int:
        return httpx.post(
            f"{address}gradio_api/upload",
            files={"files": ("a.bin", os.urandom(size))},
            timeout=REPLY_S,
        ).status_code

    assert [upload(60_000), upload(60_000), upload(10)] == [200, INSUFFICIENT_STORAGE, 200]
    assert httpx.get(address, timeout=REPLY_S).status_code == 200


def test_a_disk_with_too_little_spare_takes_no_uploads(
    uploads: Path,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quota = DiskQuota()
    assert not quota.full()
    monkeypatch.setattr(disk_quota, "SPARE_BYTES", 2**62)
    monkeypatch.setattr(disk_quota, "RECOUNT_S", 0.0)
    assert quota.full()
