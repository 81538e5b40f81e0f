"""Reading an answer takes as long as the answer is long: ten times the text, about ten times the time.

A model can be talked into any text, and what reads it does so for everybody who waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from model.answers.reasoning import Splitter
from model.answers.references import spoken_of
from model.answers.timestamps import timestamps
from model.conversation import Conversation, Image, Text, Video
from model.grounding import Convention, parse
from model.reproduce.generation_record import template_messages, unescaped
from ui.html import grounding as grounding_html
from ui.html import messages as messages_html
from ui.html.markdown import answer as markdown
from ui.html.markdown.answer import to_html
from ui.html.markdown.kept_html import KeptHtml
from ui.html.markdown.timestamps import Clips, Player
from ui.state.differences import MAX_WORDS, differences
from ui.state.tray.attachment import Attachment

SHORT, LONG = 10_000, 100_000  # characters
MAX_RATIO = 40.0  # 10 when linear, 100 when quadratic
SHORTEST_S = 0.002  # below that a clock tells little

CLIPS = {1: Player(1, 0.0, 60.0)}
SIZES: dict[str, tuple[int, int]] = {"original": (640, 480), "resized": (644, 476)}


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each text is read anew."""
    monkeypatch.setattr(markdown, "_KEPT", KeptHtml(0))
    monkeypatch.setattr(markdown, "_KEPT_GROWING", KeptHtml(0))


def grounding(convention: Convention) -> Callable[[str], object]:
    return lambda text: parse(text, convention, **SIZES)


def spoken(text: str) -> object:
    return list(spoken_of(text, [(at, at + 1) for at in range(0, len(text), 50)]))


def in_pieces(text: str) -> object:
    """As a server sends it, a few characters at a time."""
    splitter = Splitter()
    pieces = (text[start : start + 8] for start in range(0, len(text), 8))
    return [list(splitter.add(piece)) for piece in pieces], list(splitter.end())


def compared(text: str) -> object:
    return differences(text, f"{text[len(text) // 2 :]}{text[: len(text) // 2]}")


def of_a_turn(text: str) -> object:
    """As a script that asks again has it, and as a server gets it."""
    talk = Conversation().with_user_turn(Text("What?")).with_reply(text)
    again = template_messages(talk.with_user_turn(Text(text)), "", ("<|im_end|>", "<|box_start|>"))
    return [unescaped(message["content"][0]["text"]) for message in again]


READERS: dict[str, Callable[[str], object]] = {
    "markdown beside a clip": lambda text: to_html(text, Clips(CLIPS, 1)),
    "arriving": lambda text: to_html(text, arriving=True),
    "copying": messages_html.readable,
    "spoken of": spoken,
    "times": lambda text: timestamps(text, 60.0),
    "thoughts": in_pieces,
    "comparing": compared,
    "asking again": of_a_turn,
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
    "ends of turns": ("", "<|im_end|> ", ""),
    "newlines": ("", "\n", ""),
    "newlines before a thought": ("", "\n", "<think>x</think>"),
    "words": ("", "word ", ""),
}
# Read when there is time.
MORE: dict[str, tuple[str, str, str]] = {
    "ends of thoughts": ("", "</think>", ""),
    "spoken ends of thoughts": ("", "`</think>", ""),
    "times that are none": ("", "1:2:3:", ""),
    "hours": ("", "1 h ", "2 s"),
    "dates": ("", "2024-01-01 ", "10:00"),
    "long numbers": ("for ", "1.", " s"),
    "scores": ("", "score is ", "1:23"),
    "lasting": ("", "for about ", "3 s"),
    "boxes in words": ("", "(12,34),(56,78) ", ""),
    "elements": ("", "<box>", ""),
    "sides": ("", "<xmin>1</xmin>", ""),
    "labels": ("", "<label>a", ""),
    "comments": ("{", "/*", ""),
    "lines of comments": ("{", "//\n", ""),
    "nested quotes": ("{", "\"a': ", "}"),
    "curly quotes": ("{", "“", "}"),
    "fences of other marks": ("", "~~~json\n{", ""),
    "bare keys": ("", "bounding box at ", "(1,2)"),
    "cells of a table": ("|a|\n|-|\n", "|", ""),
    "rows of a table": ("|a|\n|-|\n", "|a|\n", ""),
    "escapes": ("", "\\<|im_end|>", ""),
    "private characters": ("", "\ue000\ue001", ""),
    "combining marks": ("e", "\u0301", ""),
    "surrogate halves": ('{"label": "', "\\ud83d", '"}'),
}


def of_length(name: str, length: int) -> str:
    before, unit, after = {**TEXTS, **MORE}[name]
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


