"""Checkpoints that are stored quantized: what reads their weights, and which of their layers are not quantized.

Everything here raises `CheckpointError` with the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from model.checkpoint.formats.weight_files import UNPACKED, Held
from model.errors import CheckpointError
from model.families import now_called


@dataclass(frozen=True)
class Reader:
    """The packages that read one kind of weights, and the command that installs them."""

    packages: tuple[str, ...] = ()
    command: str = ""


GPTQMODEL = Reader(("gptqmodel", "optimum"), "pip install gptqmodel optimum")
READERS = {
    "gptq": GPTQMODEL,
    "awq": GPTQMODEL,
    "bitsandbytes": Reader(("bitsandbytes",), "pip install bitsandbytes"),
    "compressed-tensors": Reader(("compressed_tensors",), "pip install compressed-tensors"),
    "fp8": Reader(),  # transformers itself
}
# Where configurations list the parts that were left as they are.
SKIPPED = ("modules_to_not_convert", "llm_int8_skip_modules", "ignore")
Import = Callable[[str], str | None]


def told_by(config: Any) -> dict[str, Any]:
    """The `quantization_config` of a configuration of transformers'; empty if there is none."""
    told = getattr(config, "quantization_config", None) or {}
    return told if isinstance(told, dict) else dict(told.to_dict())


def method_of(told: Mapping[str, Any]) -> str:
    """The name of what a `quantization_config` describes."""
    if told.get("load_in_4bit") or told.get("load_in_8bit"):
        return "bitsandbytes"
    return str(told.get("quant_method"))


def described(told: Mapping[str, Any]) -> str:
    bits = told.get("bits")
    return f"{method_of(told)}, {bits} bits" if bits else method_of(told)


def require_reader(
    checkpoint: str, told: Mapping[str, Any], imported: Import | None = None
) -> None:
    """The packages that read these weights must be here, whole."""
    method = method_of(told)
    if method not in READERS:
        raise CheckpointError(
            "{checkpoint} is quantized with {method}, which this program does not read; choose a GPTQ or "
            "AWQ checkpoint with --checkpoint-path.",
            checkpoint=checkpoint,
            method=method,
        )
    reader = READERS[method]
    for package in reader.packages:
        reason = (imported or obstacle)(package)
        if reason is not None:
            raise CheckpointError(
                "{checkpoint} is quantized with {method} and needs {packages} ({reason}); run "
                "`{command}`.",
                checkpoint=checkpoint,
                method=method,
                packages=", ".join(reader.packages),
                reason=reason,
                command=reader.command,
            )


def obstacle(package: str) -> str | None:
    """Why a package cannot be imported; None if it can."""
    if find_spec(package) is None:
        return f"{package} is not installed"
    try:
        import_module(package)
    except Exception as error:  # whatever a package does that does not match the others
        return f"{package} fails: {error}"
    return None


def honoured(told: Mapping[str, Any], held: Mapping[str, Held]) -> dict[str, Any]:
    """The same with the names that the parts have now, so that what was left as it is stays so.

    held: the tensors in the files. What is packed there was not left as it is, whatever the list says: older
    versions did not know it either.
    """
    packed = [now_called(name) for name, tensor in held.items() if tensor.dtype not in UNPACKED]
    renamed = {}
    for key in SKIPPED:
        if isinstance(names := told.get(key), list):
            now = [_now_called(name) for name in names]
            left = [new for new in now if new not in names and not _any_in(new, packed)]
            renamed[key] = [*names, *left]
    return {**told, **renamed}


def _any_in(part: str, names: Iterable[str]) -> bool:
    pattern = part.removeprefix("re:") if part.startswith("re:") else re.escape(part) + r"\b"
    return any(re.match(pattern, name) for name in names)


def _now_called(name: str) -> str:
    """A name or, after `re:`, a pattern of names."""
    rest = name.removeprefix("re:").removeprefix("^")
    return name.removesuffix(rest) + now_called(rest)
