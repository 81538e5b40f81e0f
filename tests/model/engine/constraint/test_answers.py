"""An answer that is held to a schema fits it when it ends, and is the one that stock transformers gives."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.answers.fitting import fits
from model.backend import Cancel, Delta, Finished, Usage, collected
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Image, Text
from model.engine.constraint import schemas as schemas_module
from model.errors import DemoError, SettingError
from model.json_schema import ends
from model.local import LocalBackend
from model.reproduce import stock
from model.settings import GenerationSettings
from tests.conftest import Times
from tests.support.schemas import FIELDS, bounded
from tests.support.stock import stock_inputs

ROOT = Path(__file__).parents[4]
TALK = Conversation().with_user_turn(Text("Hi"))
HELD = GenerationSettings(max_new_tokens=400, json_schema=json.dumps(FIELDS))
LONG = GenerationSettings(max_new_tokens=2000)
ROWS = {"type": "array", "items": FIELDS, "minItems": 6, "maxItems": 6}


def answer(
    backend: LocalBackend, settings: GenerationSettings, talk: Conversation = TALK
) -> tuple[str, Usage]:
    return collected(backend.stream(talk, settings, Cancel(), session="held"))


@pytest.fixture(autouse=True)
def _forgotten(qwen2_vl: LocalBackend) -> None:
    qwen2_vl.forget("held")


def test_every_answer_to_a_schema_with_bounds_ends_and_fits(
    qwen2_vl: LocalBackend, times: Times
) -> None:
    """Random weights: only the schema keeps them from writing anything."""
    rng = random.Random(40)
    for number in range(times(30, nightly=1000)):
        schema = bounded(rng)
        settings = GenerationSettings(
            max_new_tokens=1500,
            json_schema=json.dumps(schema),
            temperature=rng.choice([0.0, 1.0, 2.0]),
            top_k=0,
            repetition_penalty=rng.choice([1.0, 1.3]),
            seed=number,
        )
        said, usage = answer(qwen2_vl, settings)
        assert settings.json_schema and ends(settings.json_schema)
        assert usage.stop_reason == "stop", (schema, said)
        assert fits(said, settings.json_schema), (schema, said)


@pytest.mark.parametrize("schema", [FIELDS, {}, ROWS], ids=["fields", "any", "rows"])
def test_a_greedy_answer_is_stocks_token_for_token(
    backend: LocalBackend, picture: Image, schema: dict[str, object]
) -> None:
    talk = Conversation().with_user_turn(picture, Text("What?"))
    settings = GenerationSettings(max_new_tokens=60, json_schema=json.dumps(schema))
    said, _ = collected(backend.stream(talk, settings, Cancel()))
    assert said == stocks(backend, talk, settings)


def stocks(backend: LocalBackend, talk: Conversation, settings: GenerationSettings) -> str:
    """The answer of `generate` with the processor that Reproduce prints."""
    assert settings.json_schema is not None
    inputs, ends_at = stock_inputs(backend, talk, settings), sorted(backend.engine.end_tokens)
    length = inputs["input_ids"].shape[1]
    held = stock.held_to(backend.processor, settings.json_schema, length, ends_at, thinks=False)
    with torch.inference_mode():
        ids = backend.model.generate(
            **inputs,
            do_sample=False,
            repetition_penalty=settings.repetition_penalty,
            max_new_tokens=settings.max_new_tokens,
            eos_token_id=ends_at,
            pad_token_id=ends_at[0],
            logits_processor=[held],
        )[0, length:].tolist()
    kept = [token for token in ids if token not in ends_at]
    text: str = backend.processor.tokenizer.decode(kept)
    return text


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_drafts_change_no_answer(qwen2_vl: LocalBackend, penalty: float) -> None:
    """Prompt lookup proposes what the schema excludes, and tokens that it takes back."""
    looking_up = LocalBackend(qwen2_vl.model, qwen2_vl.processor, prompt_lookup=True)
    # Its own answers in the prompt give drafts.
    settings = replace(HELD, json_schema=json.dumps(ROWS), repetition_penalty=penalty)
    said, _ = answer(qwen2_vl, settings)
    talk = TALK.with_reply(said[: len(said) // 2]).with_user_turn(Text(f"{said} Again: x"))
    expected, usage = answer(qwen2_vl, settings, talk)
    assert answer(looking_up, settings, talk)[0] == expected
    assert usage.stop_reason == "stop"
    assert fits(expected, settings.json_schema or "")


def test_answers_together_are_those_that_each_gets_alone(qwen2_vl: LocalBackend) -> None:
    talks = [Conversation().with_user_turn(Text("Hi " * n)) for n in (1, 4, 9)]
    together = qwen2_vl.answer_batch(talks, HELD)
    alone = [answer(qwen2_vl, HELD, talk) for talk in talks]
    assert [said for said, _ in together] == [said for said, _ in alone]
    assert {usage.stop_reason for _, usage in together} == {"stop"}


def test_the_next_turn_reuses_what_was_answered(qwen2_vl: LocalBackend) -> None:
    said, usage = answer(qwen2_vl, HELD)
    talk = TALK.with_reply(said).with_user_turn(Text("And now?"))
    _, again = answer(qwen2_vl, HELD, talk)
    assert again.reused_tokens >= usage.prompt_tokens + usage.new_tokens - 1
    free = replace(HELD, json_schema=None)
    reused, _ = answer(qwen2_vl, free, talk)
    qwen2_vl.forget("held")
    assert reused == answer(qwen2_vl, free, talk)[0]


def test_a_stopped_answer_is_the_beginning_of_the_whole_one(qwen2_vl: LocalBackend) -> None:
    whole, _ = answer(qwen2_vl, HELD)
    cancel, said = Cancel(), ""
    for event in qwen2_vl.stream(TALK, HELD, cancel):
        if isinstance(event, Delta):
            said += event.text
            cancel.set()
        if isinstance(event, Finished):
            assert event.reason == "cancelled"
    assert said and whole.startswith(said) and said != whole


def test_an_answer_that_repeats_itself_ends_only_where_its_schema_does_not_end_it(
    qwen2_vl: LocalBackend,
) -> None:
    alike = {"type": "array", "items": {"const": 1}, "minItems": 300}
    looping, usage = answer(qwen2_vl, replace(LONG, json_schema=json.dumps(alike)))
    assert usage.stop_reason == "loop" and looping.startswith("[1,1,1,")
    bounded_alike = json.dumps({**alike, "maxItems": 300})
    said, usage = answer(qwen2_vl, replace(LONG, json_schema=bounded_alike))
    assert usage.stop_reason == "stop" and json.loads(said) == [1] * 300


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"not": {}}, "not"),
        ({"$ref": "#"}, "json_schema"),
        ({"$ref": "http://127.0.0.1:9/schema"}, "127.0.0.1"),
        ({"type": "string", "pattern": "^(.*a.{12}b.*c.{12})$", "minLength": 50}, "regex"),
    ],
    ids=["unknown", "itself", "elsewhere", "costly"],
)
def test_a_schema_that_no_answer_can_be_held_to_is_refused_in_a_sentence(
    qwen2_vl: LocalBackend, schema: dict[str, object], reason: str
) -> None:
    settings = GenerationSettings(json_schema=json.dumps(schema))
    with pytest.raises(SettingError, match=reason):
        answer(qwen2_vl, settings)
    with pytest.raises(SettingError, match=reason):
        qwen2_vl.answer_batch([TALK], settings)


def test_only_the_latest_schemas_are_kept(qwen2_vl: LocalBackend) -> None:
    compiled = schemas_module.Schemas(qwen2_vl.processor.tokenizer, qwen2_vl.engine.end_tokens)
    for number in range(schemas_module.MAX_COMPILED + 5):
        compiled.matchers(f'{{"const":{number}}}')
    assert len(compiled._compiled) == schemas_module.MAX_COMPILED


def test_an_answer_in_words_does_not_load_what_holds_answers() -> None:
    code = f"""
