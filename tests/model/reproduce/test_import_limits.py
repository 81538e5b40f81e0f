"""A zip file that somebody drops takes no more of the server than what it was made of: time, turns, files, disk."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image as PillowImage

from model.backend import AnswerRecord
from model.conversation import Conversation, Image, Part, Text
from model.errors import DemoError
from model.reproduce import archive, archive_entries, archive_reader
from model.reproduce.archive import Archive
from model.reproduce.archive_entries import Allowance
from model.reproduce.generation_record import ModelInfo, ProcessedMedia
from model.settings import GenerationSettings
from tests.support.fakes import USAGE, FakeBackend
from tests.support.following import KEY
from tests.support.media_files import stored
from tests.support.patience import becomes, scene
from ui.handlers import export as keeping
from ui.handlers import page_tab
from ui.handlers.chat import editing
from ui.handlers.tray import attaching
from ui.html.page_update import View
from ui.http.asker import Asker
from ui.media.disk_quota import DiskQuota
from ui.state import background_work, open_tabs
from ui.state.registry import Tabs
from ui.state.tray.attachment import Attachment, inspect

TOO_LARGE = "too large to be restored"
MB = 2**20


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder.resolve()


def kept(*turns: tuple[Part, ...], reply: str = "Yes.", reasoning: str = "") -> Archive:
    talk = Conversation()
    for parts in turns:
        talk = talk.with_user_turn(*parts).with_reply(reply)
    answers = tuple(AnswerRecord(GenerationSettings(), USAGE, reasoning) for _ in turns)
    seen = tuple(ProcessedMedia(str(item.path), "image", 56, 56) for item in talk.media)
    return Archive(talk, answers, seen, ModelInfo("tiny", "float32", "cpu", "sdpa"))


def written(conversation: Archive, target: Path) -> Path:
    archive.write(conversation, target)
    return packed(contents(target), target)


def contents(source: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(source) as file:
        return {name: file.read(name) for name in file.namelist()}


def packed(entries: Mapping[str, bytes], target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return target


def picture(path: Path, trailing: int = 0, noise: bool = False) -> Path:
    """A PNG with zeros after its end, which no reader minds."""
    image = PillowImage.frombytes("RGB", (12, 12), os.urandom(432) if noise else bytes(432))
    image.save(path, "PNG")
    with path.open("ab") as file:
        file.write(bytes(trailing))
    return path


def asked(path: Path, times: int = 1) -> tuple[Part, ...]:
    return (*(Image(str(path)) for _ in range(times)), Text("What?"))


HI = (Text("Hi"),)
TOO_LONG: dict[str, Archive] = {
    "turns": kept(*[HI] * (archive_reader.MAX_TURNS + 1)),
    "parts of a turn": kept((Text("x"),) * (archive_reader.MAX_PARTS + 1)),
    "words of a person": kept((Text("x" * (archive_reader.MAX_CHARACTERS + 1)),)),
    "words in all": kept(*[HI] * 3, reply="x" * (archive_reader.MAX_CHARACTERS // 3)),
    "thoughts": kept(HI, reasoning="x" * (archive_reader.MAX_CHARACTERS + 1)),
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_conversation_that_is_too_long_is_refused(name: str, tmp_path: Path) -> None:
    source = written(TOO_LONG[name], tmp_path / "a.zip")
    assert source.stat().st_size < 20_000
    with pytest.raises(DemoError, match=TOO_LARGE):
        archive_reader.read(source, tmp_path)


def test_the_longest_conversation_comes_back(tmp_path: Path) -> None:
    longest = kept(*[HI] * archive_reader.MAX_TURNS)
    back = archive_reader.read(written(longest, tmp_path / "a.zip"), tmp_path)
    assert back.conversation == longest.conversation


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ((archive_reader.MAX_TURN_MEDIA + 1,), "not a conversation that was exported"),
        ((50,) * (archive_reader.MAX_MEDIA // 50 + 1), TOO_LARGE),
    ],
)
def test_one_picture_named_many_times_is_refused(
    tmp_path: Path, turns: tuple[int, ...], said: str
) -> None:
    file = picture(tmp_path / "a.png")
    source = written(kept(*(asked(file, times) for times in turns)), tmp_path / "a.zip")
    (folder := tmp_path / "read").mkdir()
    with pytest.raises(DemoError, match=said):
        archive_reader.read(source, folder)


@pytest.mark.parametrize(
    ("json_bomb", "said"),
    [
        (b"[" + b"[]," * 10**6 + b"[]]", TOO_LARGE),
        (
            b'["\\' + b'\\"' * 10**6,
            "not a conversation that was exported",
        ),  # a string without its end
    ],
)
def test_json_of_many_values_is_not_made_into_values(
    tmp_path: Path, json_bomb: bytes, said: str
) -> None:
    source = written(kept(HI), tmp_path / "a.zip")
    packed({**contents(source), "messages.json": json_bomb}, source)
    with pytest.raises(DemoError, match=said):
        archive_reader.read(source, tmp_path)


def test_commas_of_a_text_are_no_values(tmp_path: Path) -> None:
    long = kept((Text('1,"2",[3]' * (archive_entries.MAX_NODES // 2)),))
    back = archive_reader.read(written(long, tmp_path / "a.zip"), tmp_path)
    assert back.conversation == long.conversation


def test_media_are_not_many_times_as_large_as_their_zip_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R3: pictures that are mostly zeros after their end, each within the ratio of one file."""
    monkeypatch.setattr(archive_entries, "MAX_MORE_BYTES", MB)
    files = [picture(tmp_path / f"{n}.png", 80_000, noise=True) for n in range(20)]
    source = written(kept(*(asked(file) for file in files)), tmp_path / "a.zip")
    assert source.stat().st_size < 40_000
    (folder := tmp_path / "read").mkdir()
    with pytest.raises(DemoError, match=TOO_LARGE):
        archive_reader.read(source, folder)
    assert sum(file.stat().st_size for file in folder.iterdir()) <= MB + 4 * 40_000


