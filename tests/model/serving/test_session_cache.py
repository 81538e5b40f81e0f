"""What is kept between turns: bounded in bytes, per session, and what is evicted first."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from model.serving.session_cache import SessionCache

FEATURES, KV = 0, 1
Put = tuple[str, str, int, int]  # session, key, bytes, rank


def test_the_least_recently_used_entry_goes_first() -> None:
    store: SessionCache[str] = SessionCache(10)
    store.put("a", 1, "A", 4)
    store.put("b", 1, "B", 4)
    assert store.get("a", 1) == "A"
    store.put("c", 1, "C", 4)
    assert (store.get("a", 1), store.get("b", 1), store.get("c", 1)) == ("A", None, "C")
    assert store.nbytes == 8


def test_what_is_put_again_counts_as_used() -> None:
    store: SessionCache[str] = SessionCache(10)
    store.put("a", 1, "A", 4)
    store.put("b", 1, "B", 4)
    store.put("a", 1, "again", 4)
    store.put("c", 1, "C", 4)
    assert (store.get("a", 1), store.get("b", 1)) == ("again", None)


def test_nobody_finds_what_belongs_to_another_session() -> None:
    store: SessionCache[str] = SessionCache(10)
    store.put("a", "key", "A", 1)
    assert store.get("b", "key") is None and store.pop("b", "key") is None
    store.forget("b")
    assert store.get("a", "key") == "A"
    store.forget("a")
    assert store.get("a", "key") is None


def put(store: SessionCache[str], *puts: Put) -> None:
    for session, key, nbytes, rank in puts:
        store.put(session, key, f"{session}'s {key}", nbytes, rank=rank)


def kept(store: SessionCache[str], *puts: Put) -> list[str]:
    """What of these is still there, in their order."""
    there = [store.get(session, key) for session, key, _, _ in puts]
    return [value for value in there if value is not None]


OLD_KV, OLD_PICTURE = ("a", "kv", 4, KV), ("a", "picture", 3, FEATURES)
NEW_KV, NEW_PICTURE = ("b", "kv", 4, KV), ("b", "picture", 3, FEATURES)


@pytest.mark.parametrize(
    ("puts", "left"),
    [
        ([OLD_PICTURE, OLD_KV], ["a's picture", "a's kv"]),
        ([OLD_KV, OLD_PICTURE, NEW_PICTURE], ["a's kv", "a's picture", "b's picture"]),
        # Features before KV caches, however lately they were used.
        ([OLD_KV, OLD_PICTURE, NEW_KV], ["a's kv", "b's kv"]),
        # Then the KV caches of others, before the features of who is answered.
        ([OLD_KV, NEW_PICTURE, NEW_KV], ["b's picture", "b's kv"]),
        ([OLD_KV, NEW_KV, ("c", "kv", 4, KV)], ["b's kv", "c's kv"]),
        # Nobody else is there: features go, the oldest first.
        ([OLD_KV, OLD_PICTURE, ("a", "another", 3, FEATURES), ("a", "third", 3, FEATURES)],
         ["a's kv", "a's another", "a's third"]),
        # The KV cache of the session that is answered stays, in spite of the budget, until another one is.
        ([OLD_PICTURE, ("a", "kv", 40, KV)], ["a's kv"]),
        ([OLD_KV, ("b", "kv", 40, KV)], ["b's kv"]),
        ([("a", "kv", 40, KV), NEW_KV], ["b's kv"]),
    ],
)  # fmt: skip
def test_what_is_evicted_first(puts: Sequence[Put], left: Sequence[str]) -> None:
    store: SessionCache[str] = SessionCache(10)
    put(store, *puts)
    assert kept(store, *puts) == left


def test_room_is_made_before_it_is_used() -> None:
    store: SessionCache[str] = SessionCache(10)
    put(store, OLD_KV, OLD_PICTURE)
    store.reserve("b", 7)
    assert kept(store, OLD_PICTURE) == []
    assert store.nbytes == 0
    put(store, NEW_PICTURE)
    put(store, ("b", "another", 3, FEATURES))
    assert store.nbytes == 3, "what is reserved counts"
    store.reserve("b", 0)
    put(store, NEW_PICTURE, NEW_KV)
    assert store.nbytes == 10


def test_each_session_is_told_once_what_it_lost() -> None:
    store: SessionCache[str] = SessionCache(10)
    store.put("a", "kv", "A", 4, rank=KV, units=300)
    store.put("a", "picture", "A", 3)
    store.put("b", "kv", "B", 10, rank=KV, units=700)
    assert store.pop_evicted_units("a") == {KV: 300, FEATURES: 1}
    assert not store.pop_evicted_units("a") and not store.pop_evicted_units("b")
    store.put("b", "too large", "B", 11)
    assert store.pop_evicted_units("b") == {FEATURES: 1}
    store.clear()
    assert store.pop_evicted_units("b") == {KV: 700}
    assert store.evicted == {KV: 2, FEATURES: 2}


def test_a_session_is_told_nothing_of_what_it_gave_up_itself() -> None:
    store: SessionCache[str] = SessionCache(10)
    put(store, OLD_KV, OLD_KV)
    assert store.pop("a", "kv")
    put(store, OLD_KV, NEW_KV, ("b", "more", 4, KV))
    store.forget("a")
    assert not store.pop_evicted_units("a")
    off: SessionCache[str] = SessionCache(0)
    put(off, OLD_KV)
    assert not off.pop_evicted_units("a") and not off.nbytes


def test_who_is_forgotten_while_something_is_made_for_it_keeps_nothing() -> None:
    store: SessionCache[str] = SessionCache(10)
    with store.in_use("a"), store.in_use("b"):
        store.forget("a")
        put(store, OLD_KV, NEW_KV)
    assert kept(store, OLD_KV, NEW_KV) == ["b's kv"]


def test_what_is_too_large_nameless_or_empty_is_not_kept() -> None:
    store: SessionCache[str] = SessionCache(10)
    store.put("a", 1, "A", 11)
    store.put("", 1, "A", 1)
    store.put("b", 1, "", 0)
    assert (store.get("a", 1), store.get("", 1), store.get("b", 1)) == (None, None, None)


def test_a_new_value_replaces_the_old_ones_bytes() -> None:
    store: SessionCache[str] = SessionCache(10)
    for _ in range(5):
        store.put("a", 1, "A", 6)
    assert store.nbytes == 6
    assert store.pop("a", 1) == "A" and store.nbytes == 0
