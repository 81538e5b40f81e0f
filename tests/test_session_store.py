"""What is kept between turns: bounded in bytes, least recently used out first, per session."""

from __future__ import annotations

from model.session_store import SessionStore


def test_the_least_recently_used_entry_goes_first() -> None:
    store: SessionStore[str] = SessionStore(10)
    store.put("a", 1, "A", 4)
    store.put("b", 1, "B", 4)
    assert store.get("a", 1) == "A"
    store.put("c", 1, "C", 4)
    assert (store.get("a", 1), store.get("b", 1), store.get("c", 1)) == ("A", None, "C")
    assert store.nbytes == 8


def test_what_is_put_again_counts_as_used() -> None:
    store: SessionStore[str] = SessionStore(10)
    store.put("a", 1, "A", 4)
    store.put("b", 1, "B", 4)
    store.put("a", 1, "again", 4)
    store.put("c", 1, "C", 4)
    assert (store.get("a", 1), store.get("b", 1)) == ("again", None)


def test_nobody_finds_what_belongs_to_another_session() -> None:
    store: SessionStore[str] = SessionStore(10)
    store.put("a", "key", "A", 1)
    assert store.get("b", "key") is None and store.take("b", "key") is None
    store.forget("b")
    assert store.get("a", "key") == "A"
    store.forget("a")
    assert store.get("a", "key") is None


def test_what_is_too_large_nameless_or_empty_is_not_kept() -> None:
    store: SessionStore[str] = SessionStore(10)
    store.put("a", 1, "A", 11)
    store.put("", 1, "A", 1)
    store.put("b", 1, "", 0)
    assert (store.get("a", 1), store.get("", 1), store.get("b", 1)) == (None, None, None)


def test_a_new_value_replaces_the_old_ones_bytes() -> None:
    store: SessionStore[str] = SessionStore(10)
    for _ in range(5):
        store.put("a", 1, "A", 6)
    assert store.nbytes == 6
    assert store.take("a", 1) == "A" and store.nbytes == 0