def test_no_file_is_larger_than_an_upload_may_be(tmp_path: Path) -> None:
    file = picture(tmp_path / "a.png", 100_000, noise=True)
    source = tmp_path / "a.zip"
    archive.write(kept(asked(file)), source)
    with pytest.raises(DemoError, match=TOO_LARGE):
        archive_reader.read(source, tmp_path, Allowance(file_bytes=50_000))


async def imported(tabs: Tabs, source: Path, key: str = KEY) -> str:
    """Drop a zip file; what is said of it."""
    tabs.uploads.register([str(source)], page_tab.tab_of(tabs, key).presence.asker)
    shown = await keeping.restore(tabs, key, gr.EventData(None, {"path": str(source)}))
    return str(View(*shown[: len(View._fields)]).notice)


def test_imports_stay_within_the_room_for_uploads(uploads: Path, tmp_path: Path) -> None:
    """However often the same file is imported, and by however many."""
    files = [picture(tmp_path / f"{n}.png", 400_000, noise=True) for n in range(4)]
    source = tmp_path / "a.zip"
    archive.write(kept(*(asked(file) for file in files)), source)

    async def play() -> None:
        tabs = Tabs(FakeBackend(), most_bytes=6 * MB)
        said = []
        for number in range(8):
            copy = uploads / f"{number}.zip"
            copy.write_bytes(source.read_bytes())
            said.append(await imported(tabs, copy, f"{number:032x}"))
            assert stored(uploads) <= 6 * MB
        assert said[0] == "" and "could not keep the file" in said[-1]

    scene(play)


def test_one_address_imports_no_more_than_its_share(uploads: Path, tmp_path: Path) -> None:
    source = tmp_path / "a.zip"
    archive.write(kept(asked(picture(tmp_path / "a.tiff", MB, noise=True))), source)

    async def play() -> None:
        tabs = Tabs(FakeBackend(), most_bytes=8 * MB)
        said = []
        for number in range(8):
            copy = uploads / f"{number}.zip"
            copy.write_bytes(source.read_bytes())
            page_tab.tab_of(tabs, f"{number:032x}").presence.asker = Asker("203.0.113.7")
            said.append(await imported(tabs, copy, f"{number:032x}"))
        assert said[0] == "" and "Your address has as much" in said[-1]
        copy = uploads / "other.zip"
        copy.write_bytes(source.read_bytes())
        page_tab.tab_of(tabs, "f" * 32).presence.asker = Asker("192.0.2.1")
        assert await imported(tabs, copy, "f" * 32) == ""

    scene(play)


