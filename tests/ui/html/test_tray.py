"""The tray and the cost line as HTML in which names are only names."""

from __future__ import annotations

import re
from dataclasses import replace

from model.backend import Estimate, ItemCost
from model.errors import LocalizedText
from ui.gradio_compat import file_url
from ui.html import tray as tray_html
from ui.state.tray.attachment import Attachment, Document
from ui.state.tray.resolution import Resolution
from ui.text.english import ENGLISH

HOSTILE = '${alert(1)}<img src=x onerror=alert(1)>{{x}}".png'

FIRST = LocalizedText("Picture {number}", number=1)


def attachment(name: str = "a.png", path: str = "/uploads/a.png") -> Attachment:
    return Attachment("id1", "image", path, name, (64, 48), path, path)


def test_an_empty_tray_is_empty() -> None:
    assert re.fullmatch("<i [^>]*hidden></i>", tray_html.tray([], [], ENGLISH))


def test_a_card_shows_the_thumbnail_and_can_be_removed_by_id() -> None:
    card = tray_html.tray([(attachment(), FIRST)], [], ENGLISH)
    assert 'src="gradio_api/file=/uploads/a.png"' in card
    assert 'data-op="detach" data-id="id1" aria-label="Remove a.png"' in card


def test_a_hostile_name_stays_text() -> None:
    card = tray_html.tray([(attachment(HOSTILE), FIRST)], [f"{HOSTILE} is no picture."], ENGLISH)
    assert "<img src=x" not in card
    assert "onerror=alert(1)>" not in card


def test_a_path_with_special_characters_is_quoted() -> None:
    assert file_url("/u/a #1?é.png") == "gradio_api/file=/u/a%20%231%3F%C3%A9.png"


def test_a_refusal_is_dismissed_by_what_it_says() -> None:
    shown = tray_html.tray([], ["No.", "Never."], ENGLISH)
    assert shown.count('role="alert"') == 2
    assert 'data-op="dismiss" data-id="Never."' in shown


def test_a_clip_shows_its_length() -> None:
    clip = Attachment("2", "video", "/u/b.mp4", "b.mp4", (64, 48), "/u/t.webp", "/u/b.mp4", 83.4)
    assert "<small>▶ 1:23</small>" in tray_html.tray([(clip, FIRST)], [], ENGLISH)
    part = replace(clip, seconds=8.0, resolution=Resolution(start=2.0, end=6.5))
    trimmed = tray_html.tray([(part, FIRST)], [], ENGLISH)
    assert "<small>▶ 4.5 s</small>" in trimmed and "--from:0.250;--to:0.812" in trimmed


def test_a_page_says_which_it_is_and_its_document_which_pages_are_attached() -> None:
    paper = Document("d1", "pdf", "/u/a.pdf", HOSTILE, 1200)
    pages = [
        replace(attachment(), path=f"/u/{n}.png", document=paper, page=n) for n in (2, 3, 7, 1000)
    ]
    shown = tray_html.tray([(page, FIRST) for page in pages], [], ENGLISH)
    assert "<small>page 1,000</small>" in shown
    assert shown.count("data-pages=") == 1 and 'value="2-3, 7, 1000"' in shown
    assert "<span>of 1,200</span>" in shown and 'data-op="pages_text" data-id="d1"' in shown
    assert "<img src=x" not in shown
    frames = replace(attachment(), document=replace(paper, kind="frames", pages=3))
    moving = tray_html.tray([(frames, FIRST)], [], ENGLISH)
    assert "<span>Frames</span>" in moving and "pages_text" not in moving
    assert "<small>" not in tray_html.tray([(attachment(), FIRST)], [], ENGLISH)


def test_the_cost_line_says_that_a_clip_was_fitted() -> None:
    fewer = ItemCost("video", 1, (64, 48), (56, 56), 64, frames=32, fitted_from=64)
    smaller = replace(fewer, frames=16, fitted_from=16)
    line = tray_html.cost(Estimate((fewer,), 100, 200), [attachment()], ENGLISH)
    assert "Video 1 is shown with 32 of 64 frames, so that it fits." in line
    line = tray_html.cost(Estimate((smaller,), 100, 200), [attachment()], ENGLISH)
    assert "Video 1 is shown with smaller frames, so that it fits." in line
    line = tray_html.cost(Estimate((fewer,), 100, 200), [], ENGLISH)
    assert "so that it fits" not in line, "it is part of an earlier message"


def test_the_cost_line_compares_with_the_context() -> None:
    line = tray_html.cost(Estimate((), 3871, 32768), [], ENGLISH)
    assert "3,871 of 32,768 tokens" in line and "data-full" not in line
    assert "data-full" in tray_html.cost(Estimate((), 40000, 32768), [], ENGLISH)


def test_the_cost_line_says_what_is_estimated_and_keeps_quiet_about_what_is_unknown() -> None:
    line = tray_html.cost(Estimate((), 3871, 32768, exact=False), [], ENGLISH)
    assert "about 3,871 of 32,768 tokens" in line
    line = tray_html.cost(Estimate((), 3871, 0, exact=False), [], ENGLISH)
    assert "about 3,871 tokens" in line and "meter" not in line


def test_the_cost_line_names_the_memory_of_a_gpu_and_the_wait() -> None:
    estimate = Estimate((), 3871, 32768, gpu_bytes=3 * 2**29)
    line = tray_html.cost(estimate, [], ENGLISH, wait_s=2.34)
    assert "1.50 GB of GPU memory" in line and "answer starts in about 2.3 s" in line
    assert "GPU" not in tray_html.cost(Estimate((), 3871, 32768), [], ENGLISH)
