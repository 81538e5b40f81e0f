"""What is shown of a conversation, and that no text in it can act on the page."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import pytest

from model.backend import AnswerRecord, Progress, Status
from model.conversation import Conversation, Image, Text
from model.grounding import Box
from model.settings import GenerationSettings
from tests.support.fakes import USAGE
from ui.html import messages as messages_html
from ui.html.bar import banner as banner_html
from ui.html.grounding import Marked
from ui.state.tray.attachment import Attachment
from ui.text.chinese import CHINESE
from ui.text.english import ENGLISH

PHOTO = Attachment(
    "1", "image", "/uploads/a.png", "a.png", (64, 48), "/uploads/t.webp", "/uploads/a.png"
)


def shown(markdown: str) -> str:
    """The characters that a browser shows for text that consists of words and entities."""
    return html.unescape(markdown)


def without_tags(markup: str) -> str:
    return re.sub(r"<[^>]*>", "", markup)


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b> & *stars* _under_ `code` $$x$$",
        "  two spaces\n\n\n    indented\n\ttab ",
        "# heading\n- item\n1. one\n> quote\n| a | b |",
        "&lt; stays &amp; &#60; stays",
        "http://example.org www.example.org [a](b) ![c](d)",
        "中文 한국어 العربية",
    ],
)
def test_typed_text_is_shown_character_by_character(text: str) -> None:
    written = messages_html.literal(text)
    assert shown(written) == text
    assert not re.search(r"[<>*_`$\[\]|\n]", written)


def test_messages_keep_the_order_of_parts_and_show_only_known_files() -> None:
    talk = Conversation().with_user_turn(
        Image(PHOTO.path), Image("/uploads/unknown.png"), Text("  what?")
    )
    message, reply = messages_html.messages(talk.with_reply("  <b>"), {PHOTO.path: PHOTO})
    assert message["role"] == "user"
    assert message["content"][0] == {"path": PHOTO.path, "alt_text": "a.png"}
    assert shown(message["content"][1]["text"]) == "  what?"
    assert reply["content"] == [{"type": "text", "text": '<p dir="auto">&lt;b&gt;</p>'}]


def test_statistics_say_what_an_answer_cost() -> None:
    assert without_tags(messages_html.statistics(USAGE, ENGLISH)) == (
        "1,312 tokens in (1,180 reused, 1,092 visual) · first word 0.21 s · 38 tokens/s"
    )


def test_each_figure_of_the_statistics_stays_with_its_unit() -> None:
    figures = re.findall(r">([^<>]+)</span>", messages_html.statistics(USAGE, ENGLISH))
    assert {"1,312 tokens in", "first word 0.21 s ·", "38 tokens/s"} < set(figures)


def test_statistics_say_what_had_to_make_room_in_memory() -> None:
    evicted = replace(USAGE, reused_tokens=0, evicted_tokens=1180)
    said = without_tags(messages_html.statistics(evicted, ENGLISH))
    assert " · 1,180 not kept: memory was short · first word" in said


def test_statistics_say_why_an_answer_ended_early() -> None:
    cut = replace(USAGE, stop_reason="length", decode_tokens_per_s=0.0)
    assert without_tags(messages_html.statistics(cut, ENGLISH)).endswith(
        "first word 0.21 s · cut off at the maximum answer length"
    )


def test_statistics_of_an_answer_that_broke_off() -> None:
    assert messages_html.statistics(None, CHINESE) == CHINESE.broken_off


def test_run_state_is_escaped() -> None:
    assert messages_html.run_state('"><script>', 3) == (
        '<div data-state="&quot;&gt;&lt;script&gt;" data-turn="3"></div>'
    )


@pytest.mark.parametrize(
    ("progress", "sentence"),
    [
        (Progress("loading", 40, 100), "(40 %)"),
        (Progress("loading", 0, 0), "as soon as the model can be reached"),
        (Progress("queued", 0, 3), "3 ahead"),
        (Progress("queued", 0, 0), "One moment"),
        (Progress("media", 0, 0), "Opening the pictures"),
        (Progress("media", 190, 3600), "00:03:10 of 01:00:00"),
        (Progress("vision", 1, 2), "1 of 2"),
        (Progress("reading", 1000, 4000), "4,000 tokens: 25 %"),
    ],
)
def test_every_stage_of_waiting_has_a_sentence(progress: Progress, sentence: str) -> None:
    assert sentence in messages_html.waiting(progress, ENGLISH)


def test_banner_shows_what_runs_how_far_it_is_or_why_it_failed() -> None:
    assert "<b>" not in banner_html.banner(Status("ready", "<b>", "note & more"), ENGLISH)
    assert 'value="25"' in banner_html.banner(Status("loading", "Fake", progress=0.25), ENGLISH)
    waiting = Status("loading", "Fake", "Nobody there.")
    assert "Nobody there. Trying again…" in banner_html.banner(waiting, ENGLISH)
    assert "progress" not in banner_html.banner(waiting, ENGLISH)
    assert "No such folder." in banner_html.banner(
        Status("failed", "Fake", "No such folder."), ENGLISH
    )


def test_what_a_running_answer_points_at_is_told_with_the_state() -> None:
    marked = Marked(1, replace(PHOTO, name='"><b>.png'), (Box("<i>", 1, 2, 3, 4),))
    written = messages_html.run_state("answering", 0, pointed_at=[marked])
    assert "<b>" not in written and "<i>" not in written
    told = re.search('data-places="([^"]*)"', written)
    assert told and json.loads(html.unescape(told[1]))[0]["name"] == '"><b>.png'
    assert "data-places" not in messages_html.run_state("answering", 0)


def test_every_scripted_text_is_escaped_and_found_by_its_name() -> None:
    said = messages_html.page_texts(replace(ENGLISH, take_picture='"><b>'))
    assert 'data-take-picture="&quot;&gt;&lt;b&gt;"' in said and "data-copied=" in said


def test_a_reasoning_stands_folded_before_its_answer_and_is_literal() -> None:
    talk = Conversation().with_user_turn(Text("a")).with_reply("b").with_user_turn(Text("c"))
    usage = replace(USAGE, reasoning_tokens=1200)
    settings = GenerationSettings()
    answers = [AnswerRecord(settings, usage, "<b>\n\n`x`"), AnswerRecord(settings, None)]
    shown = messages_html.messages(
        talk.with_reply("d"), {}, messages_html.thoughts(answers, ENGLISH)
    )
    first, second = (m["content"] for m in shown if m["role"] == "assistant")
    assert first[0]["text"] == (
        '<details class="reasoning"><summary>Reasoning: 1,200 tokens</summary>'
        '<div>&#60;b&#62;&#10;&#10;&#96;x&#96;</div></details>\n\n<p dir="auto">b</p>'
    )
    assert second == [{"type": "text", "text": '<p dir="auto">d</p>'}]


def test_a_reasoning_turns_nothing_round() -> None:
    assert "\u202e" not in messages_html.thought("a \u202eb", None, ENGLISH)


def test_an_answer_without_a_word_has_no_time_of_its_first_word() -> None:
    assert "first word" not in messages_html.statistics(replace(USAGE, ttft_s=0.0), ENGLISH)
