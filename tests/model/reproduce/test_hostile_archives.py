"""Whatever zip file is dropped on the page is read, or refused in a sentence, and leaves nothing that it should not."""

from __future__ import annotations

import zipfile
from pathlib import Path

import gradio as gr
import pytest

from model.backend import AnswerRecord
from model.conversation import Conversation, Image, Text
from model.reproduce import archive
from model.reproduce.archive import Archive
from model.reproduce.generation_record import ModelInfo, ProcessedMedia
from model.settings import GenerationSettings
from tests.support.fakes import USAGE, FakeBackend
from tests.support.following import KEY
from tests.support.hostile_files.archives import Pack, packs
from tests.support.media_files import photo
from tests.support.patience import becomes, scene
from ui.handlers import export as keeping
from ui.handlers import page_tab
from ui.html.page_update import View
from ui.state.registry import Tabs

MOST = 8 * 2**20  # bytes of all files


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("good")
    picture = Image(str(photo(folder / "a.png", (64, 48))))
    talk = Conversation().with_user_turn(picture, Text("What?")).with_reply("A boat.")
    seen = (ProcessedMedia(str(picture.path), "image", 56, 56),)
    answers = (AnswerRecord(GenerationSettings(), USAGE, ""),)
    kept = Archive(talk, answers, seen, ModelInfo("tiny", "float32", "cpu", "sdpa"))
    archive.write(kept, folder / "a.zip")
    with zipfile.ZipFile(folder / "a.zip") as file:
        return {name: file.read(name) for name in file.namelist()}


@pytest.mark.parametrize("pack", packs(), ids=lambda pack: pack.name)
def test_a_hostile_zip_file_does_no_harm(
    pack: Pack, good: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads = tmp_path / "in" / "uploads"
    uploads.mkdir(parents=True)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    source = uploads / "a.zip"
    source.write_bytes(pack.make(good))

    async def play() -> None:
        tabs = Tabs(FakeBackend(), most_bytes=source.stat().st_size + MOST)
        tabs.uploads.register([str(source)])
        shown = await keeping.restore(tabs, KEY, gr.EventData(None, {"path": str(source)}))
        notice = str(View(*shown[: len(View._fields)]).notice)
        assert pack.said in notice and bool(pack.said) == bool(notice), notice
        await becomes(lambda: not source.exists())
        stored = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert all(path.is_relative_to(uploads) for path in stored)
        assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
        # The picture and its thumbnail.
        assert len(stored) == (0 if pack.said else 2), stored
        assert bool(page_tab.tab_of(tabs, KEY).chat.conversation.messages) is not bool(pack.said)

    scene(play)
