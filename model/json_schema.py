"""The JSON schema that an answer is held to: its text, the limits of what a stranger may send, and whether answers end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from model.errors import SettingError, SettingName
from model.json_size import Nodes

MAX_BYTES = 32_768
MAX_NODES = 4_000
MAX_DEPTH = 32
# Of the significant digits of every `multipleOf`, as numbers. The automaton of a multiple has so many states.
MAX_MULTIPLES = 20_000
# Formats of one length.
_FIXED_FORMATS = ("date", "uuid", "ipv4")
_LOWEST, _HIGHEST = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")


def canonical(value: object, name: str) -> str | None:
    """Return a schema as JSON without spaces, its keys in their order, which is the order of the answer's fields.

    value: a mapping, or its JSON; an empty text is no schema. Raises `SettingError`, which names the setting.
    """
    if isinstance(value, str) and not value.strip():
        return None
    schema = _parsed(value, name) if isinstance(value, str) else value
    if not isinstance(schema, Mapping):
        raise SettingError(
            "{setting} must be a JSON schema: an object, such as {example}.",
            setting=SettingName(name),
            example='{"type": "object"}',
        )
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise _not_json(name) from error
    # The parser has a limit of its own, which is higher.
    if size > MAX_BYTES or Nodes().read(text.encode()) > MAX_NODES or _depth(schema) > MAX_DEPTH:
        raise _too_large(name)
    if _multiples(schema) > MAX_MULTIPLES:
        raise SettingError(
            "{setting} has a 'multipleOf' with too many digits; use one such as 0.01, or leave it out.",
            setting=SettingName(name),
        )
    return text


def ends(schema: str) -> bool:
    """Whether every answer to a schema is of limited length: texts, lists and numbers have a maximum everywhere."""
    root = json.loads(schema)
    try:
        return _Bounds(root).end(root)
    except (TypeError, AttributeError):
        return False  # it is no valid schema, which is told by whoever compiles it


def response_format(schema: str) -> dict[str, Any]:
    """The schema as the field of this name of OpenAI's API."""
    parsed = json.loads(schema)
    if not parsed:
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": parsed, "strict": True},
    }


def _parsed(text: str, name: str) -> object:
    encoded = text.encode(errors="replace")
    # The parser holds the interpreter's lock until it has finished.
    if len(encoded) > 4 * MAX_BYTES or Nodes().read(encoded) > MAX_NODES:
        raise _too_large(name)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _not_json(name) from error


def _not_json(name: str) -> SettingError:
    return SettingError(
        "{setting} is no valid JSON; check its quotes, commas and brackets.",
        setting=SettingName(name),
    )


def _too_large(name: str) -> SettingError:
    return SettingError(
        "{setting} is too large; a schema may have {bytes} bytes, {nodes} parts and {depth} levels.",
        setting=SettingName(name),
        bytes=f"{MAX_BYTES:,}",
        nodes=f"{MAX_NODES:,}",
        depth=MAX_DEPTH,
    )


def _depth(value: object) -> int:
    """The levels of nested objects and lists."""
    level, depth = [value], 0
    while level := [inner for outer in level for inner in _inner(outer)]:
        depth += 1
    return depth


def _inner(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def _multiples(value: object) -> int:
    own = value.get("multipleOf") if isinstance(value, Mapping) else None
    digits = Decimal(str(own)).as_tuple().digits if isinstance(own, int | float) else (0,)
    written = int("".join(map(str, digits)).strip("0") or 0)
    return written + sum(map(_multiples, _inner(value)))


class _Bounds:
    """Whether parts of a schema end."""

    def __init__(self, root: Any) -> None:
        self._root = root
        # By reference. One that is being followed never ends.
        self._known: dict[str, bool] = {}
        self._followed = 0

    def end(self, schema: Any) -> bool:
        if not isinstance(schema, dict):
            return schema is False
        if "enum" in schema or "const" in schema or self._reference_ends(schema.get("$ref")):
            return True
        for key, every in (("allOf", any), ("anyOf", all), ("oneOf", all)):
            if (parts := schema.get(key)) and every(map(self.end, parts)):
                return True
        kinds = schema.get("type", ())
        kinds = [kinds] if isinstance(kinds, str) else kinds
        return bool(kinds) and all(self._kind_ends(kind, schema) for kind in kinds)

    def _reference_ends(self, reference: Any) -> bool:
        if not isinstance(reference, str) or self._followed == MAX_DEPTH:
            return False
        if reference not in self._known:
            self._known[reference] = False
            self._followed += 1
            self._known[reference] = self.end(target(reference, self._root))
            self._followed -= 1
        return self._known[reference]

    def _kind_ends(self, kind: str, schema: dict[str, Any]) -> bool:
        match kind:
            case "null" | "boolean":
                return True
            case "string":
                return "maxLength" in schema or schema.get("format") in _FIXED_FORMATS
            case "integer" | "number":
                limited = all(any(key in schema for key in keys) for keys in (_LOWEST, _HIGHEST))
                return limited and (kind == "integer" or "multipleOf" in schema)
            case "array":
                items = (*schema.get("prefixItems", ()), schema.get("items"))
                return "maxItems" in schema and all(map(self.end, items))
            case "object":
                closed = schema.get("additionalProperties") is False
                known = schema.get("properties", {}).values()
                return closed and "patternProperties" not in schema and all(map(self.end, known))
        return False


def target(reference: str, root: Any) -> Any:
    """What a reference within the schema names, such as `#/$defs/row`; None for others."""
    found = root if reference.startswith("#") else None
    for name in reference.removeprefix("#").split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found
