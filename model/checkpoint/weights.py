"""Whether a model has every weight from its checkpoint's files, and holds what these say.

Before a load it is rehearsed on the `meta` device with the tensors that the files' headers announce, so that
transformers' own rules decide what is missing, in whatever layout. After a load its report decides.
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
from model.errors import CheckpointError, DemoError, LocalizedText

log = logging.getLogger(__name__)

MAX_VALUES_COMPARED_WHOLE = (
    2**14
)  # values: tensors of fewer are compared whole, of others the first and the last row


@dataclass(frozen=True)
class LoadReport:
    """On a load: names of weights as the model has them."""

    expected: Set[str]
    missing: Set[str]  # which got no value
    unexpected: Set[str]  # which the files hold and the model does not
    mismatched: Mapping[str, tuple[Any, Any]]  # shapes in the files and in the model

    @classmethod
    def of(cls, model: Any, info: Mapping[str, Any]) -> LoadReport:
        """info: what `output_loading_info` gives."""
        mismatched = {key: (stored, wanted) for key, stored, wanted in info["mismatched_keys"]}
        unexpected = set(info["unexpected_keys"])
        return cls(model.state_dict().keys(), set(info["missing_keys"]), unexpected, mismatched)


def require_complete(checkpoint: str, config: Any) -> None:
    """Raises `CheckpointError` for files that would leave a weight without its value. Reads no weights."""
    folder = Path(hub.locate(checkpoint))
    if not folder.is_dir():
        return  # on the hub: the report on the load will tell
    tensors = weight_files.stored_tensors(folder)
    quantized = _is_quantized(config)
    if not quantized:
        _require_values(checkpoint, tensors)
    model, report = _dry_load(checkpoint, config, tensors)
    require_exact_load(checkpoint, model, _without_packed_modules(report) if quantized else report)
    _require_runnable(checkpoint, model)


def require_exact_load(checkpoint: str, model: Any, report: LoadReport) -> None:
    """Raises `CheckpointError` if a weight did not come from the files, or one of theirs has no place."""
    for key, (stored, wanted) in sorted(report.mismatched.items()):
        name, file = _source_of(checkpoint, model, key)
        raise CheckpointError(
            "{key} in {file} of {checkpoint} has the shape {stored} and config.json asks for {wanted}; "
            "give the config.json that belongs to these weights.",
            key=name,
            file=file,
            checkpoint=checkpoint,
            stored=_shape(stored),
            wanted=_shape(wanted),
        )
    for key in sorted(report.missing):
        name, file = _source_of(checkpoint, model, key)
        raise CheckpointError(
            "{checkpoint} lacks {count} of {total} weights: {key} is not in {file}; "
            "give a complete checkpoint.",
            checkpoint=checkpoint,
            count=len(report.missing),
            total=len(report.expected),
            key=name,
            file=file,
        )
    parts = {key.partition(".")[0] for key in report.expected}
    modules = _modules(report.expected) if _is_quantized(model.config) else set()
    for key in sorted(report.unexpected):
        if key.partition(".")[0] not in parts or modules.intersection(_parents(key)):
            log.info("%s is no part of the model and is not used", key)
            continue
        name, file = _source_of(checkpoint, model, key)
        raise CheckpointError(
            "{key} in {file} of {checkpoint} has no place in the model that config.json describes; "
            "give the config.json that belongs to these weights.",
            key=name,
            file=file,
            checkpoint=checkpoint,
        )


def require_as_stored(model: Any) -> None:
    """Raises `DemoError` unless every weight in memory has a value in the files, and the ends of each are equal."""
    checkpoint = model.config.name_or_path
    tensors = weight_files.stored_tensors(Path(hub.locate(checkpoint)))
    weights, names = base_weights(model), _model_names(model, tensors)
    stored = {key: name for name, key in names.items() if key in weights}
    covered = {weights[key].data_ptr() for key in stored}
    quantized = any(tensor.dtype not in UNQUANTIZED_DTYPES for tensor in tensors.values())
    for key, weight in weights.items():
        name = stored.get(key)
        comparable = name is not None and _is_comparable(weight, tensors[name])
        if weight.is_meta or (quantized and not comparable):
            continue  # lies on a disk, or was packed anew for the device
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
    """What is not quantized holds floating point numbers, and no matrix of it zeros only."""
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
    """The model without values, and what a load would report."""
    from transformers import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    config = copy.deepcopy(config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # its modules are made by packages that may not be here
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
    except Exception as error:  # whatever a wrong number in it leads to
        raise checkpoint_files.invalid_config_error(checkpoint, error) from error
    return model, LoadReport.of(model, info)


def _require_runnable(checkpoint: str, model: Any) -> None:
    """One step of the language model without values finds sizes in config.json that no weight shows."""
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
    """Without transformers' report and progress bar: what is wrong is said by the error."""
    from transformers.utils import logging as told

    level = told.get_verbosity()
    told.set_verbosity(told.CRITICAL)
    told.set_tqdm_hook(lambda *made_of: iter(made_of[1][0]))
    try:
        yield
    finally:
        told.set_tqdm_hook(None)
        told.set_verbosity(level)


def _without_packed_modules(report: LoadReport) -> LoadReport:
    """Without what packed modules explain, whose weights have other names and shapes in the files."""
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
    """A weight's name in the files, and the file that holds it or should."""
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
    """Names in the files -> names in the model, by the rules that transformers loads by."""
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


def _is_comparable(weight: torch.Tensor, stored: StoredTensor) -> bool:
    """Whether it can be compared with what the file holds."""
    return (
        weight.is_floating_point()
        and stored.dtype in UNQUANTIZED_DTYPES
        and tuple(weight.shape) == stored.shape
    )


def _equals_file(weight: torch.Tensor, name: str, tensors: Mapping[str, StoredTensor]) -> bool:
    """Whether the file holds these values: all of a small weight, the first and the last row of a large one."""
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
