"""Conversations are values: every transition gives a new one."""

from __future__ import annotations

from typing import Any

import pytest

from model.conversation import Conversation, Image, Text, Video

TALK = (
    Conversation()
    .with_user_turn(Image("a.png"), Text("One?"))
    .with_reply("1")
    .with_user_turn(Video("b.mp4"), Text("Two?"))
    .with_reply("2")
)


def test_transitions_leave_the_original_as_it_was() -> None:
    before = TALK.messages
    TALK.with_user_turn(Text("Three?"))
    TALK.without_last_reply()
    assert TALK.messages == before and TALK.turns == 2


def test_retry_edit_and_undo_cut_where_they_say() -> None:
    assert TALK.without_last_reply().messages == TALK.messages[:3]
    assert TALK.without_last_reply().without_last_reply().messages == TALK.messages[:3]
    assert TALK.without_last_exchange().messages == TALK.messages[:2]
    assert TALK.before_turn(0).messages == ()
    for turn in (-1, 2):
        with pytest.raises(IndexError):
            TALK.before_turn(turn)
    assert Conversation().without_last_exchange() == Conversation()


def test_media_are_listed_in_the_order_of_the_vision_ids() -> None:
    assert list(TALK.media) == [Image("a.png"), Video("b.mp4")]


def test_a_turn_of_nothing_and_a_reply_to_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="part"):
        TALK.with_user_turn()
    with pytest.raises(ValueError, match="user turn"):
        TALK.with_reply("again")


def test_a_video_is_a_path_or_frames_with_their_rate() -> None:
    frames: Any = ["a", "b"]  # a list is accepted
    assert Video(frames=frames, fps=2).frames == ("a", "b")
    for wrong in ({}, {"path": "a", "frames": ("b",)}, {"frames": ("b",)}, {"path": "a", "fps": 1}):
        with pytest.raises(ValueError, match="Video"):
            Video(**wrong)


@pytest.mark.parametrize(
    "url, path",
    [
        ("file:///home/ann/a.png", "/home/ann/a.png"),
        ("FILE://localhost/home/ann/a%20b.png", "/home/ann/a b.png"),
        ("file:///home/ann/a b?.png", "/home/ann/a b?.png"),
        ("file:///home/ann/1#2.png", "/home/ann/1#2.png"),
        ("file://elsewhere/a.png", "file://elsewhere/a.png"),
        ("https://example.org/a.png", "https://example.org/a.png"),
        ("data:;base64,AAAA", "data:;base64,AAAA"),
    ],
)
def test_a_file_url_is_the_path_that_it_names(url: str, path: str) -> None:
    assert Image(url).path == path
    assert Video(url).path == path
    assert Video(frames=(url, url), fps=1).frames == (path, path)
