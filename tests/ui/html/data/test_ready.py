"""The schemas that the page offers: answers to them end, and a model can be held to them."""

from __future__ import annotations

import json

import pytest

from model.json_schema import ends
from model.local import LocalBackend
from model.settings import GenerationSettings
from ui.html.data.form import answer_as
from ui.html.data.ready import READY
from ui.text.chinese import CHINESE
from ui.text.english import ENGLISH


@pytest.mark.parametrize("name", READY)
def test_a_ready_schema_is_taken_and_limits_its_answers(qwen2_vl: LocalBackend, name: str) -> None:
    assert GenerationSettings(json_schema=READY[name]).json_schema == READY[name]
    assert ends(READY[name]) is (name != "any")
    assert qwen2_vl.engine.schemas.matchers(READY[name])


def test_every_choice_has_a_name_in_every_language() -> None:
    for texts in (ENGLISH, CHINESE):
        assert set(texts.answer_kinds) == {"", *READY, "own"}
        assert all(name in answer_as(texts) for name in texts.answer_kinds.values())
        assert json.dumps(READY["any"]).strip('"') in answer_as(texts)


def test_the_types_of_ones_own_fields_can_be_held_to(qwen2_vl: LocalBackend) -> None:
    """Those of assets/js/settings/answer_as.js."""
    most = 999_999_999
    parts = {
        "text": {"type": ["string", "null"], "maxLength": 200},
        "number": {
            "type": ["number", "null"], "minimum": -most, "maximum": most, "multipleOf": 0.01,
        },
        "whole": {"type": ["integer", "null"], "minimum": -most, "maximum": most},
        "yes": {"type": ["boolean", "null"]},
        "date": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "list": {"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 50},
    }  # fmt: skip
    assert set(parts) == set(ENGLISH.field_types)
    schema = json.dumps({"type": "object", "properties": parts, "additionalProperties": False})
    assert ends(schema) and qwen2_vl.engine.schemas.matchers(schema)
