"""The loop guard fires on loops and on nothing that somebody wants to read."""

from __future__ import annotations

import json
import random
import sysconfig
from collections.abc import Hashable, Iterable
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from model.backend import Cancel, Delta, Finished
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Text
from model.engine.repetition import (
    CHECK_EVERY_TOKENS,
    MAX_PERIOD,
    MIN_REPEATS,
    MIN_TOKENS,
    RepetitionDetector,
)
from model.local import LocalBackend
from model.settings import GenerationSettings
from tools.tiny.checkpoint import build_model, scale_weights, write_checkpoint

ROOT = Path(__file__).parents[3]
REFRAIN = "Row, row, row your boat, gently down the stream.\nMerrily, merrily, merrily, merrily, life is but a dream.\n\n"
VERSES = ("The wheels", "The wipers", "The horn", "The doors", "The driver", "The babies")

# What pages look like when they are read out, and what is asked for in so many words.
HONEST = {
    "a table": "| city | people | area |\n|---|---:|---:|\n"
    + "".join(f"| Town {i} | {i * 7919 % 9973} | {i * 31 % 97}.{i % 10} |\n" for i in range(150)),
    "a table of zeros and ones": "".join(
        "| " + " | ".join(str(int(row == column)) for column in range(9)) + " |\n" for row in range(9)
    ),
    "an empty form": "| Name | Date | Sum |\n|------|------|-----|\n" + "|      |      |     |\n" * 12,
    "rules": ("-" * 80 + "\nA heading\n" + "=" * 80 + "\n\n* * *\n\n" + "_" * 60 + "\n") * 2,
    "a table of contents": "".join(
        f"{i}. Chapter {i} " + "." * 60 + f" {i * 13}\n" for i in range(1, 30)
    ),
    "many boxes": json.dumps(
        [{"bbox_2d": [i, 2 * i, i + 40, 2 * i + 30], "label": "person"} for i in range(120)], indent=1
    ),
    "boxes in control tokens": "".join(
        f"<|object_ref_start|>person<|object_ref_end|><|box_start|>({i},{i + 3}),({i + 50},{i + 90})<|box_end|>"
        for i in range(100)
    ),
    "a song": "".join(
        f"{verse} on the bus go round and round, round and round, round and round.\n{REFRAIN}"
        for verse in VERSES
    ),
    "a refrain, sung four times": REFRAIN * 4,
    "counting": ", ".join(map(str, range(1, 1000))),
    "a list": "".join(f"- [ ] Item number {i}\n" for i in range(200)),
    "spreadsheet": "".join(f"2024-01-{i % 28 + 1:02},OK,0,0,0,0\n" for i in range(150)),
    "laughing": "ha" * 60,
    "spaces": " " * 200 + "x",
}  # fmt: skip

LOOPS = {
    "one token": ["a"],
    "two tokens": ["a", "b"],
    "a period in which every token comes twice": list("aabbab"),
    "a sentence": list("The cat sits on the mat. "),
    "the longest period": [str(i) for i in range(MAX_PERIOD)],
}


def fires_after(tokens: Iterable[Hashable]) -> int | None:
    """How many tokens it lets through; None for all of them."""
    guard = RepetitionDetector()
    for count, token in enumerate(tokens, 1):
        guard.add(token)
        if guard.is_repeating:
            return count
    return None


@pytest.fixture(scope="module")
def tokenizer() -> AutoTokenizer:
    """The bundled one: its small vocabulary makes three times as many tokens of a text as a large one."""
    return AutoTokenizer.from_pretrained(BUNDLED)


@pytest.mark.parametrize("name", HONEST)
def test_it_lets_through_what_people_want_to_read(name: str, tokenizer: AutoTokenizer) -> None:
    text = HONEST[name]
    assert fires_after(tokenizer(text)["input_ids"]) is None
    assert fires_after(tokenizer(f"Here it is:\n\n{text}\nThat was it.")["input_ids"]) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["argparse", "html/entities", "mimetypes", "turtle", "this"])
def test_it_lets_real_code_through(name: str, tokenizer: AutoTokenizer) -> None:
    code = Path(sysconfig.get_path("stdlib"), f"{name}.py").read_text(encoding="utf-8")
    assert fires_after(tokenizer(code)["input_ids"]) is None


