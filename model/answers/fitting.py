"""Whether an answer fits a JSON schema: for servers, which may ignore the schema.

It checks the keywords that say what kind of data there is and how much, and ignores others: the pattern of a stranger
could take for ever. An answer that it refuses does not fit; one that it lets through nearly always does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from model.json_schema import target

_KINDS: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
# References that are followed within each other.
MAX_FOLLOWED = 64


def fits(answer: str, schema: str) -> bool:
    """Whether `answer` is one JSON value that fits `schema`, the text of a schema."""
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    root = json.loads(schema)
    return _fits(value, root, root, 0)


def _fits(value: Any, schema: Any, root: Any, followed: int) -> bool:
    if not isinstance(schema, dict):
        return schema is not False
    if isinstance(reference := schema.get("$ref"), str):
        if followed == MAX_FOLLOWED:
            return True
        if not _fits(value, target(reference, root), root, followed + 1):
            return False
    if ("const" in schema and not _same(value, schema["const"])) or (
        "enum" in schema and not any(_same(value, one) for one in schema["enum"])
    ):
        return False
    for key, enough in (("allOf", all), ("anyOf", any), ("oneOf", any)):
        parts = schema.get(key)
        if parts and not enough(_fits(value, part, root, followed) for part in parts):
            return False
    return _is_of(value, schema.get("type")) and _content_fits(value, schema, root, followed)


def _same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)


def _is_of(value: Any, kinds: Any) -> bool:
    if kinds is None:
        return True
    if isinstance(value, bool):
        return "boolean" in ([kinds] if isinstance(kinds, str) else kinds)
    kinds = [kinds] if isinstance(kinds, str) else kinds
    whole = isinstance(value, float) and value.is_integer() and "integer" in kinds
    return whole or any(isinstance(value, _KINDS.get(kind, ())) for kind in kinds)


def _content_fits(value: Any, schema: dict[str, Any], root: Any, followed: int) -> bool:
    match value:
        case str():
            return _within(len(value), schema, "Length")
        case bool() | None:
            return True
        case int() | float():
            low, high = schema.get("minimum", value), schema.get("maximum", value)
            return bool(low <= value <= high)
        case list():
            return _within(len(value), schema, "Items") and _list_fits(
                value, schema, root, followed
            )
        case dict():
            return _within(len(value), schema, "Properties") and _object_fits(
                value, schema, root, followed
            )
    return False


def _within(count: int, schema: dict[str, Any], what: str) -> bool:
    return bool(schema.get(f"min{what}", count) <= count <= schema.get(f"max{what}", count))


def _list_fits(value: list[Any], schema: dict[str, Any], root: Any, followed: int) -> bool:
    first = schema.get("prefixItems", [])
    rest = [schema.get("items", True)] * max(0, len(value) - len(first))
    parts = zip(value, [*first, *rest], strict=False)
    return all(_fits(one, part, root, followed) for one, part in parts)


def _object_fits(value: dict[str, Any], schema: dict[str, Any], root: Any, followed: int) -> bool:
    known = schema.get("properties", {})
    others = True if "patternProperties" in schema else schema.get("additionalProperties", True)
    return all(name in value for name in schema.get("required", ())) and all(
        _fits(one, known.get(name, others), root, followed) for name, one in value.items()
    )
