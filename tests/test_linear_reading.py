"""Reading an answer takes as long as the answer is long: ten times the text, about ten times the time.

A model can be talked into any text, and what reads it does so for everybody who waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from model.grounding import Convention, parse
from model.reference import spoken_of
from ui import render
from ui.markdown import to_html
from ui.seeking import Clips, Player

SHORT, LONG = 10_000, 100_000  # characters
MAX_RATIO = 40.0  # 10 when linear, 100 when quadratic
SHORTEST_S = 0.002  # below that a clock tells little

CLIPS = {1: Player(1, 0.0, 60.0)}
SIZES: dict[str, tuple[int, int]] = {"original": (640, 480), "resized": (644, 476)}


def grounding(convention: Convention) -> Callable[[str], object]:
    return lambda text: parse(text, convention, **SIZES)


def spoken(text: str) -> object:
    return list(spoken_of(text, [(at, at + 1) for at in range(0, len(text), 50)]))


READERS: dict[str, Callable[[str], object]] = {
    "markdown beside a clip": lambda text: to_html(text, Clips(CLIPS, 1)),
    "arriving": lambda text: to_html(text, arriving=True),
    "copying": render.readable,
    "spoken of": spoken,
    "boxes of qwen2_vl": grounding("qwen2_vl"),
    "boxes of qwen2_5_vl": grounding("qwen2_5_vl"),
    "boxes of qwen3_vl": grounding("qwen3_vl"),
}
BEGUN = "<|box_start|>(1,2)"
# What is repeated, after what and before what.
TEXTS: dict[str, tuple[str, str, str]] = {
    "newlines in a diagram": ("```mermaid", "\n", "```"),
    "quotes in a diagram": ("```mermaid\n", "> ", "\n```"),
    "open diagrams": ("", "```mermaid\n", ""),
    "spaces after a box": (BEGUN, " ", "x"),
    "open boxes": ("", BEGUN, ""),
    "open references": ("", "<|object_ref_start|>", ""),
    "closed boxes": ("", "<|box_start|>(1,2),(3,4)<|box_end|>", ""),
    "points of nothing": ("", "<points ", ""),
    "attributes": ('<p data-bbox="', "1 ", ""),
    "open tool calls": ("", "<tool_call>", ""),
    "escaped objects": ("", '{\\"', ""),
    "open objects": ("", "{", ""),
    "open lists": ("", "[", ""),
    "open boxes of JSON": ("", '{"bbox_2d": [1, 2, ', ""),
    "keys of boxes": ("", '"bbox_2d":', ""),
    "boxes of JSON": ("[", '{"bbox_2d": [1, 2, 30, 40], "label": "a"},', "]"),
    "numbers": ("[", "1,", "]"),
    "quotation marks": ("", '"', ""),
    "apostrophes": ("{", "'", "}"),
    "backslashes": ('{"', "\\", ""),
    "commas": ("[", ",", "]"),
    "underscores": ("", "_", ""),
    "addresses": ("", "a://", ""),
    "brackets": ("", "[", "]("),
    "links that end late": ("", "[a](", ""),
    "formulas": ("", "\\[", ""),
    "formulas in a line": ("", "\\(x", ""),
    "dollars": ("", "$$ ", ""),
    "stars": ("", "*a_ ", ""),
    "tildes": ("", "~", ""),
    "lines of fences": ("", "```\n", ""),
    "spaces": ("", " ", "x"),
    "digits": ("", "1", ""),
    "times": ("", "0:01 ", ""),
    "seconds": ("", "3 to ", "5 s"),
    "pictures": ("", "image 1 ", ""),
    "pictures on lines": ("", "image 1\n", ""),
    "ordinals": ("", "第一", "张图"),
    "angles": ("", "<", ""),
    "think": ("", "<think>", ""),
    "words": ("", "word ", ""),
}


def of_length(name: str, length: int) -> str:
    before, unit, after = TEXTS[name]
    return before + unit * (length // len(unit)) + after


def slower(read: Callable[[str], object], short: str, long: str) -> float:
    """How many times as long the long text takes, in this thread's own time."""
    ratio = seconds(read, long) / max(SHORTEST_S, seconds(read, short))
    # Something else may have come between.
    return (
        ratio if ratio <= MAX_RATIO else seconds(read, long) / max(SHORTEST_S, seconds(read, short))
    )


def seconds(read: Callable[[str], object], text: str) -> float:
    began = time.thread_time()
    read(text)
    return time.thread_time() - began


def rising_ticks(length: int) -> str:
    """Runs of backticks of every length, none of them closed."""
    runs = int((2 * length) ** 0.5)
    return " ".join("`" * run for run in range(1, runs))


@pytest.mark.parametrize("name", TEXTS)
def test_ten_times_the_answer_takes_about_ten_times_as_long(name: str) -> None:
    short, long = of_length(name, SHORT), of_length(name, LONG)
    ratios = {reader: slower(read, short, long) for reader, read in READERS.items()}
    assert max(ratios.values()) <= MAX_RATIO, ratios


def test_backticks_of_every_length_are_read_once() -> None:
    assert slower(to_html, rising_ticks(SHORT), rising_ticks(LONG)) <= MAX_RATIO / 2
