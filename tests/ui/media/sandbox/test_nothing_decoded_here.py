"""The page's own process decodes no picture and no clip, whatever a person does with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import av
import gradio as gr
import PIL.Image
import PIL.ImageFile
import pytest

import app
from cli.flags import connection, parser
from model.backend import Backend
from model.checkpoint.choose import Flags
from tests.support import media_files
from tests.support.following import KEY, attach, followed
from tests.support.openai_server import OpenAIServer, Told
from tests.support.patience import scene
from ui.handlers import export as keeping
from ui.handlers import marked_copy
from ui.handlers.chat import following, sending
from ui.handlers.tray import inspector as inspecting
from ui.handlers.tray import pricing, read_ahead
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab

OTHER = "f" * 32
BOX = "In picture 1: <|object_ref_start|>boat<|object_ref_end|><|box_start|>(1,1),(500,500)<|box_end|>"
SETTINGS = {
    "max_tokens": 64,
    "video_max_frames": 4,
    "video_max_tokens_per_frame": 16,
    "max_new_tokens": 2,
    "temperature": 0.0,
}


@contextmanager
def loaded(*arguments: str) -> Iterator[Backend]:
    """The backend that `python app.py` makes of these flags."""
    options = parser({}).parse_args(arguments)
    flags = Flags(options.checkpoint_path[0], cpu_only=True)
    yield app.load(options, flags, connection(options, {}), lambda *_: None)


@contextmanager
def local() -> Iterator[Backend]:
    with loaded("-c", "tiny", "--cpu-only") as backend:
        yield backend


@contextmanager
def in_front_of_a_server() -> Iterator[Backend]:
    with OpenAIServer().running() as server:
        server.replies = [Told([BOX])]
        with loaded("--backend", "openai", "--api-base", server.base) as backend:
            yield backend


@pytest.fixture
def decoded_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What this process opens to decode from here on."""
    seen: list[str] = []

    def watch(owner: Any, name: str) -> None:
        opened = getattr(owner, name)

        def watched(*args: Any, **options: Any) -> Any:
            if "w" not in (*args[1:], options.get("mode")):  # FFmpeg writes with the same call
                seen.append(f"{name} {args[:1]}")
            return opened(*args, **options)

        monkeypatch.setattr(owner, name, watched)

    watch(PIL.Image, "open")
    watch(PIL.ImageFile, "Parser")
    watch(PIL.ImageFile.ImageFile, "load")
    watch(av, "open")
    return seen


def posted(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


@pytest.mark.slow
@pytest.mark.parametrize("backend", [local, in_front_of_a_server])
def test_a_whole_turn_decodes_nothing_here(
    backend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded_here: list[str]
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    files = [
        media_files.photo(tmp_path / "a.png", (224, 168)),
        media_files.solid(tmp_path / "b.tif"),
        media_files.clip(tmp_path / "c.mp4", 20),
        media_files.clip(tmp_path / "d.avi", 20, codec="mpeg4"),
    ]
    decoded_here.clear()

    async def play(tabs: Tabs) -> None:
        tab = tabs.open(KEY)
        attached = [{"path": str(file), "name": file.name} for file in files]
        await attach(tabs, attached)
        assert tab.draft.refusals == [] and len(tab.draft.tray) == 4
        await following.play_clips(tabs, KEY)
        assert all(item.playable for item in tab.chat.attachments.values() if item.kind == "video")
        assert "tokens" in await pricing.price(tabs, KEY, "What?", SETTINGS)
        for item in tab.draft.tray:
            see = posted(op="set_resolution", id=item.id)
            dialog, _ = await inspecting.inspect(tabs, KEY, "", see, SETTINGS)
            assert "alert" not in dialog
        await read_ahead.read_ahead(tabs, KEY, SETTINGS)
        await sending.submit(tabs, KEY, "What?", SETTINGS)
        await followed(tabs)
        assert tab.chat.notice == "" and tab.chat.conversation.turns == 1
        await keep(tabs, tab, made_here=backend is local)

    with backend() as made:
        scene(lambda: play(Tabs(made)))
    assert decoded_here == []


async def keep(tabs: Tabs, tab: Tab, made_here: bool) -> None:
    """Verify the answer, save a marked picture, export, and open the export on another page."""
    if made_here:
        assert "Verified" in await keeping.verify(tabs, KEY, posted(turn=0))
    tab.chat.conversation = tab.chat.conversation.without_last_reply().with_reply(BOX)
    url, _ = await marked_copy.save_marked(tabs, KEY, posted(answer=0, picture=1))
    assert url.endswith("marked.png")
    address, _ = await keeping.export(tabs, KEY)
    archive = Path(unquote(address.partition("file=")[2]))
    tabs.uploads.register([str(archive)])
    await keeping.restore(tabs, OTHER, posted(path=str(archive), name="talk.zip"))
    assert len(list(tabs.open(OTHER).chat.conversation.media)) == 4


def test_what_is_watched_is_what_decodes(tmp_path: Path, decoded_here: list[str]) -> None:
    """So that nothing goes by unseen."""
    picture, clip = media_files.solid(tmp_path / "a.png"), media_files.clip(tmp_path / "a.mp4", 2)
    decoded_here.clear()
    PIL.Image.open(picture).load()
    with av.open(str(clip)) as container:
        next(container.decode(video=0))
    assert [seen.split()[0] for seen in decoded_here] == ["open", "load", "open"]
