"""Schemas that are ready to use. Each limits how long its answer can get."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MAX_AMOUNT = 999_999_999
MAX_PLACE = 99_999  # a coordinate, in pixels or thousandths


def _text(most: int) -> dict[str, Any]:
    """What is not there is null."""
    return {"type": ["string", "null"], "maxLength": most}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": most}


_AMOUNT = {
    "type": ["number", "null"],
    "minimum": -MAX_AMOUNT,
    "maximum": MAX_AMOUNT,
    "multipleOf": 0.01,
}
_PLACE = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0, "maximum": MAX_PLACE},
    "minItems": 4,
    "maxItems": 4,
}
_ITEM = _object(description=_text(120), quantity=_AMOUNT, price=_AMOUNT, amount=_AMOUNT)
_SCHEMAS: Mapping[str, dict[str, Any]] = {
    "any": {},
    "invoice": _object(
        seller=_text(120),
        buyer=_text(120),
        number=_text(40),
        date=_text(20),
        due=_text(20),
        currency=_text(8),
        items=_list(_ITEM, 60),
        net=_AMOUNT,
        tax=_AMOUNT,
        total=_AMOUNT,
    ),
    "receipt": _object(
        shop=_text(120),
        date=_text(20),
        time=_text(10),
        currency=_text(8),
        items=_list(_object(description=_text(80), quantity=_AMOUNT, amount=_AMOUNT), 80),
        tax=_AMOUNT,
        total=_AMOUNT,
        paid_with=_text(40),
    ),
    "table": _object(
        columns=_list({"type": "string", "maxLength": 60}, 20),
        rows=_list(_list({"type": "string", "maxLength": 120}, 20), 100),
    ),
    "pairs": _list(_object(name={"type": "string", "maxLength": 80}, value=_text(200)), 80),
    "boxes": _list(_object(label={"type": "string", "maxLength": 80}, bbox_2d=_PLACE), 60),
}
# The text of each, by the name of its choice.
READY: Mapping[str, str] = {
    name: json.dumps(schema, separators=(",", ":")) for name, schema in _SCHEMAS.items()
}
