"""Pictures and clips come in from everywhere, are seen large, and play."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.chat import Chat, holding
from tests.support.fakes import FakeBackend
from tests.support.media_files import clip


def test_a_picture_opens_large_and_closes_with_escape(told: Chat, picture: Path) -> None:
    told.attach(picture)
    told.ask("What is this?")
    told.page.click("#chatbot .user button:has(img)")
    large = told.page.locator("dialog[open] img")
    large.wait_for()
    assert large.evaluate("(img) => img.decode().then(() => img.naturalWidth)") == 160
    assert "red" in (large.get_attribute("alt") or "")
    width = "document.querySelector('dialog[open] .room img').getBoundingClientRect().width"
    fitted = told.page.evaluate(width)
    large.hover()
    told.page.mouse.wheel(0, -300)
    told.page.wait_for_function(f"{width} > 1.5 * {fitted}")
    larger, close = (
        told.page.locator(f"dialog button[aria-label='{name}']") for name in ("Zoom in", "Close")
    )
    before = larger.bounding_box(), close.bounding_box()
    larger.click()
    assert (larger.bounding_box(), close.bounding_box()) == before, "they stay under the pointer"
    room = told.page.locator("dialog .room").bounding_box()
    assert room and before[1] and room["y"] >= before[1]["y"] + before[1]["height"], (
        "not over the picture"
    )
    told.page.click("dialog button[aria-label='Zoom out']")
    told.page.click("dialog button[aria-label='Zoom out']")
    told.page.click("dialog button[aria-label='Zoom out']")
    told.page.wait_for_function(f"{width} === {fitted}")
    told.page.keyboard.press("Escape")
    told.page.wait_for_selector("dialog", state="detached")


@pytest.mark.chromium_only
def test_the_camera_takes_a_picture_or_is_left(told: Chat) -> None:
    told.page.click("#sources [data-source=camera]")
    told.page.wait_for_function("document.querySelector('dialog video')?.videoWidth > 0")
    told.page.click("dialog button:not(.primary)")
    told.page.wait_for_selector("dialog", state="detached")
    assert told.cards == 0
    told.page.click("#sources [data-source=camera]")
    told.page.wait_for_function("document.querySelector('dialog video')?.videoWidth > 0")
    told.page.click("dialog .primary")
    told.wait_for_cards(1)


@pytest.mark.chromium_only
def test_a_camera_without_its_first_frame_takes_nothing(told: Chat) -> None:
    told.page.evaluate("""() => {
      const devices = navigator.mediaDevices, real = devices.getUserMedia;
      devices.getUserMedia = async (wanted) => {
        devices.getUserMedia = real;
        window.wanted = wanted.video;
        return new MediaStream();
      };
    }""")
    told.page.click("#sources [data-source=camera]")
    take = told.page.locator("dialog .primary")
    take.wait_for()
    assert take.is_disabled()
    assert told.page.evaluate("window.wanted.facingMode.ideal") == "environment"
    told.page.click("dialog button:not(.primary)")
    told.page.wait_for_selector("dialog", state="detached")


@pytest.mark.chromium_only
def test_the_other_camera_is_chosen_where_there_are_two(told: Chat) -> None:
    told.page.evaluate("""() => {
      const devices = navigator.mediaDevices, real = devices.getUserMedia.bind(devices);
      window.facing = [];
      devices.enumerateDevices = async () => [{ kind: 'videoinput' }, { kind: 'videoinput' }, { kind: 'audioinput' }];
      devices.getUserMedia = async ({ video }) => { window.facing.push(video.facingMode.ideal); return real({ video: true }); };
    }""")
    told.page.click("#sources [data-source=camera]")
    for facing in (["environment", "user"], ["environment", "user", "environment"]):
        told.page.click("dialog .primary:not(:disabled)", trial=True)
        told.page.get_by_role("button", name="Other camera").click()
        told.page.wait_for_function(
            "(facing) => JSON.stringify(window.facing) === JSON.stringify(facing)", arg=facing
        )
    told.page.click("dialog .primary")
    told.wait_for_cards(1)
    told.page.evaluate(
        "delete navigator.mediaDevices.enumerateDevices, delete navigator.mediaDevices.getUserMedia"
    )


@pytest.mark.chromium_only
@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("NotAllowedError", "allow it in the browser and try again"),
        ("NotFoundError", "There is no camera here; connect one, or attach a picture."),
        ("NotReadableError", "Another program is using the camera"),
    ],
)
def test_why_there_is_no_camera_is_told(told: Chat, error: str, said: str) -> None:
    told.page.evaluate(
        """(error) => {
          const devices = navigator.mediaDevices;
          devices.getUserMedia = async () => { delete devices.getUserMedia; throw new DOMException('no', error); };
        }""",
        error,
    )
    told.page.click("#sources [data-source=camera]")
    told.page.locator("#tray [role=alert]", has_text=said).wait_for()


@pytest.mark.chromium_only
def test_the_screen_can_be_taken(told: Chat) -> None:
    told.page.click("#sources [data-source=screen]")
    told.wait_for_cards(1)


def test_a_clip_that_browsers_cannot_play_is_copied_for_them(told: Chat, tmp_path: Path) -> None:
    path = clip(tmp_path / "old.avi", fps=5, codec="mpeg4")
    told.attach(path)
    told.ask("What happens?")

    def plays_the_copy() -> bool:
        told.ask("And then?")
        source = told.page.locator("#chatbot .user video").get_attribute("src")
        return "/previews/" in (source or "")

    told.wait_until(plays_the_copy)


def test_what_is_sent_during_an_upload_goes_with_the_file(
    told: Chat, fake: FakeBackend, picture: Path
) -> None:
    with holding(told.page, "**/gradio_api/upload*") as held:
        told.page.set_input_files("#composer input[type=file]", [picture])
        told.send("What is this?")
        bar = told.page.get_by_role("progressbar", name="Uploading", exact=True)
        assert 0 <= int(bar.get_attribute("aria-valuenow") or -1) <= 100
        held[0].continue_()
        told.wait("idle", after_turn=0)
    (call,) = fake.calls
    assert [type(part).__name__ for part in call.conversation.messages[0].parts] == [
        "Image",
        "Text",
    ]
    assert told.page.locator("#uploading").count() == 0


@pytest.mark.parametrize("number", [0, 1])
def test_an_example_is_one_click_away(told: Chat, fake: FakeBackend, number: int) -> None:
    told.page.click(f"#examples button >> nth={number}")
    told.wait("idle", after_turn=0)
    (call,) = fake.calls
    kind = "Image" if number == 0 else "Video"
    assert [type(part).__name__ for part in call.conversation.messages[0].parts] == [kind, "Text"]
    assert not told.page.is_visible("#examples")
    told.page.click("#clear")
    told.page.wait_for_selector("#examples", state="visible")