def test_words_of_which_hardly_two_in_a_row_are_shared_are_compared_in_time() -> None:
    """The cube of the words for difflib: ten times as many would take a thousand times as long."""
    short, long = 200, MAX_WORDS

    def read(words: str) -> object:
        return differences("a b " * (int(words) // 2), "a c " * (int(words) // 2))

    assert slower(read, str(short), str(long)) <= MAX_RATIO


def turns(count: int) -> tuple[Conversation, dict[str, Attachment]]:
    """A conversation of so many turns, each with a picture, a clip and a box."""
    talk, known = Conversation(), {}
    for number in range(count):
        picture, clip = Image(f"/{number}.png"), Video(f"/{number}.mp4")
        for item, kind in ((picture, "image"), (clip, "video")):
            path = str(item.path)
            known[path] = Attachment(path, kind, path, path, (64, 48), "/t.webp", path, 9.0)  # type: ignore[arg-type]
        talk = talk.with_user_turn(picture, clip, Text("What is in picture 1?"))
        talk = talk.with_reply("At 0:01: <|box_start|>(1,2),(300,400)<|box_end|>")
    return talk, known


@pytest.mark.parametrize("reader", ["messages", "places"])
def test_ten_times_the_turns_take_about_ten_times_as_long(reader: str) -> None:
    sizes = {"short": turns(40), "long": turns(400)}

    def read(size: str) -> object:
        talk, known = sizes[size]
        if reader == "messages":
            return messages_html.messages(talk, known)
        return grounding_html.by_answer(talk, known, ["qwen2_vl"] * talk.turns)

    assert slower(read, "short", "long") <= MAX_RATIO


@pytest.mark.parametrize(
    "name", [*TEXTS, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)]
)
@pytest.mark.slow
def test_ten_times_the_answer_takes_about_ten_times_as_long(name: str) -> None:
    short, long = of_length(name, SHORT), of_length(name, LONG)
    ratios = {reader: slower(read, short, long) for reader, read in READERS.items()}
    assert max(ratios.values()) <= MAX_RATIO, ratios


MARKDOWN: dict[str, tuple[str, str, str]] = {
    "dollars before letters": ("", "$a ", ""),
    "closed dollars": ("", "$a$ ", ""),
    "escaped dollars": ("", "\\$a$", ""),
    "open blocks of formulas": ("", "\\[\n", ""),
    "lines with one formula": ("\\[\n", "x\n", ""),
    "begun names": ("", "__a", "__"),
    "open strong": ("", "**a ", ""),
    "open struck": ("", "~~a ", ""),
    "closed emphasis": ("", "*a* ", ""),
    "open links": ("", "[a](b ", ""),
    "addresses of the web": ("", "https://a.b/) ", ""),
    "one address": ("https://a.b/", "()", ""),
    "parentheses behind an address": ("https://a.b/", ")", ""),
    "open addresses": ("", "<https://a.b/", ""),
    "entities": ("", "&am", ""),
    "heads of tables": ("", "a | b\n", ""),
    "columns": ("|a" * 50 + "\n" + "|-" * 50 + "\n", "|a" * 50 + "\n", ""),
    "one row": ("", "| ", "\n|-|\n"),
    "open formulas in a row": ("| a |\n|-|\n| ", "\\(|", "|\n"),
    "heads that are none": ("", "-|-|-\n-|-\n", ""),
    "items": ("", "- a\n\n", ""),
    "nested items": ("", "  " * 20 + "- a\n", ""),
    "deeper items": ("", "- ", "a"),
    "quotes": ("", "> ", "a"),
    "lines of quotes": ("", "> a\n", ""),
    "paragraphs": ("", "a\n\n", ""),
    "closing tags": ("", "</b>", ""),
    "tabs in code": ("```\n", "\ta\n", "```"),
    "backticks in code": ("```\n", "`a", "\n```"),
    "levels of a formula": ("$$", "{", "$$"),
    "commands of a formula": ("$$", "\\sqrt", "$$"),
    "lengths in a formula": ("$$", "{ 1", "$$"),
    "statements of a diagram": ("```mermaid\ngraph\n", "a;\n", "```"),
    "overrides": ("", "\u202ea", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MARKDOWN)
def test_ten_times_the_markdown_takes_about_ten_times_as_long(name: str) -> None:
    before, unit, after = MARKDOWN[name]
    short, long = (before + unit * (length // len(unit)) + after for length in (SHORT, LONG))
    for reader in ("markdown beside a clip", "arriving"):
        assert slower(READERS[reader], short, long) <= MAX_RATIO, reader


def test_backticks_of_every_length_are_read_once() -> None:
    assert slower(to_html, rising_ticks(SHORT), rising_ticks(LONG)) <= MAX_RATIO / 2
