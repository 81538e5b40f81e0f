"""What an answer points at is drawn on its picture, as it streams and afterwards."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import FloatRect, Locator

from model.backend import Delta, Status
from model.conversation import Conversation
from tests.support import media_files
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend

BOAT = "<|object_ref_start|>a boat<|object_ref_end|><|box_start|>(250,500),(750,1000)<|box_end|>"
SAIL = "<|object_ref_start|>its sail<|object_ref_end|><|box_start|>(500,250)<|box_end|>"
SHARE = [0.25, 0.5, 0.5, 0.5]  # of the picture, where the boat is


def rectangle(element: Locator) -> FloatRect:
    found = element.bounding_box()
    assert found
    return found


def share(frame: Locator, mark: Locator) -> list[float]:
    """Left, top, width and height of a mark, in parts of the picture."""
    outer, inner = rectangle(frame), rectangle(mark)
    return [
        (inner["x"] - outer["x"]) / outer["width"],
        (inner["y"] - outer["y"]) / outer["height"],
        inner["width"] / outer["width"],
        inner["height"] / outer["height"],
    ]


def test_boxes_appear_as_they_are_written_and_the_picture_is_not_loaded_again(
    told: Chat, fake: FakeBackend, picture: Path
) -> None:
    seen = threading.Event()

    def answer(_: Conversation) -> Iterator[Delta]:
        yield Delta(f"See {BOAT}")
        seen.wait(600)
        yield Delta(SAIL)

    fake.answer = answer
    told.attach(picture)
    told.send("Where is the boat?")
    arriving = told.page.locator("#live-places .frame")
    arriving.locator(".box").wait_for()
    assert told.state == "answering" and arriving.locator(".point").count() == 0
    assert "<|" not in told.live
    arriving.locator("img").evaluate("(img) => { img.kept = true; }")
    seen.set()
    told.wait("idle", after_turn=0)
    frame = told.page.locator("#chatbot .bot-row .frame")
    assert frame.locator("img").evaluate("(img) => img.kept && img.naturalWidth") == 160
    assert frame.locator(".caption").all_inner_texts() == ["1 a boat", "2 its sail"]
    assert share(frame, frame.locator(".box")) == pytest.approx(SHARE, abs=0.01)
    assert share(frame, frame.locator(".point"))[:2] == pytest.approx([0.5, 0.25], abs=0.01)
    assert told.page.locator("#live-places .marked").count() == 0


def test_each_picture_has_its_own_places_and_a_reload_keeps_them(
    told: Chat, fake: FakeBackend, picture: Path, tmp_path: Path
) -> None:
    fake.events = [Delta(f"Picture 2: {BOAT}")]
    other = media_files.solid(tmp_path / "other.png", "green", (90, 300))
    told.attach(picture, other)
    told.ask("Where is the boat?")
    fake.events = [Delta(BOAT)]
    told.ask("And in picture 1?")

    def captions() -> list[str]:
        return told.page.locator("#chatbot .bot-row figcaption").all_inner_texts()

    assert captions() == ["Picture 2 · other.png", "Picture 1 · red boat.png"]
    told.reload()
    told.page.wait_for_function("document.querySelectorAll('#chatbot .marked').length === 2")
    assert captions() == ["Picture 2 · other.png", "Picture 1 · red boat.png"]
    told.wait("idle")
    told.page.click("#undo")
    told.page.wait_for_function("document.querySelectorAll('#chatbot .marked').length === 1")


def test_positions_are_listed_and_copied_in_original_pixels(
    told: Chat, fake: FakeBackend, picture: Path
) -> None:
    fake.events = [Delta(BOAT + SAIL)]
    told.attach(picture)
    told.ask("Where is the boat?")
    assert not told.page.is_visible(".marked table")
    told.page.press(".marked summary", "Enter")
    rows = told.page.locator(".marked tbody tr").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["1", "a", "boat", "40", "60", "120", "120"],
        ["2", "its", "sail", "80", "30"],
    ]
    told.page.click(".marked .copy-places")
    told.page.wait_for_function(
        "document.querySelector('.marked .copy-places').textContent === 'Copied'"
    )
    assert json.loads(told.page.evaluate("navigator.clipboard.readText()")) == [
        {"label": "a boat", "x1": 40, "y1": 60, "x2": 120, "y2": 120},
        {"label": "its sail", "x": 80, "y": 30},
    ]


def test_the_picture_opens_large_and_is_saved_with_what_is_marked(
    told: Chat, fake: FakeBackend, picture: Path, tmp_path: Path
) -> None:
    fake.events = [Delta(BOAT)]
    told.attach(picture)
    told.ask("Where is the boat?")
    told.page.click("#chatbot .marked .canvas")
    large = told.page.locator("dialog[open] .frame")
    large.wait_for()
    assert share(large, large.locator(".box")) == pytest.approx(SHARE, abs=0.01)
    told.page.keyboard.press("Escape")
    with told.page.expect_download() as download:
        told.page.click("#chatbot .marked .save-marked")
    assert download.value.suggested_filename == "red boat marked.png"
    download.value.save_as(tmp_path / "saved.png")
    saved = Image.open(tmp_path / "saved.png")
    assert saved.size == (160, 120)
    assert saved.getpixel((40, 90)) != (255, 0, 0) == saved.getpixel((80, 90))


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_boxes_lie_on_a_turned_picture_as_it_is_seen(
    suffix: str, told: Chat, fake: FakeBackend, tmp_path: Path
) -> None:
    fake.events = [Delta(BOAT)]
    told.attach(media_files.exif_rotated(tmp_path / f"a.{suffix}", 6, (640, 320)))
    told.ask("Where?")
    frame = told.page.locator("#chatbot .marked .frame")
    assert frame.locator("img").evaluate("(img) => img.naturalWidth / img.naturalHeight") == 2
    outer = rectangle(frame)
    assert outer["width"] / outer["height"] == pytest.approx(2, abs=0.01)
    assert share(frame, frame.locator(".box")) == pytest.approx(SHARE, abs=0.01)


def test_the_convention_of_the_checkpoint_is_used(
    told: Chat, fake: FakeBackend, picture: Path
) -> None:
    # 160x120 is seen as 168x112.
    fake.current = Status("ready", "Fake", convention="qwen2_5_vl")
    fake.events = [Delta('```json\n[{"bbox_2d": [42, 28, 84, 112], "label": "<b>"}]\n```')]
    told.attach(picture)
    told.ask("Where?")
    frame = told.page.locator("#chatbot .marked .frame")
    assert share(frame, frame.locator(".box")) == pytest.approx([0.25, 0.25, 0.25, 0.75], abs=0.01)
    assert frame.locator(".caption").inner_text() == "<b>"


def test_an_answer_that_is_stopped_keeps_what_it_pointed_at(
    told: Chat, fake: FakeBackend, picture: Path
) -> None:
    fake.events = [Delta(BOAT), *[Delta(" and")] * 5000]
    fake.pause_s = 0.05
    told.attach(picture)
    told.send("Where is the boat?")
    told.page.locator("#live-places .box").wait_for()
    told.stop()
    told.page.locator("#chatbot .bot-row .frame .box").wait_for()
    told.page.click("#clear")
    told.page.wait_for_selector(".marked", state="detached")


def test_without_places_the_page_is_as_quiet_as_before(told: Chat, picture: Path) -> None:
    told.attach(picture)
    told.ask("Hello?")
    assert told.page.locator(".marked").count() == 0
