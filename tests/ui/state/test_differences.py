"""Two texts are compared by words, and nothing of either is lost."""

from __future__ import annotations

import pytest

from ui.state.differences import MAX_WORDS, Piece, differences


def marked(pieces: list[Piece]) -> str:
    return "".join(f"[{piece.text}]" if piece.own else piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("A red boat.", "A green boat.", ("A [red ]boat.", "A [green ]boat.")),
        ("A boat", "A small boat", ("A boat", "A [small ]boat")),
        ("the same", "the  same\n", ("the same", "the  same\n")),
        ("红色的船。", "绿色的船。", ("[红]色的船。", "[绿]色的船。")),
        ("3.5 m", "3.6 m", ("[3.5 ]m", "[3.6 ]m")),
        ("a b c a", "a c a", ("a [b ]c a", "a c a")),
        ("", "new", ("", "[new]")),
        (" \n x", "x", (" \n x", "x")),
    ],
)
def test_words_of_one_text_alone_are_marked(
    first: str, second: str, shown: tuple[str, str]
) -> None:
    ours, theirs = differences(first, second)
    assert (marked(ours), marked(theirs)) == shown


def test_the_words_are_counted() -> None:
    ours, theirs = differences("one two three", "one")
    assert sum(piece.words for piece in ours if piece.own) == 2
    assert not any(piece.own for piece in theirs)


@pytest.mark.parametrize(
    "text", ["  a <b> c\n\nd ", "🙂‍↔️ é\u0301 한국어 文字\t", "_x_ $1,000.50 **y**"]
)
def test_nothing_of_a_text_is_lost(text: str) -> None:
    other = "something else 文"
    for pieces, whole in zip(differences(text, other), (text, other), strict=True):
        assert "".join(piece.text for piece in pieces) == whole


def test_long_texts_are_compared_as_far_as_there_is_time() -> None:
    start = "x y " * MAX_WORDS
    ours, theirs = differences(f"{start}one {'z w ' * 3000}end", f"{start}two {'w z ' * 2900}end")
    assert not ours[0].own and ours[0].text == start
    assert not theirs[-1].own and theirs[-1].text == "end"