def test_one_address_imports_so_much_text_and_no_more(
    uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_tabs, "MAX_TEXT_OF_ONE", 3 * open_tabs.LONG_TEXT)
    talk = kept((Text("x" * 2 * open_tabs.LONG_TEXT),))

    async def play() -> None:
        tabs = Tabs(FakeBackend())
        said = []
        for number in range(2):
            archive.write(talk, uploads / f"{number}.zip")
            page_tab.tab_of(tabs, f"{number:032x}").presence.asker = Asker("203.0.113.7")
            said.append(await imported(tabs, uploads / f"{number}.zip", f"{number:032x}"))
        assert said[0] == "" and "close one and load this page again" in said[1]

    scene(play)


def test_new_chat_removes_what_was_imported_at_once(uploads: Path, tmp_path: Path) -> None:
    files = [picture(tmp_path / f"{n}.png", noise=True) for n in range(4)]
    source = tmp_path / "a.zip"
    archive.write(kept(*(asked(file) for file in files)), source)

    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        for _ in range(3):
            copy = uploads / "a.zip"
            copy.write_bytes(source.read_bytes())
            assert await imported(tabs, copy) == ""
            assert stored(uploads)
            await editing.clear(tabs, KEY)
            await becomes_empty(uploads)

    scene(play)


async def becomes_empty(folder: Path) -> None:
    await becomes(lambda: not stored(folder))


def test_what_another_tab_has_stays_when_it_is_let_go_here(uploads: Path) -> None:
    mine = picture(uploads / "a.png")

    async def attach(tabs: Tabs, key: str) -> None:
        tabs.uploads.register([str(mine)])
        event = gr.EventData(None, {"files": [{"path": str(mine), "name": "a.png"}]})
        await attaching.attach(tabs, key, event)

    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        other = "f" * 32
        await attach(tabs, KEY)
        await attach(tabs, other)
        await editing.clear(tabs, KEY)
        thumbnail = Path(page_tab.tab_of(tabs, other).draft.tray[0].thumbnail)
        await becomes(lambda: len(list((uploads / "thumbnails").iterdir())) == 1)
        assert mine.exists() and thumbnail.exists()
        tabs.uploads.register([str(mine)])  # somebody has just sent the same and not named it yet
        await editing.clear(tabs, other)
        await becomes(lambda: not thumbnail.exists())
        assert mine.exists()

    scene(play)


def test_a_picture_that_is_named_often_is_looked_at_once(
    uploads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R9."""
    looked: list[Path] = []

    def counted(file: Path, name: object = None) -> Attachment:
        looked.append(file)
        return inspect(file, name)

    monkeypatch.setattr(background_work, "inspect", counted)
    file = picture(tmp_path / "a.png")
    source = uploads / "a.zip"
    archive.write(kept(*[asked(file, 16)] * 4), source)

    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        assert await imported(tabs, source) == ""
        assert len(list(page_tab.tab_of(tabs, KEY).chat.conversation.media)) == 64

    scene(play)
    assert len(looked) == 1


def test_a_zip_file_is_gone_when_it_has_been_read(uploads: Path) -> None:
    """Or its owner could name it again and again."""
    source = uploads / "a.zip"
    archive.write(kept(HI), source)
    spoilt = uploads / "b.zip"
    spoilt.write_bytes(source.read_bytes()[:-30])

    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        assert await imported(tabs, source) == ""
        assert "not a conversation" in await imported(tabs, spoilt, "f" * 32)
        await becomes(lambda: not source.exists() and not spoilt.exists())

    scene(play)


def test_a_full_server_reads_no_zip_file(uploads: Path) -> None:
    source = uploads / "a.zip"
    archive.write(kept(HI), source)

    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.1)
        tabs.background.quota = DiskQuota(0)
        assert "could not keep the file" in await imported(tabs, source)

    scene(play)
