"""Whatever a stranger attaches works right or is refused with the remedy, and touches nothing else."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image as PillowImage
from PIL import ImageColor

from model.backend import Estimate
from model.checkpoint import load as checkpoint
from model.checkpoint.choose import BUNDLED, Flags, choose
from model.conversation import Conversation
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.support import following
from tests.support.following import KEY, followed
from tests.support.hostile_files import cases
from tests.support.hostile_files.case import Case
from tests.support.media_files import CORNERS, SMALL, number_of, photo
from tests.support.pages import gradio_environment, listening
from tests.support.patience import scene
from tests.support.served import program
from ui.handlers.chat import sending
from ui.handlers.tray import pricing
from ui.media.disk_quota import DiskQuota
from ui.media.model_view import frame_views, picture_view
from ui.media.room import Room
from ui.media.sandbox.media import STRANGERS_MEDIA
from ui.page.build import build_page
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab
from ui.text.chinese import CHINESE
from ui.text.korean import KOREAN

pytestmark = pytest.mark.slow

OTHER = "f" * 32
CASES = cases()
WORKING = [case for case in CASES if not case.refused]
AT_ONCE = [case for case in CASES if case.refused and case.when == "attaching"]
BEFORE_SENDING = [case for case in CASES if case.refused and case.when == "pricing"]
SHORT = GenerationSettings(max_new_tokens=2)
REMEDY = re.compile(
    r"[;,] (so )?(attach|save|convert|crop|make it smaller|choose|trim|unpack)\b.*\.$"
)


def values(**changed: Any) -> dict[str, Any]:
    small = {"max_tokens": 64, "video_max_frames": 4, "video_max_tokens_per_frame": 16}
    return {**small, "max_new_tokens": 2, **changed}


def named(case: Case) -> str:
    return case.name


@pytest.fixture(scope="module")
def local() -> LocalBackend:
    """The bundled checkpoint as the page has it: files are opened in the sandbox, and a clip may have an hour."""
    flags = Flags(str(BUNDLED), True)
    choice = choose(checkpoint.detect_hardware(), flags)
    return LocalBackend.from_choice(
        choice, cache_gb=0.1, max_video_seconds=3600, reader=STRANGERS_MEDIA
    )


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


async def attach(tabs: Tabs, key: str, path: Path, name: str = "") -> str:
    file = {"path": str(path), "name": name or path.name}
    return await following.attach(tabs, [file], key)


async def opened(local: LocalBackend, uploads: Path) -> Tabs:
    """Two people, each with a photo in the tray."""
    tabs = Tabs(local)
    for key in (KEY, OTHER):
        await attach(tabs, key, photo(uploads / "good.png", (84, 84)))
    return tabs


def made(case: Case, uploads: Path) -> Path:
    """The file of a case, stored as an upload is: under a name that is possible here."""
    folder = uploads / "upload"
    folder.mkdir()
    path = folder / re.sub(r"[^\w.-]", "", case.name)
    case.make(path)
    return path


def shown_name(case: Case) -> str:
    return case.name.replace("\n", "")


def untouched(tab: Tab) -> None:
    assert [item.name for item in tab.draft.tray] == ["good.png"]
    assert (tab.draft.refusals, tab.chat.notice, tab.chat.conversation) == ([], "", Conversation())


def explained(sentence: str) -> None:
    """It ends with what to do, in every language."""
    assert REMEDY.search(sentence), sentence
    assert "Traceback" not in sentence and "/" not in sentence
    for texts in (CHINESE, KOREAN):
        assert texts.said(sentence) != sentence


def seen(tab: Tab, estimate: Estimate) -> list[PillowImage.Image]:
    """What the page says that the model sees of the second item."""
    item, cost = tab.draft.tray[1], estimate.items[1]
    part: Any = item.part(SMALL)
    if item.kind == "image":
        paths = [picture_view(part, cost.resized, Room(DiskQuota()))]
    else:
        paths = frame_views(part, cost.resized, cost.times, Room(DiskQuota()))
    return [PillowImage.open(path).convert("RGB") for path in paths]


def are_corners(picture: PillowImage.Image) -> bool:
    right, bottom = picture.width - 4, picture.height - 4
    places = (3, 3), (right, 3), (3, bottom), (right, bottom)
    for place, colour in zip(places, CORNERS, strict=True):
        pixel = np.asarray(picture.getpixel(place), int)
        if np.abs(pixel - np.asarray(ImageColor.getrgb(colour))).max() > 60:
            return False
    return True


def test_there_are_enough_of_them_and_each_is_one() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", WORKING, ids=named)
def test_an_unusual_file_is_seen_as_it_is_and_answered_about(
    case: Case, local: LocalBackend, uploads: Path
) -> None:
    async def play() -> None:
        tabs = await opened(local, uploads)
        await attach(tabs, KEY, made(case, uploads), case.name)
        tab = tabs.open(KEY)
        assert tab.draft.refusals == []
        item = tab.draft.tray[1]
        assert (item.kind, item.size, item.name) == (case.kind, case.size, shown_name(case))
        draft = tab.drafted("What?", SMALL)
        assert draft
        estimate = local.estimate(draft, SHORT)
        cost = estimate.items[1]
        assert (cost.kind, cost.original) == (case.kind, case.size)
        width, height = cost.resized
        assert cost.tokens == width * height // 28**2 * max(1, cost.frames // 2) > 0
        looked_at = seen(tab, estimate)
        assert len(looked_at) == max(1, cost.frames)
        assert {look.size for look in looked_at} == {cost.resized}
        if case.upright:
            assert all(map(are_corners, looked_at))
        if case.numbers:
            assert [number_of(np.asarray(look)) for look in looked_at] == list(case.numbers)
        await answered(tabs, estimate)
        untouched(tabs.open(OTHER))

    scene(play)


async def answered(tabs: Tabs, estimate: Estimate) -> None:
    await sending.submit(tabs, KEY, "What?", values())
    last = await followed(tabs)
    tab = tabs.open(KEY)
    assert 'data-state="idle" data-turn="1"' in last.run_state and last.notice == ""
    assert tab.chat.conversation.turns == 1 and tab.draft.tray == []
    usage = tab.chat.usage
    assert usage and usage.prompt_tokens == estimate.prompt_tokens
    assert usage.visual_tokens == sum(item.tokens for item in estimate.items)


@pytest.mark.parametrize("case", AT_ONCE, ids=named)
def test_what_cannot_be_read_is_refused_in_the_tray_and_what_is_there_stays(
    case: Case, local: LocalBackend, uploads: Path
) -> None:
    async def play() -> None:
        tabs = await opened(local, uploads)
        tab = tabs.open(KEY)
        tab.language = "zh"
        tray = await attach(tabs, KEY, made(case, uploads), case.name)
        (sentence,) = tab.draft.refusals
        assert case.refused in sentence and case.name in sentence
        explained(sentence)
        assert html.escape(CHINESE.said(sentence)) in tray
        assert [item.name for item in tab.draft.tray] == ["good.png"]
        untouched(tabs.open(OTHER))

    scene(play)


@pytest.mark.parametrize("case", BEFORE_SENDING, ids=named)
def test_what_no_model_takes_is_said_before_sending_and_nothing_is_lost(
    case: Case, local: LocalBackend, uploads: Path
) -> None:
    async def play() -> None:
        tabs = await opened(local, uploads)
        tab = tabs.open(KEY)
        await attach(tabs, KEY, made(case, uploads), case.name)
        assert case.refused in html.unescape(await pricing.price(tabs, KEY, "What?", values()))
        await sending.submit(tabs, KEY, "What?", values())
        last = await followed(tabs)
        assert last.returned == "What?" and case.refused in tab.chat.notice
        explained(tab.chat.notice)
        assert [item.name for item in tab.draft.tray] == ["good.png", case.name]
        tab.draft.detach(tab.draft.tray[1].id)
        await sending.submit(tabs, KEY, "What?", values())
        assert 'data-state="idle"' in (await followed(tabs)).run_state
        untouched(tabs.open(OTHER))

    scene(play)


def test_a_long_clip_is_answered_about_in_part(local: LocalBackend, uploads: Path) -> None:
    hours = next(case for case in CASES if case.name == "three-hours.mp4")

    async def play() -> None:
        tabs = await opened(local, uploads)
        await attach(tabs, KEY, made(hours, uploads))
        cost = await pricing.price(tabs, KEY, "What?", values(video_end_s=60.0))
        assert "tokens" in cost and "alert" not in cost

    scene(play)


@pytest.mark.parametrize("becomes", ["gone", "folder", "pipe", "text", "other size"])
@pytest.mark.parametrize("suffix", ["png", "mp4"])
def test_a_file_that_changes_after_it_was_attached_costs_a_sentence_at_most(
    becomes: str, suffix: str, local: LocalBackend, uploads: Path
) -> None:
    attached = next(c for c in WORKING if c.name == {"png": "form.png", "mp4": "stream.ts"}[suffix])

    async def play() -> None:
        tabs = await opened(local, uploads)
        path = made(attached, uploads)
        await attach(tabs, KEY, path)
        replace(path, becomes)
        await pricing.price(tabs, KEY, "What?", values())
        await sending.submit(tabs, KEY, "What?", values())
        last = await followed(tabs)
        tab = tabs.open(KEY)
        if becomes == "other size" and suffix == "png":
            assert tab.chat.conversation.turns == 1
        else:
            assert last.returned == "What?" and len(tab.draft.tray) == 2
            explained(tab.chat.notice)
        untouched(tabs.open(OTHER))

    scene(play)


def replace(path: Path, becomes: str) -> None:
    path.unlink()
    match becomes:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "text":
            path.write_text("hello" * 100)
        case "other size":
            photo(path.with_name("other.png"), (200, 100)).rename(path)


def test_the_whole_heap_at_once_leaves_only_what_is_good(
    local: LocalBackend, uploads: Path
) -> None:
    """Everything in one upload, as a person drops a folder."""
    heap = [case for case in CASES if case.name not in ("8k.mp4", "tags.png", "crowded.mkv")]

    async def play() -> None:
        tabs = await opened(local, uploads)
        tab = tabs.open(KEY)
        files = []
        for number, case in enumerate(heap):
            (uploads / str(number)).mkdir()
            path = uploads / str(number) / re.sub(r"[^\w.-]", "", case.name)
            case.make(path)
            files.append({"path": str(path), "name": case.name})
        tray = await following.attach(tabs, files, KEY)
        taken = [shown_name(c) for c in heap if not c.refused or c.when == "pricing"]
        assert [item.name for item in tab.draft.tray] == ["good.png", *taken][:64]
        assert len(tab.draft.refusals) == 1 + len(heap) - len(tab.draft.tray)
        assert tray.count('role="alert"') == len(tab.draft.refusals)
        assert tab.chat.conversation == Conversation()
        untouched(tabs.open(OTHER))

    scene(play)


@pytest.fixture(scope="module")
def url(local: LocalBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        gradio_environment(tmp_path_factory.mktemp("uploads")),
        listening(
            build_page(local, given={**asdict(VisionSettings()), **asdict(SHORT)})
        ) as address,
    ):
        yield address


@pytest.mark.parametrize(
    "name", ["held-6.jpg", "27x300.png", "held-90.mp4", "1x20000.png", "bomb.png", "samples.mp4"]
)
def test_a_program_gets_the_same_over_http_and_goes_on(name: str, url: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == name)
    case.make(tmp_path / name)
    client = program(url)
    small = {"max_tokens": 64, "video_max_frames": 4, "video_max_tokens_per_frame": 16}

    def ask(endpoint: str, *files: Path) -> Any:
        message = {"text": "What?", "files": [handle_file(str(file)) for file in files]}
        return client.predict(message=message, settings=small, api_name=endpoint)

    good = photo(tmp_path / "good.png", (84, 84))
    if case.refused:
        for endpoint in ("/estimate", "/chat"):
            with pytest.raises(AppError, match=re.escape(case.refused)):
                ask(endpoint, good, tmp_path / name)
    else:
        estimate = ask("/estimate", good, tmp_path / name)
        assert estimate["items"][1]["original"] == list(case.size)
        _, usage = ask("/chat", good, tmp_path / name)
        assert usage["visual_tokens"] == sum(item["tokens"] for item in estimate["items"])
    assert ask("/chat", good)[1]["stop_reason"] in ("stop", "length")
