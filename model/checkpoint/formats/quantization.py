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

from model.checkpoint.formats.weight_files import UNQUANTIZED_DTYPES, StoredTensor
from model.errors import CheckpointError
from model.families import now_called


@dataclass(frozen=True)
class RequiredPackages:
    """The packages that read one kind of weights, and the command that installs them."""

    packages: tuple[str, ...] = ()
    command: str = ""


GPTQMODEL = RequiredPackages(("gptqmodel", "optimum"), "pip install gptqmodel optimum")
PACKAGES_OF_METHOD = {
    "gptq": GPTQMODEL,
    "awq": GPTQMODEL,
    "bitsandbytes": RequiredPackages(("bitsandbytes",), "pip install bitsandbytes"),
    "compressed-tensors": RequiredPackages(
        ("compressed_tensors",), "pip install compressed-tensors"
    ),
    "fp8": RequiredPackages(),  # transformers itself
}
# Where configurations list the parts that were left as they are.
UNQUANTIZED_MODULE_KEYS = ("modules_to_not_convert", "llm_int8_skip_modules", "ignore")
ImportProblem = Callable[[str], str | None]


def quantization_config(config: Any) -> dict[str, Any]:
    """The `quantization_config` of a configuration of transformers'; empty if there is none."""
    quantization = getattr(config, "quantization_config", None) or {}
    return quantization if isinstance(quantization, dict) else dict(quantization.to_dict())


def quantization_method(config: Mapping[str, Any]) -> str:
    """The name of what a `quantization_config` describes."""
    if config.get("load_in_4bit") or config.get("load_in_8bit"):
        return "bitsandbytes"
    return str(config.get("quant_method"))


def describe(config: Mapping[str, Any]) -> str:
    bits = config.get("bits")
    return f"{quantization_method(config)}, {bits} bits" if bits else quantization_method(config)


def require_packages(
    checkpoint: str, config: Mapping[str, Any], problem_of: ImportProblem | None = None
) -> None:
    """The packages that read these weights must be here, whole."""
    method = quantization_method(config)
    if method not in PACKAGES_OF_METHOD:
        raise CheckpointError(
            "{checkpoint} is quantized with {method}, which this program does not read; choose a GPTQ or "
            "AWQ checkpoint with --checkpoint-path.",
            checkpoint=checkpoint,
            method=method,
        )
    required = PACKAGES_OF_METHOD[method]
    for package in required.packages:
        reason = (problem_of or import_problem)(package)
        if reason is not None:
            raise CheckpointError(
                "{checkpoint} is quantized with {method} and needs {packages} ({reason}); run "
                "`{command}`.",
                checkpoint=checkpoint,
                method=method,
                packages=", ".join(required.packages),
                reason=reason,
                command=required.command,
            )


def import_problem(package: str) -> str | None:
    """Why a package cannot be imported; None if it can."""
    if find_spec(package) is None:
        return f"{package} is not installed"
    try:
        import_module(package)
    except Exception as error:  # whatever a package does that does not match the others
        return f"{package} fails: {error}"
    return None


def with_current_module_names(
    config: Mapping[str, Any], held: Mapping[str, StoredTensor]
) -> dict[str, Any]:
    """The same with the names that the parts have now, so that what was left as it is stays so.

    held: the tensors in the files. What is packed there was not left as it is, whatever the list says: older
    versions did not know it either.
    """
    packed = [
        now_called(name) for name, tensor in held.items() if tensor.dtype not in UNQUANTIZED_DTYPES
    ]
    renamed = {}
    for key in UNQUANTIZED_MODULE_KEYS:
        if isinstance(names := config.get(key), list):
            now = [_current_name(name) for name in names]
            left = [new for new in now if new not in names and not _matches_any(new, packed)]
            renamed[key] = [*names, *left]
    return {**config, **renamed}


def _matches_any(part: str, names: Iterable[str]) -> bool:
    pattern = part.removeprefix("re:") if part.startswith("re:") else re.escape(part) + r"\b"
    return any(re.match(pattern, name) for name in names)


def _current_name(name: str) -> str:
    """A name or, after `re:`, a pattern of names."""
    rest = name.removeprefix("re:").removeprefix("^")
    return name.removesuffix(rest) + now_called(rest)
