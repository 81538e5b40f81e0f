"""A checkpoint whose chat template opens a reasoning: what it thinks is told from what it answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import AddedToken
from transformers import AutoTokenizer

from model.backend import Cancel, Delta, Finished, Reasoning, collected
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.checkpoint_folders import Tensors, rewritten
from tests.support.stock import stock_answer
from tools.tiny.checkpoint import write_random_checkpoint

GREEDY = GenerationSettings(max_new_tokens=12)
TAGS = ("<think>", "</think>")
EMBEDDINGS = "model.language_model.embed_tokens.weight"
ASKED = Conversation().with_user_turn(Text("Why?"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Qwen3-VL in the manner of its Thinking checkpoints, which closes its reasoning after four tokens.

    The row of the tag and that of the fifth token of its answer change places, so it generates the tag there.
    """
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in TAGS])
    folder = tmp_path_factory.mktemp("thinking") / "qwen3_vl"
    write_random_checkpoint(folder, family="qwen3_vl", seed=1, tokenizer=tokenizer)
    template = folder / "chat_template.jinja"
    opened = template.read_text().replace(
        "<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n<think>\n{% endif %}"
    )
    template.write_text(opened)
    backend = LocalBackend.load(folder, device="cpu")
    ids, _ = stock_answer(backend, ASKED, GREEDY)
    assert ids[4] not in (*ids[:4], *backend.prompt_ids(ASKED, GREEDY))
    places = [ids[4], tokenizer.convert_tokens_to_ids("</think>")]

    def swapped(held: Tensors) -> Tensors:
        rows = held[EMBEDDINGS].clone()
        rows[places] = rows[places[::-1]]
        return held | {EMBEDDINGS: rows}

    rewritten(folder, swapped)
    return folder


@pytest.fixture(scope="module")
def thinking(folder: Path) -> LocalBackend:
    return LocalBackend.load(folder, device="cpu", cache_gb=0.5)


def test_what_stands_before_the_tag_is_reasoning(thinking: LocalBackend) -> None:
    ids, whole = stock_answer(thinking, ASKED, GREEDY)
    thought, _, answer = whole.partition("</think>")
    assert answer.strip() and thought.strip()
    events = list(thinking.stream(ASKED, GREEDY, Cancel()))
    assert "".join(e.text for e in events if isinstance(e, Reasoning)) == thought
    assert "".join(e.text for e in events if isinstance(e, Delta)) == answer.lstrip()
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.usage.new_tokens == len(ids)
    assert end.usage.reasoning_tokens == pytest.approx(4, abs=1)


def test_an_answer_that_ends_in_its_reasoning_is_empty(thinking: LocalBackend) -> None:
    short = GenerationSettings(max_new_tokens=3)
    answer, usage = collected(thinking.stream(ASKED, short, Cancel()))
    assert (answer, usage.stop_reason, usage.reasoning_tokens) == ("", "length", 3)


def test_the_answer_is_verified_without_the_reasoning(
    thinking: LocalBackend, picture: Image
) -> None:
    talk = Conversation().with_user_turn(picture, Text("Why?"))
    for asked in (ASKED, talk):
        answer, _ = collected(thinking.stream(asked, GREEDY, Cancel()))
        record = thinking.generation_record(asked, GREEDY)
        result = thinking.verify(record, answer, Cancel())
        assert result and result.equal
    changed = thinking.verify(record, f"{answer[:3]}~{answer[3:]}", Cancel())
    assert changed and not changed.equal


def test_several_answers_at_once_are_without_it_too(thinking: LocalBackend) -> None:
    other = Conversation().with_user_turn(Text("And how?"))
    alone = [collected(thinking.stream(talk, GREEDY, Cancel()))[0] for talk in (ASKED, other)]
    assert [text for text, _ in thinking.answer_batch([ASKED, other], GREEDY)] == alone


def test_the_next_turn_does_not_hold_it(thinking: LocalBackend) -> None:
    answer, _ = collected(thinking.stream(ASKED, GREEDY, Cancel(), session="kept"))
    talk = ASKED.with_reply(answer).with_user_turn(Text("Go on."))
    assert thinking.prompt(talk, GREEDY).count("think>") == 1
    alone, _ = collected(thinking.stream(talk, GREEDY, Cancel()))
    assert collected(thinking.stream(talk, GREEDY, Cancel(), session="kept"))[0] == alone


@pytest.mark.parametrize("place", [2, 5, 8])
def test_an_answer_that_is_continued_in_its_reasoning_or_after_it_equals_the_whole(
    thinking: LocalBackend, place: int
) -> None:
    whole, _ = collected(thinking.stream(ASKED, GREEDY, Cancel()))
    cut = GenerationSettings(max_new_tokens=place)
    *events, finished = thinking.stream(ASKED, cut, Cancel(), session="cut")
    assert isinstance(finished, Finished)
    begun = "".join(event.text for event in events if isinstance(event, Delta))
    talk = ASKED.with_reply(begun, finished.tokens)
    *events, finished = thinking.stream(talk, GREEDY, Cancel(), session="cut")
    more = "".join(event.text for event in events if isinstance(event, Delta))
    thought = "".join(event.text for event in events if isinstance(event, Reasoning))
    assert (begun + more)[: len(whole)] == whole
    assert bool(thought) == (place < 4)
    thinking.forget("cut")


def test_an_edited_answer_goes_on_after_its_reasoning(thinking: LocalBackend) -> None:
    prompt = thinking.prompt(ASKED.with_reply("Because"), GREEDY)
    assert prompt.endswith("<think>\n\n</think>\n\nBecause")
    events = thinking.stream(ASKED.with_reply("Because"), GREEDY, Cancel())
    assert not any(isinstance(event, Reasoning) for event in events)
