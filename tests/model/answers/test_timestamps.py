"""Moments of a clip as answers write them, and what only looks like one."""

from __future__ import annotations

from itertools import pairwise

import pytest

from model.answers.timestamps import timestamps

HOUR = 3600.0


def found(text: str, duration_s: float = HOUR) -> list[tuple[str, float]]:
    return [(text[t.start : t.end], t.seconds) for t in timestamps(text, duration_s)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("At 1:23 a boat appears.", [("1:23", 83.0)]),
        ("00:01:23.5", [("00:01:23.5", 83.5)]),
        ("00:01:23,500 --> 00:01:25,000", [("00:01:23,500", 83.5), ("00:01:25,000", 85.0)]),
        ("0:10-0:20", [("0:10", 10.0), ("0:20", 20.0)]),
        ("0:10 – 0:20; [0:30]", [("0:10", 10.0), ("0:20", 20.0), ("0:30", 30.0)]),
        ("(0:05/0:30)", [("0:05", 5.0), ("0:30", 30.0)]),
        ('{"start": "00:01.50", "end": "00:02.25"}', [("00:01.50", 1.5), ("00:02.25", 2.25)]),
        ("0:59:59.", [("0:59:59", 3599.0)]),
        ("It ends at 59:59, or so", [("59:59", 3599.0)]),
        ("83 s", [("83 s", 83.0)]),
        ("at 83s.", [("83s", 83.0)]),
        ("After 12 seconds it turns.", [("12 seconds", 12.0)]),
        ("12.5 sec, 1 second", [("12.5 sec", 12.5), ("1 second", 1.0)]),
        ("3 to 5 seconds", [("3", 3.0), ("5 seconds", 5.0)]),
        ("3.5-5.0s", [("3.5", 3.5), ("5.0s", 5.0)]),
        ("between 3 and 5 seconds", [("3", 3.0), ("5 seconds", 5.0)]),
        ("3 s to 5 s", [("3 s", 3.0), ("5 s", 5.0)]),
        ("1 min 23 s", [("1 min 23 s", 83.0)]),
        ("1 minute and 23 seconds", [("1 minute and 23 seconds", 83.0)]),
        ("1m23s", [("1m23s", 83.0)]),
        ("at 2 minutes", [("2 minutes", 120.0)]),
        ("0 h 1 min 2 s", [("0 h 1 min 2 s", 62.0)]),
        ("5 seconds into the video", [("5 seconds", 5.0)]),
        ("第12秒，在1:23处", [("12秒", 12.0), ("1:23", 83.0)]),
        ("1分23秒时，1：05", [("1分23秒", 83.0), ("1：05", 65.0)]),
        ("3秒到5秒", [("3秒", 3.0), ("5秒", 5.0)]),
        ("1분 23초에 나타납니다", [("1분 23초", 83.0)]),
    ],
)
def test_moments_are_found_in_many_spellings(text: str, expected: list[tuple[str, float]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "They lead 3:2, in 16:9 and 4:3.",
        "The score is 21:15.",
        "a 16:10 screen, an aspect ratio of 16:10, a scale of 1:50",
        "a 21:15 win",
        "10:30 am, 7:15pm, 9:00 o'clock, 12:00 UTC",
        "The clock shows 10:10.",
        "on 2024-01-02 00:10:30",
        "version 1.2.30, v2:10, 1.2:30, 10.1:20 and 1:23.4.5",
        "$1:20, $ 5 s, €12 s",
        "at 1:234, 1:2, 1:60, 12:34:56:78, 00:1a:2b, 1:23a",
        "5 m, 5 px, 12 seasons, 3 sets, 5 steps, 30 fps, a12 s, 1,200 s",
        "The clip lasts 12 seconds.",
        "It is 12 seconds long.",
        "He waits for about 5 seconds.",
        "for 3 to 5 seconds",
        "3 to 5 seconds long",
        "It turns every 2 seconds, 5 seconds later, in the first 3 seconds.",
        "a 12-second clip, 30 frames per second, the second boat, the 80s",
        "It has a duration of 12 s, and a length of 10 s.",
        "持续5秒，5秒钟后，时长约12秒",
        "5초 동안",
        "比分是21:15",
        "Isaiah 40: 31, 3 : 20",
        "",
    ],
)
def test_what_only_looks_like_a_moment_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_moment_that_the_clip_does_not_have_is_none() -> None:
    assert found("0:05, 0:10, 0:11 and at 14:30, 12 seconds", 10.0) == [
        ("0:05", 5.0),
        ("0:10", 10.0),
    ]
    assert found("0:00", 0.0) == [("0:00", 0.0)]
    assert found("1:02:03 and 2 h 1 s", 2 * HOUR) == [("1:02:03", 3723.0)]


@pytest.mark.parametrize(
    "piece", ["1:23 ", "1:", "12 s ", "3 to ", "9" * 9, "1 min ", " ", "between 1 and "]
)
@pytest.mark.slow
def test_no_text_is_read_for_longer_than_it_is(piece: str) -> None:
    for moment in timestamps(piece * 20_000, HOUR):
        assert 0 <= moment.seconds <= HOUR


def test_moments_do_not_overlap() -> None:
    text = "1:23 s, 1 h 2 min 3 s, 3 to 5 s to 7 s, 1 min to 2 min, 0:10 to 12 s"
    moments = timestamps(text, 9999.0)
    assert all(a.end <= b.start for a, b in pairwise(moments))
