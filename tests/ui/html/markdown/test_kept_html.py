"""HTML that was made once is not made again, and what is kept stays small."""

from __future__ import annotations

from ui.html.markdown.kept_html import KeptHtml


def test_what_was_made_is_kept_until_newer_ones_need_the_room() -> None:
    made: list[str] = []

    def make(text: str) -> tuple[str, int]:
        made.append(text)
        return text, len(made)

    kept = KeptHtml[int](8_000)
    assert kept.get("a", lambda: make("a" * 1000)) == ("a" * 1000, 1)
    assert kept.get("a", lambda: make("a" * 1000)) == ("a" * 1000, 1)
    kept.get("b", lambda: make("b" * 1000))
    kept.get("a", lambda: make(""))
    for key in ("c", "d"):
        kept.get(key, lambda: make("c" * 1000))
    assert kept.get("a", lambda: make("")) == ("a" * 1000, 1), "it was used after b"
    kept.get("b", lambda: make("b again"))
    assert made[-1] == "b again" and len(made) == 5


def test_what_is_larger_than_all_the_room_is_made_each_time() -> None:
    kept = KeptHtml[None](1_000)
    assert kept.get("a", lambda: ("x" * 2000, None))[0] == "x" * 2000
    assert kept.get("a", lambda: ("y", None))[0] == "y"
