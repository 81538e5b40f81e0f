"""An answer is compared with a schema without what holds it to one."""

from __future__ import annotations

import json

import pytest

from model.answers.fitting import fits

ROW = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
CASES: list[tuple[object, str, bool]] = [
    ({}, "[1]", True),
    ({}, "no JSON", False),
    ({}, '{"a": 1} and more', False),
    ({"type": "integer"}, "2", True),
    ({"type": "integer"}, "2.5", False),
    ({"type": "integer"}, "true", False),
    ({"type": ["string", "null"]}, "null", True),
    ({"type": "number", "minimum": 0, "maximum": 3}, "4", False),
    ({"type": "string", "maxLength": 2}, '"日本"', True),
    ({"type": "string", "maxLength": 2}, '"abc"', False),
    ({"enum": [1, "a"]}, "true", False),
    ({"const": {"a": [1]}}, '{"a": [1]}', True),
    ({"anyOf": [{"type": "null"}, ROW]}, '{"n": 1}', True),
    ({"anyOf": [{"type": "null"}, ROW]}, '{"n": "1"}', False),
    ({"type": "array", "items": ROW, "maxItems": 1}, '[{"n": 1}]', True),
    ({"type": "array", "items": ROW, "maxItems": 1}, '[{"n": 1}, {"n": 2}]', False),
    ({"type": "array", "items": ROW}, "[{}]", False),
    ({"prefixItems": [{"type": "null"}], "items": False}, "[null, 1]", False),
    ({**ROW, "additionalProperties": False}, '{"n": 1, "m": 2}', False),
    ({**ROW, "additionalProperties": {"type": "null"}}, '{"m": null, "n": 1}', True),
    ({"$ref": "#/$defs/row", "$defs": {"row": ROW}}, '{"n": 1}', True),
    ({"$ref": "#/$defs/row", "$defs": {"row": ROW}}, "[]", False),
    ({"$ref": "#"}, "1", True),
]


@pytest.mark.parametrize(("schema", "answer", "expected"), CASES)
def test_an_answer_fits_or_does_not(schema: object, answer: str, expected: bool) -> None:
    assert fits(answer, json.dumps(schema)) is expected


def test_what_is_nested_without_end_does_not_fit() -> None:
    assert not fits("[" * 100_000, "{}")
