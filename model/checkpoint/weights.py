"""Checks that every weight of a model comes from its checkpoint's files, and has their values.

Before loading, a dry load on the `meta` device uses the shapes in the files' headers, so transformers' own rules decide
what is missing. After loading, transformers' loading report decides.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from model.checkpoint import files as checkpoint_files
from model.checkpoint.adapters import base_weights
from model.checkpoint.formats import weight_files
from model.checkpoint.formats.weight_files import UNQUANTIZED_DTYPES, StoredTensor
from model.checkpoint.hub import repository as hub
from model.errors import CheckpointError, DemoError, LocalizedText, Template

log = logging.getLogger(__name__)

# A tensor of more values is compared by its first and its last row.
MAX_VALUES_COMPARED_WHOLE = 2**14


@dataclass(frozen=True)
class LoadReport:
    """The result of loading weights, by their names in the model.

    expected: all weights of the model; missing: those without a value; unexpected: weights in the files without a place
    in the model; mismatched: the shapes in the files and in the model, where they differ.
    """

    expected: Set[str]
    missing: Set[str]
    unexpected: Set[str]
    mismatched: Mapping[str, tuple[Any, Any]]

    @classmethod
    def of(cls, model: Any, info: Mapping[str, Any]) -> LoadReport:
        """info: the result of `from_pretrained` with `output_loading_info`."""
        mismatched = {key: (stored, wanted) for key, stored, wanted in info["mismatched_keys"]}
        unexpected = set(info["unexpected_keys"])
        return cls(model.state_dict().keys(), set(info["missing_keys"]), unexpected, mismatched)


def require_complete(checkpoint: str, config: Any) -> None:
    """Raises `CheckpointError` unless the files hold all weights of the model in `config`. Reads headers only."""
    folder = Path(hub.locate(checkpoint))
    if not folder.is_dir():
        # The files of a hub id are checked after the download.
        return
    tensors = weight_files.stored_tensors(folder)
    quantized = _is_quantized(config)
    if not quantized:
        _require_values(checkpoint, tensors)
    model, report = _dry_load(checkpoint, config, tensors)
    require_exact_load(checkpoint, model, _without_packed_modules(report) if quantized else report)
    _require_runnable(checkpoint, model)


def require_exact_load(checkpoint: str, model: Any, report: LoadReport) -> None:
    """Raises `CheckpointError` unless the weights of the model and of the files match one to one."""
    if (fault := _fault(model, report)) is None:
        return
    key, template = fault
    name, file = _source_of(checkpoint, model, key)
    stored, wanted = map(_shape, report.mismatched.get(key, ((), ())))
    raise CheckpointError(
        template,
        key=name,
        file=file,
        checkpoint=checkpoint,
        stored=stored,
        wanted=wanted,
        count=len(report.missing),
        total=len(report.expected),
    )


def _fault(model: Any, report: LoadReport) -> tuple[str, Template] | None:
    """The first weight that does not match, and the sentence about it; None if all match."""
    if report.mismatched:
        return min(report.mismatched), Template(
            "{key} in {file} of {checkpoint} has the shape {stored} and config.json asks for {wanted}; "
            "give the config.json that belongs to these weights."
        )
    if report.missing:
        return min(report.missing), Template(
            "{checkpoint} lacks {count} of {total} weights: {key} is not in {file}; "
            "give a complete checkpoint."
        )
    parts = {key.partition(".")[0] for key in report.expected}
    modules = _modules(report.expected) if _is_quantized(model.config) else set()
    for key in sorted(report.unexpected):
        if key.partition(".")[0] in parts and not modules.intersection(_parents(key)):
            return key, Template(
                "{key} in {file} of {checkpoint} has no place in the model that config.json describes; "
                "give the config.json that belongs to these weights."
            )
        log.info("%s is no part of the model and is not used", key)
    return None


def require_as_stored(model: Any) -> None:
    """Raises `DemoError` unless the weights in memory equal those in the files. Of large weights it compares two rows."""
    checkpoint = model.config.name_or_path
    tensors = weight_files.stored_tensors(Path(hub.locate(checkpoint)))
    weights, names = base_weights(model), _model_names(model, tensors)
    stored = {key: name for name, key in names.items() if key in weights}
    covered = {weights[key].data_ptr() for key in stored}
    packed = any(tensor.dtype not in UNQUANTIZED_DTYPES for tensor in tensors.values())
    quantized = packed or _is_quantized(model.config)
    for key, weight in weights.items():
        name = stored.get(key)
        if name is not None:
            weight = _as_in_file(weight, tensors[name])
        comparable = name is not None and _is_comparable(weight, tensors[name])
        if weight.is_meta or (quantized and not comparable):
            # The weight is offloaded to a disk, or was repacked for the device.
            continue
        if weight.data_ptr() in covered and (
            name is None or (comparable and _equals_file(weight, name, tensors))
        ):
            continue
        raise DemoError(
            "This cannot be verified, because {key} in memory is not what the files of {checkpoint} "
            "hold; start the program again.",
            key=key,
            checkpoint=Path(checkpoint).name,
        )


def _is_quantized(config: Any) -> bool:
    return getattr(config, "quantization_config", None) is not None


def _require_values(checkpoint: str, tensors: Mapping[str, StoredTensor]) -> None:
    """Raises `CheckpointError` for tensors that are not floating point, and for matrices of zeros."""
    for key, tensor in tensors.items():
        if weight_files.is_all_zeros(tensor):
            raise CheckpointError(
                "{key} in {file} of {checkpoint} holds nothing but zeros, as after a download that broke off; "
                "{again}.",
                key=key,
                file=tensor.file.name,
                checkpoint=checkpoint,
                again=weight_files.redownload_hint(tensor.file.parent),
            )
        if tensor.dtype not in UNQUANTIZED_DTYPES:
            raise CheckpointError(
                "{key} in {file} of {checkpoint} holds {dtype} and config.json says nothing of quantization; "
                "give the config.json that belongs to these weights.",
                key=key,
                file=tensor.file.name,
                checkpoint=checkpoint,
                dtype=tensor.dtype,
            )


def _dry_load(
    checkpoint: str, config: Any, tensors: Mapping[str, StoredTensor]
) -> tuple[Any, LoadReport]:
    """The model without values, and the report of loading it from tensors of these shapes."""
    from transformers import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    config = copy.deepcopy(config)
    if hasattr(config, "quantization_config"):
        # Quantized modules are made by packages that may not be installed.
        del config.quantization_config
    announced = {
        key: torch.empty(tensor.shape, dtype=torch.bfloat16, device="meta")
        for key, tensor in tensors.items()
    }
    try:
        with _silenced_transformers():
            model, info = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING[type(config)].from_pretrained(
                None,
                config=config,
                state_dict=announced,
                dtype=torch.bfloat16,
                device_map={"": "meta"},
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except Exception as error:  # a wrong number can raise anything
        raise checkpoint_files.invalid_config_error(checkpoint, error) from error
    return model, LoadReport.of(model, info)


def _require_runnable(checkpoint: str, model: Any) -> None:
    """Raises `CheckpointError` if the language model cannot run, because of values in config.json that no shape shows."""
    language = model.get_decoder()
    positions = torch.zeros(3, 1, 2, dtype=torch.long, device="meta")
    words = language.get_input_embeddings().weight[None, :2]
    try:
        with torch.inference_mode():
            language(inputs_embeds=words, position_ids=positions, use_cache=False)
    except Exception as error:
        raise checkpoint_files.invalid_config_error(checkpoint, error) from error


@contextmanager
def _silenced_transformers() -> Iterator[None]:
    """Inside, transformers prints no loading report and no progress bar."""
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(transformers_logging.CRITICAL)
    transformers_logging.set_tqdm_hook(lambda _factory, args, _kwargs: iter(args[0]))
    try:
        yield
    finally:
        transformers_logging.set_tqdm_hook(None)
        transformers_logging.set_verbosity(level)


def _without_packed_modules(report: LoadReport) -> LoadReport:
    """The report without the weights of packed modules, which have other names and shapes in the files."""
    modules = _modules(report.expected)
    packed = {parent for key in report.unexpected for parent in _parents(key) if parent in modules}
    return replace(
        report,
        missing={key for key in report.missing if _module(key) not in packed},
        unexpected={key for key in report.unexpected if not packed.intersection(_parents(key))},
        mismatched={
            k: shapes for k, shapes in report.mismatched.items() if _module(k) not in packed
        },
    )


def _modules(keys: Set[str]) -> set[str]:
    return set(map(_module, keys))


def _module(key: str) -> str:
    return key.rpartition(".")[0]


def _parents(key: str) -> Iterator[str]:
    """`a.b.c` -> `a.b`, `a`"""
    while key := _module(key):
        yield key


def _source_of(checkpoint: str, model: Any, key: str) -> tuple[str, str]:
    """A weight's name in the files, and the name of the file that holds it or should hold it."""
    folder = Path(hub.locate(checkpoint))
    if not folder.is_dir():
        return key, LocalizedText("the weight files")
    tensors = weight_files.stored_tensors(folder)
    files = weight_files.indexed_files(folder) | {
        name: tensor.file.name for name, tensor in tensors.items()
    }
    names = {place: name for name, place in _model_names(model, files).items()}
    name = names.get(key, key)
    return name, files.get(name, LocalizedText("the weight files"))


