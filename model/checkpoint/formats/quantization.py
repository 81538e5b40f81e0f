"""Quantized checkpoints: the packages that read their weights, and the modules that are not quantized."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from model.checkpoint.formats.weight_files import UNQUANTIZED_DTYPES, StoredTensor
from model.errors import CheckpointError
from model.families import bitsandbytes_arguments, now_called

# The packages that each quantization method needs, as they are imported; transformers reads fp8 by itself.
PACKAGES_OF_METHOD = {
    "gptq": ("gptqmodel", "optimum"),
    "awq": ("gptqmodel", "optimum"),
    "bitsandbytes": ("bitsandbytes",),
    "compressed-tensors": ("compressed_tensors",),
    "fp8": (),
}
# The keys of a quantization_config that list modules which are not quantized.
UNQUANTIZED_MODULE_KEYS = ("modules_to_not_convert", "llm_int8_skip_modules", "ignore")
ImportProblem = Callable[[str], str | None]


def quantization_config(config: Any) -> dict[str, Any]:
    """The `quantization_config` of a transformers configuration; empty if there is none."""
    quantization = getattr(config, "quantization_config", None) or {}
    return quantization if isinstance(quantization, dict) else dict(quantization.to_dict())


def quantization_method(config: Mapping[str, Any]) -> str:
    """The name of the method in a `quantization_config`."""
    if config.get("load_in_4bit") or config.get("load_in_8bit"):
        return "bitsandbytes"
    return str(config.get("quant_method"))


def describe(config: Mapping[str, Any]) -> str:
    """The method and, if it is known, the bits, for a terminal."""
    bits = config.get("bits")
    return f"{quantization_method(config)}, {bits} bits" if bits else quantization_method(config)


def require_packages(
    checkpoint: str, config: Mapping[str, Any], problem_of: ImportProblem | None = None
) -> None:
    """Raises `CheckpointError` unless the packages can be imported that read these weights.

    problem_of: replaces `import_problem`.
    """
    method = quantization_method(config)
    if method not in PACKAGES_OF_METHOD:
        raise CheckpointError(
            "{checkpoint} is quantized with {method}, which this program does not read; choose a GPTQ or "
            "AWQ checkpoint with --checkpoint-path.",
            checkpoint=checkpoint,
            method=method,
        )
    packages = PACKAGES_OF_METHOD[method]
    for package in packages:
        reason = (problem_of or import_problem)(package)
        if reason is not None:
            raise CheckpointError(
                "{checkpoint} is quantized with {method} and needs {packages} ({reason}); run "
                "`{command}`.",
                checkpoint=checkpoint,
                method=method,
                packages=", ".join(packages),
                reason=reason,
                command=f"pip install {' '.join(packages).replace('_', '-')}",
            )


def require_quantizable(checkpoint: str, config: Any) -> None:
    """Raises `CheckpointError` unless bitsandbytes can quantize this checkpoint while it is loaded."""
    if method := quantization_config(config):
        raise CheckpointError(
            "{checkpoint} is quantized already ({method}); leave --quantize out.",
            checkpoint=checkpoint,
            method=quantization_method(method),
        )
    if getattr(config.get_text_config(), "num_experts", 0):
        raise CheckpointError(
            "{checkpoint} keeps its weights in experts, which --quantize does not quantize; choose a checkpoint that is "
            "stored quantized.",
            checkpoint=checkpoint,
        )
    if reason := import_problem("bitsandbytes"):
        raise CheckpointError(
            "--quantize needs the package bitsandbytes ({reason}); run `pip install bitsandbytes`.",
            reason=reason,
        )


def bitsandbytes_config(quantize: str, dtype: str) -> Any:
    """The `quantization_config` with which `from_pretrained` quantizes the language model. quantize: "4bit" or "8bit"."""
    from transformers import BitsAndBytesConfig

    # In 8 bits it says for each product that it casts its inputs.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    return BitsAndBytesConfig(**bitsandbytes_arguments(quantize, dtype))


def import_problem(package: str) -> str | None:
    """The reason why a package cannot be imported; None if it can."""
    if find_spec(package) is None:
        return f"{package} is not installed"
    try:
        import_module(package)
    except Exception as error:  # a package whose version does not match can raise anything
        return f"{package} fails: {error}"
    return None


def with_current_module_names(
    config: Mapping[str, Any], held: Mapping[str, StoredTensor]
) -> dict[str, Any]:
    """A `quantization_config` whose lists of unquantized modules also have the modules' current names.

    transformers has renamed modules since, and would quantize those that it does not find. held: the tensors in the
    files. A module that is packed there is not added, because the older transformers has quantized it too.
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
    """The current name of a module, or of a pattern that begins with `re:`."""
    rest = name.removeprefix("re:").removeprefix("^")
    return name.removesuffix(rest) + now_called(rest)
