"""Schemas whose answers end by themselves, and some that must not stop a server."""

from __future__ import annotations

import random
from typing import Any

FIELDS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "count": {"type": "integer", "minimum": 0, "maximum": 999},
        "sure": {"type": "boolean"},
        "kind": {"enum": ["a", "b", None]},
    },
    "required": ["name", "count", "sure"],
    "additionalProperties": False,
}


def bounded(rng: random.Random, depth: int = 2) -> dict[str, Any]:
    """A random schema each of whose answers has a few hundred characters at most."""
    kinds = ("text", "number", "choice", "money", *(("object", "list", "either") * (depth > 0)))
    match rng.choice(kinds):
        case "text":
            return {"type": "string", "maxLength": rng.randint(0, 8)}
        case "number":
            return {
                "type": "integer",
                "minimum": -rng.randint(0, 99),
                "maximum": rng.randint(0, 999),
            }
        case "money":
            return {"type": "number", "minimum": 0, "maximum": 99, "multipleOf": 0.01}
        case "choice":
            return {"enum": rng.sample(["red", "é", "日本", 1, 2.5, True, None, ""], 3)}
        case "object":
            names = rng.sample(["a", "b c", "ü", "total", "x1"], rng.randint(1, 3))
            return {
                "type": "object",
                "properties": {name: bounded(rng, depth - 1) for name in names},
                "required": rng.sample(names, rng.randint(0, len(names))),
                "additionalProperties": False,
            }
        case "list":
            most = rng.randint(0, 3)
            items = bounded(rng, depth - 1)
            return {"type": "array", "items": items, "minItems": min(1, most), "maxItems": most}
    return {"anyOf": [bounded(rng, depth - 1), {"type": "null"}]}