import sys
from model.backend import Cancel
from model.conversation import Conversation, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
backend = LocalBackend.load({str(BUNDLED)!r}, device="cpu")
list(backend.stream(Conversation().with_user_turn(Text("Hi")), GenerationSettings(max_new_tokens=2), Cancel()))
print("llguidance" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "False", run.stderr


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_continued_answer_equals_one_that_never_stopped(
    qwen2_vl: LocalBackend, temperature: float
) -> None:
    settings = replace(HELD, temperature=temperature, seed=3)
    whole, usage = answer(qwen2_vl, settings)
    for place in (1, usage.new_tokens // 2, usage.new_tokens - 1):
        *events, finished = qwen2_vl.stream(TALK, replace(settings, max_new_tokens=place), Cancel())
        assert isinstance(finished, Finished)
        begun = "".join(event.text for event in events if isinstance(event, Delta))
        more, ended = answer(qwen2_vl, settings, TALK.with_reply(begun, finished.tokens))
        assert begun.rstrip("\ufffd") + more == whole and ended.stop_reason == "stop"


def test_an_edited_answer_goes_on_as_data_if_it_is_the_beginning_of_some(
    qwen2_vl: LocalBackend,
) -> None:
    begun = '{"name":"A bo'
    more, usage = answer(qwen2_vl, HELD, TALK.with_reply(begun))
    assert usage.stop_reason == "stop" and fits(begun + more, HELD.json_schema or "")
    with pytest.raises(DemoError, match=r"begins with does not fit 'json_schema'"):
        answer(qwen2_vl, HELD, TALK.with_reply("It is a boat"))


def test_continued_answers_together_each_go_on_from_their_own_end(qwen2_vl: LocalBackend) -> None:
    begun = ["", '{"name":"A bo', '{"na']
    talks = [TALK.with_reply(text) if text else TALK for text in begun]
    together = [said for said, _ in qwen2_vl.answer_batch(talks, HELD)]
    assert together == [answer(qwen2_vl, HELD, talk)[0] for talk in talks]
    assert all(fits(a + b, HELD.json_schema or "") for a, b in zip(begun, together, strict=True))


def test_probabilities_are_those_among_the_tokens_that_fit(qwen2_vl: LocalBackend) -> None:
    settings = replace(HELD, json_schema='{"const":"abc"}', logprobs=True)
    said, usage = answer(qwen2_vl, settings)
    assert said == '"abc"' and usage.logprobs
    assert max(token["logprob"] for token in usage.logprobs) <= 0
    forced = [token for token in usage.logprobs if token["text"] == '"']
    assert forced and forced[-1]["logprob"] == pytest.approx(0, abs=1e-5)


def test_a_schema_that_becomes_too_complex_on_the_way_ends_with_a_sentence(
    qwen2_vl: LocalBackend,
) -> None:
    """Llguidance limits the work of each step, so that a stranger's schema holds nobody up."""
    parts = [{"properties": {f"p{n}": {}, f"q{n}": {}}, "type": "object"} for n in range(300)]
    settings = replace(HELD, json_schema=json.dumps({"anyOf": parts}))
    with pytest.raises(DemoError, match="too complex"):
        answer(qwen2_vl, settings)
    assert answer(qwen2_vl, HELD)[1].stop_reason == "stop"
