"""The dialog of one item says what the model gets of it and holds what was resolution for."""

from __future__ import annotations

import re
from dataclasses import replace

from model.backend import ItemCost
from model.errors import LocalizedText
from tests.support.sending import CLIP, PHOTO
from ui.html.inspector import InspectorView, dialog
from ui.state.tray.resolution import Resolution
from ui.text.english import ENGLISH

SEEN_PICTURE = ItemCost("image", 1, (640, 480), (112, 84), 12)
SEEN_CLIP = ItemCost("video", 1, (640, 480), (112, 84), 48, frames=8, times=(0.0, 61.5))


def drawn(look: InspectorView) -> str:
    return dialog(look, LocalizedText("Item"), ENGLISH)


def test_a_picture_is_told_in_columns_and_rows_of_tokens() -> None:
    shown = drawn(InspectorView(PHOTO, cost=SEEN_PICTURE, view_paths=["/uploads/s.png"]))
    assert "640 × 480" in shown and "112 × 84" in shown
    assert "4 × 3 = 12 tokens" in shown
    assert "--columns:4;--rows:3" in shown


def test_a_clip_is_told_in_pairs_of_frames() -> None:
    shown = drawn(
        InspectorView(CLIP, cost=SEEN_CLIP, view_paths=["/uploads/1.webp", "/uploads/2.webp"])
    )
    assert "8 frames" in shown and "4 × 4 × 3 = 48 tokens" in shown
    assert re.findall("<time>(.*?)</time>", shown) == ["0:00.0", "1:01.5"]
    assert "<li>+ 6</li>" in shown, "frames that are not shown are counted"


def test_frames_that_are_all_shown_have_no_more_behind_them() -> None:
    assert "<li>+" not in drawn(
        InspectorView(CLIP, cost=SEEN_CLIP, view_paths=["/uploads/1.webp"] * 8)
    )


def test_the_handles_stand_where_the_clip_was_trimmed() -> None:
    def handles(resolution: Resolution) -> list[tuple[str, str]]:
        shown = drawn(InspectorView(replace(CLIP, resolution=resolution), cost=SEEN_CLIP))
        return re.findall('name="(start|end)" .*?max="3.0" .*?value="(.*?)"', shown)

    assert handles(Resolution()) == [("start", "0.0"), ("end", "3.0")]
    assert handles(Resolution(start=0.5, end=2.5)) == [("start", "0.5"), ("end", "2.5")]
