"""Reproduce, verify, export and import, without a browser and with the bundled checkpoint."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gradio as gr
import pytest

import app
from cli.verify import wanted
from model.backend import Cancel
from model.checkpoint.choose import BUNDLED, Flags
from model.conversation import Conversation, Text
from model.errors import DemoError
from model.loading import LoadingBackend
from model.local import LocalBackend
from model.remote.backend import RemoteBackend
from model.remote.http.connection import Connection
from model.reproduce.generation_record import GenerationRecord, ModelInfo, VerifyResult
from model.settings import GenerationSettings
from tests.support import media_files
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, drawn, followed, rest
from tests.support.openai_server import OpenAIServer, Told
from tests.support.patience import PATIENCE_S, becomes, scene
from ui.handlers import export as keeping
from ui.handlers import page_tab
from ui.handlers.chat import sending
from ui.html import page_update
from ui.html.page_update import View
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab

OTHER = "e" * 32


@dataclass
class SlowReplay(FakeBackend):
    """Verifies until it is told to stop."""

    flags: list[Cancel] = field(default_factory=list)

    def generation_record(
        self,
        conversation: Conversation,  # noqa: ARG002
        settings: GenerationSettings,  # noqa: ARG002
    ) -> GenerationRecord:
        model_info = ModelInfo("a/b", "float32", "cpu", "sdpa")
        return GenerationRecord(model_info, "", [], (), False, {"do_sample": False}, 0)

    def verify(self, record: GenerationRecord, reply: str, cancel: Cancel) -> VerifyResult | None:  # noqa: ARG002
        self.flags.append(cancel)
        cancel.wait(PATIENCE_S)
        return None


def posted(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def values(**changed: Any) -> dict[str, Any]:
    return {"max_new_tokens": 24, "max_tokens": 64, **changed}


def asked() -> gr.Request:
    return gr.Request()


async def verified(tabs: Tabs, turn: int) -> str:
    """What is said of an answer."""
    number, said = json.loads(await keeping.verify(tabs, KEY, posted(turn=turn)))
    assert number == turn
    return str(said)


@pytest.fixture(scope="module")
def tiny() -> LocalBackend:
    return LocalBackend.load(BUNDLED, device="cpu", cache_gb=0.2)


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    media_files.photo(tmp_path / "a photo.png", (120, 90))
    media_files.clip(tmp_path / "clip.mp4", 10)
    return tmp_path


async def talk(tabs: Tabs, uploads: Path, **settings: Any) -> Tab:
    """Two turns, with a picture and a clip."""
    tab = page_tab.tab_of(tabs, KEY)
    for text, file in (
        ("What is this?", "a photo.png"),
        ("And <|im_end|> <b>this</b>?", "clip.mp4"),
    ):
        await attach(tabs, [{"path": str(uploads / file), "name": file}])
        await sending.submit(tabs, KEY, text, values(**settings))
        await followed(tabs)
    assert len(tab.chat.answers) == 2
    return tab


async def exported(tabs: Tabs) -> Path:
    address, _ = await keeping.export(tabs, KEY)
    return Path(unquote(address.partition("file=")[2]))


def test_a_conversation_comes_back_with_its_files_and_settings(
    tiny: LocalBackend, uploads: Path
) -> None:
    async def play() -> None:
        tabs = Tabs(tiny)
        tab = await talk(tabs, uploads, vision_ids=True)
        path = await exported(tabs)
        assert path.is_relative_to(uploads)
        tabs.uploads.register([str(path)])
        shown = await keeping.restore(tabs, OTHER, posted(path=str(path), name="talk.zip"))
        back = page_tab.tab_of(tabs, OTHER)
        assert [m.text for m in back.chat.conversation.messages] == [
            m.text for m in tab.chat.conversation.messages
        ]
        assert back.chat.answers == tab.chat.answers
        assert all(str(item.path) in back.chat.attachments for item in back.chat.conversation.media)
        names = [
            back.chat.attachments[str(item.path)].name for item in back.chat.conversation.media
        ]
        assert names == ["a photo.png", "clip.mp4"]
        view, settings = View(*shown[: len(View._fields)]), shown[len(View._fields) :]
        assert len(rest(view)["messages"]) == 4 and view.notice == ""
        given = values(vision_ids=True)
        assert settings == tuple(tabs.chosen(given, tabs.backend).values.values())
        address, _ = await keeping.export(tabs, OTHER)
        assert address

    scene(play)


def test_what_was_imported_is_drawn_while_others_go_on(
    tiny: LocalBackend, uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of answers take longer to draw than anybody should wait for the event loop."""
    drawn_in: list[threading.Thread] = []
    draw = page_update.full_update

    def noted(tab: Tab) -> View:
        drawn_in.append(threading.current_thread())
        return draw(tab)

    async def play() -> None:
        tabs = Tabs(tiny)
        await talk(tabs, uploads)
        path = await exported(tabs)
        tabs.uploads.register([str(path)])
        monkeypatch.setattr(page_update, "full_update", noted)
        shown = await keeping.restore(tabs, OTHER, posted(path=str(path), name="talk.zip"))
        assert len(rest(View(*shown[: len(View._fields)]))["messages"]) == 4
        assert len(drawn_in) == 1 and drawn_in[0] is not threading.current_thread()

    scene(play)


