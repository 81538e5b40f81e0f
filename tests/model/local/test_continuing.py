"""An answer that was cut goes on as if it had never been."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from model.backend import Cancel, Delta, Finished, collected
from model.conversation import Conversation, Image, Text, Video
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.conftest import Times
from tests.support.stock import stock_generate, stock_inputs, stock_prompt

LONGEST = 40
GREEDY = GenerationSettings(max_new_tokens=LONGEST)
SAMPLED = replace(GREEDY, temperature=1.3, top_p=0.95, seed=7)
INCOMPLETE = "\ufffd"


def answered(
    backend: LocalBackend, talk: Conversation, settings: GenerationSettings, session: str = ""
) -> tuple[str, Finished]:
    *events, finished = backend.stream(talk, settings, Cancel(), session=session)
    assert isinstance(finished, Finished)
    return "".join(event.text for event in events if isinstance(event, Delta)), finished


@pytest.mark.parametrize("settings", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize("session", ["s", ""], ids=["reused", "read again"])
def test_an_answer_that_is_continued_equals_one_that_never_stopped(
    backend: LocalBackend,
    picture: Image,
    times: Times,
    settings: GenerationSettings,
    session: str,
) -> None:
    asked = Conversation().with_user_turn(picture, Text("What is this?"))
    whole, finished = answered(backend, asked, settings)
    places = random.Random(session).sample(range(1, LONGEST), times(3, nightly=LONGEST - 1))
    for place in places:
        cut = replace(settings, max_new_tokens=place)
        begun, ended = answered(backend, asked, cut, session)
        talk = asked.with_reply(begun, ended.tokens)
        kept = len(backend.prompt_ids(talk, settings)) - ended.usage.prompt_tokens
        rest = replace(settings, max_new_tokens=LONGEST - kept)
        more, continued = answered(backend, talk, rest, session)
        assert begun.rstrip(INCOMPLETE) + more == whole
        assert continued.tokens == finished.tokens
    backend.forget(session)


def test_a_stopped_answer_goes_on_and_its_kv_cache_is_reused(
    qwen2_vl: LocalBackend, picture: Image
) -> None:
    asked = Conversation().with_user_turn(picture, Text("What is this?"))
    cancel, begun = Cancel(), ""
    for event in qwen2_vl.stream(asked, GREEDY, cancel, session="stopped"):
        if isinstance(event, Delta):
            begun += event.text
            cancel.set()
        if isinstance(event, Finished):
            ended = event
    assert ended.reason == "cancelled"
    talk = asked.with_reply(begun, ended.tokens)
    more, continued = answered(qwen2_vl, talk, GREEDY, "stopped")
    whole, _ = answered(qwen2_vl, asked, replace(GREEDY, max_new_tokens=len(continued.tokens)))
    assert begun.rstrip(INCOMPLETE) + more == whole
    usage = continued.usage
    assert usage.continued_tokens in (len(ended.tokens), len(ended.tokens) - 1)
    assert usage.prompt_tokens == len(qwen2_vl.prompt_ids(asked, GREEDY)) + usage.continued_tokens
    assert usage.reused_tokens == usage.prompt_tokens - 1
    assert (usage.vision_encodes, usage.prefilled_tokens) == (0, 0)
    qwen2_vl.forget("stopped")


def test_an_edited_answer_goes_on_as_stock_continues_a_message(
    backend: LocalBackend, picture: Image, clip: Video
) -> None:
    asked = Conversation().with_user_turn(picture, clip, Text("What is this?"))
    _, finished = answered(backend, asked, GREEDY, "edited")
    edited = "\nIt is 한 <|box_start|>(1,2),(3,4)<|box_end|> boat and <|im_end|>"
    typed = edited.removesuffix("<|im_end|>")
    inputs = stock_inputs(backend, asked, GREEDY)
    ids = torch.tensor([backend.processor.tokenizer(typed).input_ids])
    for name in ("input_ids", "attention_mask", "mm_token_type_ids"):
        added = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        inputs[name] = torch.cat([inputs[name], added.get(name, torch.zeros_like(ids))], dim=1)
    ends = backend.engine.end_tokens
    expected = (token for token in stock_generate(backend, inputs, GREEDY) if token not in ends)
    talk = asked.with_reply(typed, finished.tokens)
    _, continued = answered(backend, talk, GREEDY, "edited")
    assert backend.prompt_ids(talk, GREEDY) == inputs["input_ids"][0].tolist()
    assert backend.prompt(talk, GREEDY) == stock_prompt(backend, asked, GREEDY) + typed
    assert continued.tokens == (*ids[0].tolist(), *expected)
    assert continued.usage.reused_tokens > continued.usage.visual_tokens
    closing = backend.processor.tokenizer.eos_token_id
    assert closing not in backend.prompt_ids(asked.with_reply(edited), GREEDY)[-8:]
    backend.forget("edited")


def test_an_estimate_counts_the_answer_that_is_continued(
    qwen2_vl: LocalBackend, picture: Image
) -> None:
    asked = Conversation().with_user_turn(picture, Text("What is this?"))
    begun, ended = answered(qwen2_vl, asked, GREEDY)
    before = qwen2_vl.estimate(asked, GREEDY).prompt_tokens
    talk = asked.with_reply(begun, ended.tokens)
    _, usage = collected(qwen2_vl.stream(talk, GREEDY, Cancel()))
    assert qwen2_vl.estimate(talk, GREEDY).prompt_tokens == usage.prompt_tokens
    assert usage.prompt_tokens == before + usage.continued_tokens


def test_nothing_is_continued_twice_as_long_as_it_may_be(
    qwen2_vl: LocalBackend, picture: Image
) -> None:
    asked = Conversation().with_user_turn(picture, Text("What is this?"))
    begun, ended = answered(qwen2_vl, asked, GREEDY)
    talk = asked.with_reply(begun, ended.tokens)
    _, continued = answered(qwen2_vl, talk, replace(GREEDY, max_new_tokens=5))
    assert continued.usage.new_tokens == 5
    assert len(continued.tokens) == continued.usage.continued_tokens + 5
