"""An upload takes no more than there is, whatever it says of itself, and leaves nothing when it is refused."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.fakes import FakeBackend
from tests.support.media_files import stored
from tests.support.pages import gradio_environment, listening
from tests.support.patience import becomes, scene
from tests.support.served import REPLY_S
from ui.media import disk_quota, upload_limit
from ui.media.upload_limit import (
    INSUFFICIENT_STORAGE,
    MAX_FIELDS_BYTES,
    TOO_LARGE,
    UploadLimit,
)
from ui.media.uploads import MAX_ATTACHMENTS
from ui.page.build import build_page, launch_options

MB = 2**20
MOST = 6 * MB  # of all uploads
EDGE = "edge"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("uploads")
    with gradio_environment(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk_quota, "RECOUNT_S", 0.0)
        page = build_page(FakeBackend(), max_uploads_gb=MOST / 2**30)
        with listening(page, **launch_options(page, max_file_mb=2)) as address:
            yield address, folder.resolve()


@pytest.fixture
def address(served: tuple[str, Path]) -> str:
    return served[0]


@pytest.fixture
def uploads(served: tuple[str, Path]) -> Iterator[Path]:
    """Empty before and after."""
    yield served[1]
    for path in sorted(served[1].rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def part(size: int, name: str = 'files"; filename="a.bin', fill: bytes = b"x") -> bytes:
    head = f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + fill * size + b"\r\n"


END = f"--{EDGE}--\r\n".encode()


def begun(
    address: str, declared: int | None = None, person: str = "192.0.2.1"
) -> http.client.HTTPConnection:
    """A request for an upload, up to its body."""
    where = urlsplit(address)
    assert where.hostname
    line = http.client.HTTPConnection(where.hostname, where.port, timeout=REPLY_S)
    line.putrequest("POST", "/gradio_api/upload")
    line.putheader("Content-Type", f"multipart/form-data; boundary={EDGE}")
    line.putheader("X-Forwarded-For", person)
    if declared is None:
        line.putheader("Transfer-Encoding", "chunked")
    else:
        line.putheader("Content-Length", str(declared))
    line.endheaders()
    return line


def sent(
    address: str,
    pieces: list[bytes],
    declared: int | None = None,
    person: str = "192.0.2.1",
) -> int:
    """Post a form in pieces; without a declared length they are sent as chunks."""
    line = begun(address, declared, person)
    for piece in pieces:
        line.send(piece if declared is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
    if declared is None:
        line.send(b"0\r\n\r\n")
    status = line.getresponse().status
    line.close()
    return status


@pytest.mark.slow
def test_one_request_of_many_files_stays_within_the_limit(address: str, uploads: Path) -> None:
    """R6."""
    files = [part(MB, fill=bytes([n])) for n in range(20)]
    assert sent(address, [*files, END]) == INSUFFICIENT_STORAGE
    assert stored(uploads) == 0, "what had been written of it is gone"
    assert sent(address, [part(1000), END]) == 200


@pytest.mark.usefixtures("uploads")
def test_one_address_uploads_until_it_has_its_share_and_others_go_on(address: str) -> None:
    statuses = [sent(address, [part(MB, fill=bytes([n])), END]) for n in range(8)]
    assert statuses[0] == 200 and statuses[-1] == INSUFFICIENT_STORAGE
    assert sent(address, [part(MB, fill=b"o"), END], person="203.0.113.7") == 200
    assert sent(address, [part(1000, fill=b"n"), END]) == INSUFFICIENT_STORAGE


def test_uploads_that_never_end_count_as_their_senders(address: str, uploads: Path) -> None:
    sender, lines = "192.0.2.9", list[http.client.HTTPConnection]()

    def begin() -> None:
        for number in range(4):
            lines.append(begun(address, MB + 2000, sender))
            lines[-1].send(part(MB, fill=bytes([number])))

    async def play() -> None:
        # Beside others a person's share is smaller, until it is counted that the files of the test before are gone.
        while stored(uploads) <= 3 * MB:
            while lines:
                lines.pop().close()
            await becomes(lambda: stored(uploads) == 0)
            await asyncio.to_thread(begin)
            await asyncio.sleep(1)
        mine = await asyncio.to_thread(sent, address, [part(MB, fill=b"m"), END], person=sender)
        theirs = await asyncio.to_thread(
            sent, address, [part(MB, fill=b"t"), END], person="203.0.113.7"
        )
        assert (mine, theirs) == (INSUFFICIENT_STORAGE, 200)
        for line in lines:
            line.close()
        await becomes(lambda: stored(uploads) < 2 * MB)

    scene(play)


@pytest.mark.usefixtures("uploads")
def test_a_length_that_cannot_fit_is_refused_at_once(address: str) -> None:
    """Whether a client waits with its bytes or not."""
    for pieces in ([], [b"x" * MB], [b"x" * MB] * 12):
        assert sent(address, pieces, declared=2 * MOST) == INSUFFICIENT_STORAGE


def test_each_file_is_held_to_its_own_limit_without_a_length(address: str, uploads: Path) -> None:
    assert sent(address, [part(3 * MB), END]) == TOO_LARGE
    assert sent(address, [part(MB), part(3 * MB), END]) == TOO_LARGE
    assert stored(uploads) == 0


def test_no_request_holds_more_files_than_a_message(address: str, uploads: Path) -> None:
    assert sent(address, [part(1) * MAX_ATTACHMENTS, END]) == 200
    before = stored(uploads)
    assert sent(address, [part(1) * (MAX_ATTACHMENTS + 1), END]) == TOO_LARGE
    assert stored(uploads) == before


@pytest.mark.usefixtures("uploads")
def test_what_is_no_file_is_not_kept_in_memory(address: str) -> None:
    """Gradio would join it byte by byte, and has no limit for it."""
    assert sent(address, [part(MAX_FIELDS_BYTES + 1, name="a"), END]) == TOO_LARGE
    assert sent(address, [part(1000, name="a") * 100, END]) == TOO_LARGE


def test_an_upload_that_is_broken_off_leaves_nothing(address: str, uploads: Path) -> None:
    line = begun(address, declared=MB)
    line.send(part(500_000))

    async def play() -> None:
        await becomes(lambda: stored(uploads) > 0)
        line.close()
        await becomes(lambda: stored(uploads) == 0)

    scene(play)


@pytest.mark.parametrize(
    "pieces",
    [
        [part(1000, name='other"; filename="a.bin'), END],
        [part(1000, name='files"; filename="..'), END],
        [part(1000)],  # without its end
    ],
)
def test_what_no_answer_names_does_not_stay(
    address: str, uploads: Path, pieces: list[bytes]
) -> None:
    sent(address, pieces)

    async def play() -> None:
        await becomes(lambda: not list(uploads.glob("tmp*")))

    scene(play)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", f"multipart/form-data; boundary={'x' * 5000}", "text/plain", ""],
)
def test_what_is_no_form_is_the_clients_fault(address: str, content_type: str) -> None:
    asked = httpx.post(
        f"{address}gradio_api/upload",
        content=b"x" * 1000,
        headers={"Content-Type": content_type} if content_type else {},
        timeout=REPLY_S,
    )
    assert asked.status_code == 400
    assert httpx.get(address, timeout=REPLY_S).status_code == 200


def test_an_upload_that_begins_as_another_ends_keeps_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No thread is free for a while, to remove what the other has left unfinished."""
    scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload", "headers": []}
    free, removed = threading.Event(), threading.Event()

    def later(before: float) -> None:
        free.wait(60)
        disk_quota.remove_unfinished(before)
        removed.set()

    unfinished, begun = tmp_path / "tmp_unfinished", tmp_path / "tmp_begun"

    async def break_off(*_: object) -> None:
        unfinished.write_bytes(b"x")

    async def go_on(*_: object) -> None:
        begun.write_bytes(b"x")
        await becomes(removed.is_set)
        assert begun.exists() and not unfinished.exists()

    async def play() -> None:
        limit = UploadLimit(break_off, disk_quota.DiskQuota())
        await limit(scope, None, None)  # type: ignore[arg-type]
        limit.app = go_on
        going = asyncio.ensure_future(limit(scope, None, None))  # type: ignore[arg-type]
        await asyncio.sleep(0.2)
        free.set()
        await going

    monkeypatch.setattr(upload_limit, "remove_unfinished", later)
    with gradio_environment(tmp_path):
        scene(play)
