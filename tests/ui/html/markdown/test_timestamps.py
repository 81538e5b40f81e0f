"""Moments in answers become links for the right player, and nothing else does."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from model.conversation import Conversation, Text, Video
from model.settings import VisionSettings
from ui.html import messages as messages_html
from ui.html.markdown.answer import to_html
from ui.html.markdown.timestamps import clips
from ui.state.tray.attachment import Attachment


def clip(name: str, seconds: float, *, shown: str = "") -> Attachment:
    path = f"/uploads/{name}"
    return Attachment(name, "video", path, name, (64, 48), "/u/t.webp", shown or path, seconds)


SHORT, LONG = clip("short.mp4", 10.0), clip("long.mp4", 400.0)
PHOTO = Attachment("p", "image", "/u/a.png", "a.png", (64, 48), "/u/t.webp", "/u/a.png")
KNOWN = {item.path: item for item in (SHORT, LONG, PHOTO)}


def answered(
    answer: str, *items: Attachment, question: str = "What happens?", arriving: bool = False
) -> str:
    talk = Conversation().with_user_turn(*(i.part(VisionSettings()) for i in items), Text(question))
    return to_html(answer, clips(talk, {**KNOWN, **{i.path: i for i in items}}), arriving=arriving)


def addresses(markdown: str) -> list[str]:
    return [found.replace("&amp;", "&") for found in re.findall(r'<a href="([^"]*)">', markdown)]


def test_a_moment_is_a_link_and_what_is_around_it_stays() -> None:
    assert answered("At 0:05.5 & <b>later</b>.", SHORT) == (
        '<p dir="auto">At <a href="#t=5.5&amp;clip=1">0:05.5</a> &amp; &lt;b&gt;later&lt;/b&gt;.</p>'
    )


def test_a_moment_that_the_clip_does_not_have_stays_text() -> None:
    assert answered("At 0:11 and at 14:30.", SHORT) == '<p dir="auto">At 0:11 and at 14:30.</p>'


def test_without_a_clip_nothing_is_a_link() -> None:
    assert answered("At 0:05.") == '<p dir="auto">At 0:05.</p>'
    assert answered("At 0:05.", PHOTO) == '<p dir="auto">At 0:05.</p>'


@pytest.mark.parametrize(
    "text",
    [
        "`0:05`",
        "```\n0:05\n```\n",
        "```python\n0:05\n```\n",
        "[at 0:05](https://example.org)",
        "https://example.org/0:05?t=3s",
        "$$0:05$$ and \\(0:05\\) and \\[0:05\\]",
    ],
)
def test_code_links_addresses_and_formulas_are_left_alone(text: str) -> None:
    assert addresses(answered(text, SHORT)) == []


def test_the_moments_of_a_json_block_follow_it() -> None:
    block = '```json\n[{"start": "00:01.50", "end": "00:02.25"}]\n```\n'
    written = answered(f"{block}And so on.", SHORT)
    assert written.startswith(block) and written.endswith(
        '</a></p>\n\n<p dir="auto">And so on.</p>'
    )
    assert addresses(written) == ["#t=1.5&clip=1", "#t=2.25&clip=1"]
    assert addresses(answered(block.removesuffix("```\n"), SHORT, arriving=True)) == []


def test_json_outside_of_a_block_is_prose() -> None:
    assert addresses(answered('{"start": "00:01.50"}', SHORT)) == ["#t=1.5&clip=1"]


def test_the_clip_that_is_spoken_of_is_the_one_that_seeks() -> None:
    assert addresses(answered("At 0:05.", SHORT, LONG)) == ["#t=5&clip=2"]
    assert addresses(answered("At 0:05.", SHORT, LONG, question="In Video 1?")) == ["#t=5&clip=1"]
    both = answered("Video 1: 0:05, 0:30.\n\nVideo 2: `x` 0:30, 1:00.", SHORT, LONG)
    assert addresses(both) == ["#t=5&clip=1", "#t=30&clip=2", "#t=60&clip=2"]


def test_a_clip_that_cannot_be_played_has_no_links_and_is_no_player() -> None:
    still = replace(SHORT, path="/uploads/x.avi", shown=SHORT.thumbnail)
    assert addresses(answered("At 0:05.", still)) == []
    assert addresses(answered("At 0:05.", still, LONG)) == ["#t=5&clip=1"]


def test_a_copy_for_the_page_is_no_longer_than_it_is() -> None:
    copied = clip("x.avi", 400.0, shown="/uploads/previews/x.mp4")
    assert addresses(answered("0:10, 3:00 and 3:01", copied)) == ["#t=10&clip=1", "#t=180&clip=1"]


def test_times_count_from_where_the_model_began_to_look() -> None:
    vision = VisionSettings(video_start_s=100.0, video_end_s=120.0)
    talk = Conversation().with_user_turn(Video(LONG.path, vision), Text("When?"))
    written = to_html("At 0:05 and 0:30.", clips(talk, KNOWN))
    assert addresses(written) == ["#t=105&clip=1"]


def test_answers_of_a_conversation_have_links_for_what_had_been_asked_about() -> None:
    talk = Conversation().with_user_turn(Text("Hi 0:05")).with_reply("At 0:05.")
    talk = talk.with_user_turn(SHORT.part(VisionSettings()), Text("When?")).with_reply("At 0:05.")
    texts = [m["content"][-1]["text"] for m in messages_html.messages(talk, KNOWN)]
    assert ["<a " in text for text in texts] == [False, False, False, True]


def test_a_model_cannot_write_html_into_a_link() -> None:
    written = answered('0:05"><script>alert(1)</script> <a href="#t=1&clip=1">x</a>', SHORT)
    assert "<script" not in written and written.count("<a ") == 1
    assert answered("Look!0:05", SHORT).startswith('<p dir="auto">Look!<a ')