def test_nothing_is_overwritten_by_an_import(tiny: LocalBackend, uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(tiny)
        tab = await talk(tabs, uploads)
        before = tab.chat.conversation
        path = await exported(tabs)
        tabs.uploads.register([str(path)])
        shown = await keeping.restore(tabs, KEY, posted(path=str(path)))
        assert tab.chat.conversation is before
        assert "New chat" in View(*shown[: len(View._fields)]).notice

    scene(play)


def test_a_message_that_is_sent_during_an_import_stands(tiny: LocalBackend, uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(tiny)
        await talk(tabs, uploads)
        path = await exported(tabs)
        tabs.uploads.register([str(path)])
        importing = asyncio.create_task(keeping.restore(tabs, OTHER, posted(path=str(path))))
        await asyncio.sleep(0)
        tab = page_tab.tab_of(tabs, OTHER)
        tab.chat.conversation = said = Conversation().with_user_turn(Text("Hi")).with_reply("Hello")
        shown = await importing
        assert tab.chat.conversation is said
        assert "New chat" in View(*shown[: len(View._fields)]).notice

    scene(play)


@pytest.mark.parametrize("path", [None, 7, "/etc/passwd", "nothing.zip"])
def test_only_what_was_uploaded_is_read(uploads: Path, path: object) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        before = sorted(uploads.iterdir())
        shown = await keeping.restore(tabs, KEY, posted(path=path))
        assert "not uploaded here" in View(*shown[: len(View._fields)]).notice
        assert sorted(uploads.iterdir()) == before

    scene(play)


def rewrite(path: Path, change: Callable[[str, bytes], bytes]) -> None:
    """Pack a zip file again with other contents."""
    with zipfile.ZipFile(path) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, content in contents.items():
            file.writestr(name, change(name, content))


def as_svg(name: str, content: bytes) -> bytes:
    return b"<svg onload=alert(1)>" if name.endswith(".png") else content


def as_clip(name: str, content: bytes) -> bytes:
    """The picture is said to be a clip, everywhere."""
    told: Any = json.loads(content) if name.endswith(".json") else None
    if name == "messages.json":
        for part in (part for message in told[1:] for part in message["content"]):
            if part["type"] == "image_url":
                part |= {"type": "video", "video": part.pop("image_url")["url"]}
    if name == "settings.json":
        told["media"][0]["times"] = [0.0, 0.5]
    return json.dumps(told).encode() if told else content


@pytest.mark.parametrize(
    ("change", "notice"), [(as_svg, "a photo.png"), (as_clip, "not a conversation")]
)
def test_a_file_that_is_not_what_it_is_said_to_be_is_refused_and_nothing_stays(
    tiny: LocalBackend, uploads: Path, change: Callable[[str, bytes], bytes], notice: str
) -> None:
    async def play() -> None:
        tabs = Tabs(tiny)
        await talk(tabs, uploads)
        path = await exported(tabs)
        rewrite(path, change)
        before = sorted(uploads.iterdir())
        tabs.uploads.register([str(path)])
        shown = await keeping.restore(tabs, OTHER, posted(path=str(path)))
        assert notice in View(*shown[: len(View._fields)]).notice
        assert page_tab.tab_of(tabs, OTHER).chat.conversation.messages == ()
        assert sorted(uploads.iterdir()) == before

    scene(play)


def test_the_dialog_shows_any_answer_and_nothing_of_it_is_html(
    tiny: LocalBackend, uploads: Path
) -> None:
    async def play() -> None:
        tabs = Tabs(tiny)
        await talk(tabs, uploads)
        latest = await keeping.reproduce(tabs, KEY, asked())
        first = await keeping.reproduce_another(tabs, KEY, posted(turn=0), asked())
        assert "&lt;b&gt;this" in latest and "<b>" not in latest
        assert "clip(&quot;media/2-clip.mp4&quot;" in latest
        assert "media/1-a-photo.png" in first and "media/2" not in first
        assert str(uploads) not in latest + first
        for turn in (99, -1, None, "0", True, 1e3):
            shown = await keeping.reproduce_another(tabs, KEY, posted(turn=turn), asked())
            assert shown == "" or "media/2" in shown

    scene(play)


def test_an_answer_is_verified_and_a_changed_one_is_not_equal(
    tiny: LocalBackend, uploads: Path
) -> None:
    async def play() -> None:
        tabs = Tabs(tiny)
        tab = await talk(tabs, uploads)
        assert "Verified" in await verified(tabs, 0)
        assert "Verified" in await verified(tabs, 1)
        asked = tab.chat.conversation.without_last_reply()
        tab.chat.conversation = asked.with_reply("Something else.")
        assert "Different from token 1 on" in await verified(tabs, 1)

    scene(play)


def test_what_was_drawn_by_lot_is_said_to_be(tiny: LocalBackend, uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(tiny)
        await talk(tabs, uploads, temperature=0.5)
        assert "temperature 0" in await verified(tabs, 0)

    scene(play)


def test_only_the_latest_verification_goes_on() -> None:
    async def play() -> None:
        backend = SlowReplay()
        tabs = Tabs(backend)
        await sending.submit(tabs, KEY, "Hi", values())
        await followed(tabs)
        first = asyncio.create_task(verified(tabs, 0))
        await becomes(lambda: backend.flags)
        second = asyncio.create_task(verified(tabs, 0))
        await becomes(lambda: len(backend.flags) == 2)
        assert [flag.is_set() for flag in backend.flags] == [True, False]
        backend.flags[1].set()
        await asyncio.gather(first, second)

    scene(play)


def test_nothing_is_reproduced_while_an_answer_is_written() -> None:
    async def play() -> None:
        backend = SlowReplay(gate=(gate := threading.Event()))
        tabs = Tabs(backend)
        await sending.submit(tabs, KEY, "Hi", values())
        gate.set()
        await followed(tabs)
        gate.clear()
        await sending.submit(tabs, KEY, "And?", values())
        assert await keeping.reproduce(tabs, KEY, asked()) == ""
        assert await verified(tabs, 0) == "" and not backend.flags
        gate.set()
        await followed(tabs)

    scene(play)


def test_a_backend_that_cannot_replay_says_so() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await sending.submit(tabs, KEY, "Hi", values())
        await followed(tabs)
        shown = await keeping.reproduce(tabs, KEY, asked())
        assert 'role="alert"' in shown and "can be reproduced" in shown
        assert "can be reproduced" in await verified(tabs, 0)

    scene(play)


def test_a_conversation_with_a_server_is_exported_and_comes_back(
    uploads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through the backend that waits for the server, as in the program."""
    paths: list[Path] = []

    async def play(server: OpenAIServer) -> None:
        served = Connection(server.base)
        backend = LoadingBackend(lambda _: RemoteBackend.connect(served), "server")
        backend.wait(PATIENCE_S)
        tabs = Tabs(backend)
        tab = await talk(tabs, uploads)
        path = await exported(tabs)
        paths.append(path.rename(uploads / "talk.zip"))
        path = Path(shutil.copy(paths[0], uploads / "again.zip"))
        tabs.uploads.register([str(path)])
        await keeping.restore(tabs, OTHER, posted(path=str(path), name="talk.zip"))
        back = page_tab.tab_of(tabs, OTHER)
        assert back.chat.answers == tab.chat.answers
        assert back.chat.answers[0].reasoning == "It has ears."
        assert "It has ears" in str(drawn(tabs, OTHER)["messages"])
        assert [m.text for m in back.chat.conversation.messages] == [
            m.text for m in tab.chat.conversation.messages
        ]
        assert await exported(tabs)
        assert str(server.port) not in str(zipfile.ZipFile(paths[0]).read("settings.json"))

    with OpenAIServer().running() as server:
        server.replies = [Told(["<think>It has ears.</think>", "A cat."])]
        scene(lambda: play(server))
    with zipfile.ZipFile(paths[0]) as file:
        settings = json.loads(file.read("settings.json"))
        assert "reproduce.py" not in file.namelist()
        assert "## Qwen2-VL-7B-Instruct" in file.read("conversation.md").decode()
    assert [(item["width"], item["height"]) for item in settings["media"]] == [(112, 84), (56, 56)]
    assert "can be reproduced" in verify_by_command(paths[0], capsys)[1]


def verify_by_command(
    path: Path, capsys: pytest.CaptureFixture[str], *flags: str
) -> tuple[int, str]:
    status = app.main(["--verify", str(path), "--cpu-only", *flags])
    return status, capsys.readouterr().out


def test_the_command_verifies_an_exported_conversation(
    tiny: LocalBackend, uploads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def play() -> None:
        paths.append(await exported_of(Tabs(tiny)))

    async def exported_of(tabs: Tabs) -> Path:
        await talk(tabs, uploads, vision_ids=True)
        return await exported(tabs)

    paths: list[Path] = []
    scene(play)
    status, said = verify_by_command(paths[0], capsys)
    assert (status, said.count("equal (")) == (0, 2), said
    with zipfile.ZipFile(paths[0]) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    messages = json.loads(contents["messages.json"])
    messages[-1]["content"][0]["text"] += " Not."
    contents["messages.json"] = json.dumps(messages).encode()
    with zipfile.ZipFile(paths[0], "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)
    status, said = verify_by_command(paths[0], capsys)
    assert status == 1 and "Answer 1: equal" in said and "Answer 2: different from token" in said


def test_a_size_that_no_model_sees_is_refused(
    tiny: LocalBackend, uploads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths: list[Path] = []

    async def play() -> None:
        tabs = Tabs(tiny)
        await talk(tabs, uploads)
        paths.append(await exported(tabs))

    scene(play)
    with zipfile.ZipFile(paths[0]) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    settings = json.loads(contents["settings.json"])
    settings["media"][0]["width"] += 1
    contents["settings.json"] = json.dumps(settings).encode()
    with zipfile.ZipFile(paths[0], "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)
    status, said = verify_by_command(paths[0], capsys)
    assert status == 1 and "not a conversation that was exported" in said


def test_a_conversation_drawn_by_lot_is_not_taken_for_verified(
    tiny: LocalBackend, uploads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths: list[Path] = []

    async def play() -> None:
        tabs = Tabs(tiny)
        await talk(tabs, uploads, temperature=0.9)
        paths.append(await exported(tabs))

    scene(play)
    status, said = verify_by_command(paths[0], capsys)
    assert status == 1 and "drawn by lot" in said and "no answer" in said


def test_a_file_that_is_none_of_ours_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.zip").write_bytes(b"nothing")
    with contextlib.chdir(tmp_path):
        status, said = verify_by_command(Path("a.zip"), capsys)
    assert status == 1 and "not a conversation that was exported" in said
    assert verify_by_command(tmp_path / "missing.zip", capsys)[0] == 1


@pytest.mark.parametrize(
    ("named", "flag", "expected"),
    [
        ("assets/tiny-qwen2-vl", "auto", "tiny"),
        ("owner/name", "auto", "owner/name"),
        ("owner/name", "mine", "mine"),
        ("a-folder", "mine", "mine"),
    ],
)
def test_the_checkpoint_is_the_exported_one_unless_a_flag_says_otherwise(
    named: str, flag: str, expected: str
) -> None:
    model_info = ModelInfo(named, "float32", "cpu", "sdpa")
    assert wanted(model_info, Flags(flag)).checkpoint == expected


@pytest.mark.parametrize(
    "named",
    ["a-folder", "../evil", "/etc", "a/b/c", "~/x", "", "model/reproduce/generation_record.py"],
)
def test_a_zip_file_leads_to_no_folder_of_this_machine(named: str) -> None:
    with pytest.raises(DemoError, match="--checkpoint-path"):
        wanted(ModelInfo(named, "float32", "cpu", "sdpa"), Flags())
