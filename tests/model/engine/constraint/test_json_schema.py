"""What is taken as a schema, and which schemas limit how long an answer gets."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from model.errors import SettingError
from model.json_schema import MAX_BYTES, MAX_DEPTH, MAX_NODES, ends
from model.settings import GenerationSettings
from tests.support.schemas import FIELDS, bounded


def taken(schema: Any) -> str | None:
    return GenerationSettings(json_schema=schema).json_schema


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


def test_a_mapping_and_its_text_are_the_same_setting_and_fields_keep_their_order() -> None:
    text = json.dumps(FIELDS, indent=2)
    assert taken(FIELDS) == taken(text) == taken(taken(text))
    assert list(json.loads(taken(text) or "")["properties"]) == list(FIELDS["properties"])
    assert hash(GenerationSettings(json_schema=text)) == hash(GenerationSettings(json_schema=text))
    assert (taken(None), taken(" \n"), taken({}), taken("{}")) == (None, None, "{}", "{}")


@pytest.mark.parametrize(
    "schema",
    [
        "no JSON",
        '{"type": "object"',
        "[]",
        "3",
        "true",
        3,
        [{}],
        {"minimum": float("nan")},
        {"default": object()},
        {"\ud800": 1},
        nested(MAX_DEPTH + 1),
        '{"items":' * 100_000,
        "[" * (2 * MAX_BYTES),
        {"description": "x" * MAX_BYTES},
        {"enum": list(range(MAX_NODES))},
        {"multipleOf": 999_983},
        {"anyOf": [{"multipleOf": n} for n in range(301, 499, 2)]},
    ],
    ids=lambda schema: repr(schema)[:24],
)
def test_what_is_no_schema_or_too_much_of_one_is_refused_by_name(schema: Any) -> None:
    with pytest.raises(SettingError, match="'json_schema'"):
        taken(schema)


def test_large_enough_schemas_are_taken() -> None:
    assert taken(nested(MAX_DEPTH - 2))
    assert taken({"enum": list(range(1000))})
    assert taken({"multipleOf": 0.01})


TEXT: dict[str, Any] = {"type": "string", "maxLength": 9}
ENDS: list[tuple[Any, bool]] = [
    ({}, False),
    (FIELDS, True),
    (TEXT, True),
    ({"type": "string"}, False),
    ({"type": "string", "format": "date"}, True),
    ({"type": "integer"}, False),
    ({"type": "number", "minimum": 0, "maximum": 9}, False),
    ({"type": "number", "minimum": 0, "maximum": 9, "multipleOf": 0.1}, True),
    ({"type": "array", "items": TEXT}, False),
    ({"type": "array", "maxItems": 3}, False),
    ({"type": "array", "items": TEXT, "maxItems": 3}, True),
    ({"type": ["null", "string"]}, False),
    ({"type": "object", "properties": {"a": TEXT}}, False),
    ({"type": "object", "additionalProperties": False}, True),
    ({"anyOf": [TEXT, {"type": "string"}]}, False),
    ({"allOf": [TEXT, {"type": "string"}]}, True),
    ({"$ref": "#/$defs/t", "$defs": {"t": TEXT}}, True),
    ({"$ref": "#"}, False),
    ({"$ref": "#/$defs/none"}, False),
    ({"type": 3}, False),
    ({"type": "object", "properties": [], "additionalProperties": False}, False),
]


@pytest.mark.parametrize(("schema", "expected"), ENDS)
def test_a_schema_limits_the_length_of_its_answers_or_does_not(schema: Any, expected: bool) -> None:
    assert ends(json.dumps(schema)) is expected


def test_references_to_references_take_no_time() -> None:
    refs: dict[str, Any] = {
        f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(60)
    }
    assert not ends(json.dumps({"$ref": "#/$defs/a0", "$defs": refs}))


def test_the_random_schemas_of_other_tests_all_end() -> None:
    rng = random.Random(1)
    assert all(ends(json.dumps(bounded(rng))) for _ in range(200))