def test_it_lets_this_projects_own_prose_through(tokenizer: AutoTokenizer) -> None:
    for file in ROOT.glob("*.md"):
        assert fires_after(tokenizer(file.read_text(encoding="utf-8"))["input_ids"]) is None


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("before", [0, 1, 700])
def test_it_fires_on_a_loop_wherever_it_begins(name: str, before: int) -> None:
    period = LOOPS[name]
    opening = [f"opening {i}" for i in range(before)]
    enough = max(MIN_TOKENS, MIN_REPEATS * len(period))
    fired = fires_after([*opening, *(period * 4 * MIN_TOKENS)[: 4 * enough]])
    assert fired is not None
    assert enough <= fired - before < enough + CHECK_EVERY_TOKENS


def test_a_loop_is_noticed_just_when_it_is_one() -> None:
    """Against the definition itself, on short alphabets, in which nearly everything repeats a little."""
    rng = random.Random(0)
    for _ in range(60):
        period = [rng.choice("ab") for _ in range(rng.randint(1, 40))]
        tokens = [rng.choice("ab") for _ in range(rng.randint(0, 300))] + period * rng.randint(
            1, 30
        )
        assert (fires_after(tokens) is not None) == any(
            _repeats(tokens[:end])
            for end in range(MIN_TOKENS, len(tokens) + 1)
            if end % CHECK_EVERY_TOKENS == 0
        )


def _repeats(tokens: list[str]) -> bool:
    for period in range(1, MAX_PERIOD + 1):
        length = max(MIN_TOKENS, MIN_REPEATS * period)
        if len(tokens) >= length and all(tokens[-i] == tokens[-i - period] for i in range(1, length - period + 1)):  # fmt: skip
            return True
    return False


def test_a_short_answer_is_never_touched() -> None:
    assert fires_after(["a"] * (MIN_TOKENS - 1)) is None


@pytest.fixture(scope="module")
def dull(tmp_path_factory: pytest.TempPathFactory, tokenizer: AutoTokenizer) -> LocalBackend:
    """Weights so small that greedy answers soon repeat one token."""
    model = build_model(tokenizer, "qwen2_vl", "tiny", 0)
    scale_weights(model, gain=0.5)
    folder = write_checkpoint(tmp_path_factory.mktemp("dull"), model, tokenizer)
    return LocalBackend.load(folder, device="cpu", cache_gb=0.1)


def answered(backend: LocalBackend, settings: GenerationSettings) -> tuple[str, Finished]:
    events = list(backend.stream(Conversation().with_user_turn(Text("Hi")), settings, Cancel()))
    assert isinstance(events[-1], Finished)
    return "".join(e.text for e in events if isinstance(e, Delta)), events[-1]


@pytest.mark.slow
def test_a_model_that_repeats_itself_is_stopped_and_says_why(dull: LocalBackend) -> None:
    text, finished = answered(dull, GenerationSettings(max_new_tokens=2000))
    assert (finished.reason, finished.usage.stop_reason) == ("loop", "loop")
    assert MIN_TOKENS <= finished.usage.new_tokens < 1000
    assert text


@pytest.mark.slow
def test_a_stopped_loop_is_the_beginning_of_what_would_have_come(dull: LocalBackend) -> None:
    text, finished = answered(dull, GenerationSettings(max_new_tokens=2000))
    dull.engine.stop_repetition = False
    try:
        longer = finished.usage.new_tokens + 50
        unguarded, end = answered(dull, GenerationSettings(max_new_tokens=longer))
    finally:
        dull.engine.stop_repetition = True
    assert end.reason == "length" and unguarded.startswith(text) and len(unguarded) > len(text)


def test_a_loop_that_began_before_an_answer_was_continued_is_noticed() -> None:
    tokens = [1, 2, 3, 4] * MIN_TOKENS
    whole = RepetitionDetector()
    ended = next(n for n in range(len(tokens)) if whole.read(tokens[: n + 1]))
    rest = RepetitionDetector(begun=tokens[:100])
    assert not rest.is_repeating
    again = next(n for n in range(100, len(tokens)) if rest.read(tokens[100 : n + 1]))
    assert again == ended


def test_an_answer_that_ended_in_a_loop_can_be_continued() -> None:
    detector = RepetitionDetector(begun=[1, 2] * MIN_TOKENS)
    assert not detector.read([1, 2] * 20)
    assert detector.read([1, 2] * MIN_TOKENS)