def _model_names(model: Any, stored: Mapping[str, object]) -> dict[str, str]:
    """The name in the model of each name in the files, by transformers' own rules."""
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, rename_source_key

    rules = get_model_conversion_mapping(model)
    renamings = [rule for rule in rules if not isinstance(rule, WeightConverter)]
    converters = [rule for rule in rules if isinstance(rule, WeightConverter)]
    weights = base_weights(model)
    prefix = model.base_model_prefix

    def place(name: str) -> str:
        renamed, _ = rename_source_key(name, renamings, converters, prefix, weights)
        if renamed not in weights and name in weights:
            renamed, _ = rename_source_key(name, [], [], prefix, weights)
        return str(renamed)

    return {name: place(name) for name in stored}


def _as_in_file(weight: torch.Tensor, stored: StoredTensor) -> torch.Tensor:
    """The weight with the dimensions of the file, where transformers transposes the matrices of experts."""
    experts = weight.ndim == 3 and tuple(weight.shape) != stored.shape
    return weight.mT if experts else weight


def _is_comparable(weight: torch.Tensor, stored: StoredTensor) -> bool:
    """Whether a weight and its tensor in the file have the same shape and are both floating point."""
    return (
        weight.is_floating_point()
        and stored.dtype in UNQUANTIZED_DTYPES
        and tuple(weight.shape) == stored.shape
    )


def _equals_file(weight: torch.Tensor, name: str, tensors: Mapping[str, StoredTensor]) -> bool:
    """Whether the file holds these values. Of a large weight the first and the last row are compared."""
    from safetensors import safe_open

    with safe_open(tensors[name].file, "pt") as opened:
        if weight.numel() <= MAX_VALUES_COMPARED_WHOLE:
            return _equal_values(weight, opened.get_tensor(name))
        rows = opened.get_slice(name)
        return _equal_values(weight[:1], rows[:1]) and _equal_values(
            weight[-1:], rows[len(weight) - 1 :]
        )


def _equal_values(weight: torch.Tensor, stored: torch.Tensor) -> bool:
    return bool(torch.equal(weight.detach().cpu(), stored.to(weight.dtype)))


def _shape(sizes: Any) -> str:
    return " x ".join(map(str, sizes)) or "a single number"
