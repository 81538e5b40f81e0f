"""What waits for its end is shown without one, once it has waited for as long as it may."""

from __future__ import annotations

import pytest

from ui.html.syntax.unfinished import MAX_HELD_FORMULA, MAX_HELD_LINK, settled


@pytest.mark.parametrize(
    ("opening", "most"),
    [("$$", MAX_HELD_FORMULA), (r"\[", MAX_HELD_FORMULA), ("[", MAX_HELD_LINK)],
)
def test_what_never_ends_is_shown_at_last(opening: str, most: int) -> None:
    begun = f"a {opening}" + "x" * 10
    assert settled(begun) == ("a ", False)
    assert settled(begun + "x" * most) == (begun + "x" * most, False)


def test_a_bar_in_code_without_an_end_may_divide_cells_and_waits() -> None:
    table = "| a | b |\n|---|---|\n| one | "
    assert settled(f"{table}`x") == (f"{table}`x`", False)
    assert settled(f"{table}`x | y") == (table, False)
    assert settled("one `x|y") == ("one `x|y`", False)
