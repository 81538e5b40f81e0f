"""Real checkpoints that share one machine's memory: equal answers, and memory that is given back."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from model.backend import Backend, Cancel, Status, collected
from model.checkpoint import load as checkpoint_loading
from model.checkpoint.choose import BUNDLED, Flags
from model.conversation import Conversation, Image, Text
from model.errors import DemoError
from model.local import LocalBackend
from model.local.source import LocalCheckpoint, LocalOptions
from model.serving.fair_lock import FairLock
from model.settings import DefaultSettings, GenerationSettings
from model.switching.backend import SwitchedBackend
from model.switching.checkpoint import Source
from model.switching.switch import Switch
from tests.support.adapters import write_adapter

SETTINGS = GenerationSettings(max_new_tokens=12)


def switched(flags: dict[str, Flags]) -> dict[str, SwitchedBackend]:
    options = LocalOptions(FairLock(), cache_gb=0.2)
    switch = Switch(
        {
            name: Source(
                Status("ready", name, reproducible=True),
                DefaultSettings(),
                lambda report, one=one: LocalCheckpoint(one, options, report),  # type: ignore[misc]
            )
            for name, one in flags.items()
        }
    )
    return {name: SwitchedBackend(switch, name) for name in flags}


def ask(backend: Backend, talk: Conversation) -> str:
    return collected(backend.stream(talk, SETTINGS, Cancel(), session="s"))[0]


@pytest.fixture
def talk(picture: Image) -> Conversation:
    return Conversation().with_user_turn(picture, Text("What is this?"))


def test_checkpoints_answer_in_turns_as_they_do_alone(
    checkpoints: dict[str, Path], tmp_path: Path, talk: Conversation
) -> None:
    """The bundled one, with an adapter and without, and one of another family, which costs and names places its own way."""
    adapter = str(write_adapter(tmp_path / "mine", BUNDLED))
    other = str(checkpoints["qwen2_5_vl"])
    flags = {
        "with": Flags("tiny", cpu_only=True, adapter=adapter),
        "without": Flags("tiny", cpu_only=True),
        "other": Flags(other, cpu_only=True),
    }
    alone = {
        "with": LocalBackend.load(BUNDLED, device="cpu", adapter=adapter),
        "without": LocalBackend.load(BUNDLED, device="cpu"),
        "other": LocalBackend.load(other, device="cpu"),
    }
    several = switched(flags)
    asked = talk
    for name in ("without", "with", "other", "without"):
        answer = ask(several[name], asked)
        assert answer == ask(alone[name], asked), name
        told, expected = several[name].status(), alone[name].status()
        assert (told.label, told.convention) == (expected.label, expected.convention)
        assert several[name].estimate(asked, SETTINGS) == alone[name].estimate(asked, SETTINGS)
        record = several[name].generation_record(asked, SETTINGS)
        assert record == alone[name].generation_record(asked, SETTINGS)
        asked = asked.with_reply(answer).with_user_turn(Text("And now?"))


def test_what_leaves_memory_is_gone_and_comes_back(
    talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = switched({"one": Flags("tiny", cpu_only=True), "two": Flags("tiny", cpu_only=True)})
    first = ask(several["one"], talk)
    backend = several["one"]._checkpoint.backend
    assert isinstance(backend, LocalBackend)
    model = weakref.ref(backend.model)
    before = several["one"].estimate(talk, SETTINGS)
    del backend
    place = several["one"]._checkpoint.place
    assert place
    # No more is free than what the first one takes.
    held = several["one"]._checkpoint
    monkeypatch.setattr(
        checkpoint_loading, "free_memory", lambda _: 0 if held.backend else place.needed
    )
    assert ask(several["two"], talk) == first
    gc.collect()
    assert model() is None, "its weights are still held"
    assert several["one"].cache_figures() is None
    assert several["one"].estimate(talk, SETTINGS) == before
    record = several["one"].generation_record(talk, SETTINGS)
    monkeypatch.setattr(checkpoint_loading, "free_memory", lambda _: place.needed)
    result = several["one"].verify(record, first, Cancel())
    assert result and result.equal


def test_files_are_checked_before_anything_leaves(tmp_path: Path, talk: Conversation) -> None:
    several = switched(
        {"one": Flags("tiny", cpu_only=True), "missing": Flags(str(tmp_path / "no"), cpu_only=True)}
    )
    ask(several["one"], talk)
    with pytest.raises(DemoError, match="There is no folder"):
        ask(several["missing"], talk)
    assert several["missing"].status().state == "failed"
    assert several["one"].cache_figures() is not None
