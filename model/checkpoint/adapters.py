"""A LoRA adapter on top of a checkpoint: locates it, checks that it fits, and puts it into the model.

peft reads the adapter, and is imported only if there is one. Everything here raises `CheckpointError` with the remedy.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from model import families
from model.checkpoint import files as checkpoint_files
from model.checkpoint.formats import adapter_files
from model.checkpoint.formats.adapter_files import CONFIG_FILE, WEIGHTS_FILE, Adapter
from model.checkpoint.formats.quantization import import_problem
from model.checkpoint.hub import repository as hub
from model.errors import CheckpointError
from model.families import RENAMED


def require_none_hidden(checkpoint: str, adapter: str) -> None:
    """Raises `CheckpointError` for an adapter among a checkpoint's files, unless `adapter` names it.

    transformers would load it without a word.
    """
    is_folder = checkpoint_files.looks_like_folder(checkpoint)
    if (is_folder and not Path(checkpoint).is_dir()) or Path(adapter) == Path(checkpoint):
        return
    names = [*hub.file_names(checkpoint)]
    if not any(name.startswith("adapter_") for name in names):
        return
    if any(map(hub.is_weights_file, names)):
        raise CheckpointError(
            "{checkpoint} holds an adapter beside its weights; add --adapter {checkpoint} to use it, "
            "or move its adapter_* files away to leave it out.",
            checkpoint=checkpoint,
        )
    raise CheckpointError(
        "{checkpoint} is an adapter and no checkpoint; start with --checkpoint-path {base} "
        "--adapter {checkpoint}.",
        checkpoint=checkpoint,
        base=adapter_files.read_config(_fetch(checkpoint)).get("base_model_name_or_path")
        or "ID_OR_FOLDER",
    )


def require_fitting(name: str, checkpoint: str) -> Adapter:
    """The adapter `name`, if it can be loaded on top of `checkpoint`. Reads no weights of either."""
    adapter = _locate(name)
    adapter_files.require_supported(adapter)
    _require_peft(name)
    import torch
    from peft import get_peft_model
    from transformers import AutoConfig, AutoModelForImageTextToText

    config = AutoConfig.from_pretrained(hub.fetch(checkpoint))
    _require_family(adapter, checkpoint, config.model_type)
    # Quantized layers have the same sizes, and the packages that make them may not be installed.
    config.__dict__.pop("quantization_config", None)
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    _require_layers(adapter, model, checkpoint)
    try:
        lora = _lora_config(adapter)
        lora.init_lora_weights = False
        # peft would warn that the base is another one.
        lora.base_model_name_or_path = None
        with torch.device("meta"):
            model = get_peft_model(model, lora, low_cpu_mem_usage=True)
    except Exception as error:  # a wrong value in the configuration can raise anything
        raise adapter_files.damaged_adapter_error(adapter, CONFIG_FILE, error) from error
    _require_same_tensors(adapter, model, checkpoint)
    return adapter


def apply(model: Any, name: str, checkpoint: str) -> None:
    """Put the adapter into the layers of `model`, unmerged, so that it answers as peft's own model does."""
    from peft import PeftModel

    adapter = _locate(name)
    adapted = PeftModel.from_pretrained(
        model,
        adapter.folder,
        config=_lora_config(adapter),
        key_mapping=RENAMED,
        torch_device=str(model.device),
    )
    require_loaded(adapter, adapted, checkpoint)


def base_weights(model: Any) -> dict[str, Any]:
    """The checkpoint's weights in a model, by the names that they have without an adapter.

    Weights that the adapter replaced are left out.
    """
    weights: dict[str, Any] = model.state_dict()
    configs = getattr(model, "peft_config", None)
    if not configs:
        return weights
    (config,) = configs.values()
    replaced = [".lora_", ".modules_to_save."]
    if config.bias != "none":
        replaced.append(".base_layer.bias")
    embeddings = {name.partition(".lora_")[0] for name in weights if ".lora_embedding_" in name}
    replaced += [f"{layer}.base_layer." for layer in embeddings]
    other = {name for name in weights if any(part in name for part in replaced)}
    # A tied head shares its memory with the embeddings.
    places = {weights[name].data_ptr() for name in other}
    return {
        name.replace(".base_layer.", ".").replace(".original_module.", "."): weight
        for name, weight in weights.items()
        if name not in other and weight.data_ptr() not in places
    }


def require_loaded(adapter: Adapter, model: Any, checkpoint: str) -> None:
    """Raises `CheckpointError` unless `model` holds every tensor of the adapter's file.

    peft only warns of unknown names and of layers that got no value.
    """
    import torch
    from safetensors.torch import load_file

    loaded = _require_same_tensors(adapter, model, checkpoint)
    for name, stored in load_file(adapter.folder / WEIGHTS_FILE).items():
        tensor = loaded[adapter_files.model_name(name)]
        if not torch.equal(tensor, stored.to(tensor)):
            raise adapter_files.ignored_tensor_error(adapter, name)


def _locate(name: str) -> Adapter:
    if not Path(name).is_dir() and checkpoint_files.looks_like_folder(name):
        raise CheckpointError(
            "There is no folder {adapter}; give an adapter's folder or its hub id with --adapter.",
            adapter=name,
        )
    return adapter_files.read_adapter(name, _fetch(name))


def _fetch(name: str) -> Path:
    """The folder of an adapter's files, fetched if `name` is a hub id."""
    if Path(name).is_dir():
        return Path(name)
    return hub.fetch_files(name, (CONFIG_FILE, WEIGHTS_FILE))


def _require_family(adapter: Adapter, checkpoint: str, model_type: str) -> None:
    """Raises `CheckpointError` if the adapter's base is of another family.

    The language models of Qwen2-VL and Qwen2.5-VL have the same layers, so the layers alone do not tell.
    """
    base = families.recognised([Path(adapter.base).name])
    family = families.BY_MODEL_TYPE[model_type]
    if base.sure and base.family != family:
        raise CheckpointError(
            "{adapter} was made for {base}, and {checkpoint} is a {family} checkpoint; choose "
            "the one that it was made for with --checkpoint-path.",
            adapter=adapter.name,
            base=adapter.base,
            checkpoint=checkpoint,
            family=family.title,
        )


def _require_peft(name: str) -> None:
    if find_spec("peft") is None:
        raise CheckpointError(
            "The adapter {adapter} needs the package peft; run `pip install peft`.", adapter=name
        )
    if reason := import_problem("peft"):
        raise CheckpointError(
            "The adapter {adapter} needs the package peft, which cannot be imported ({reason}); "
            "run `pip install --upgrade peft`.",
            adapter=name,
            reason=reason,
        )


def _lora_config(adapter: Adapter) -> Any:
    """Peft's configuration with the layers by name. Patterns in it may match names of older transformers only."""
    from peft import LoraConfig

    config = LoraConfig.from_pretrained(adapter.folder)
    config.target_modules = sorted(
        adapter_files.adapted_layers(adapter_files.tensor_shapes(adapter))
    )
    config.exclude_modules = config.layers_to_transform = config.layers_pattern = None
    return config


def _require_layers(adapter: Adapter, model: Any, checkpoint: str) -> None:
    """Raises `CheckpointError` if the adapter changes a layer that `model` does not have."""
    layers = {name for name, _ in model.named_modules()}
    for layer in sorted(
        adapter_files.adapted_layers(adapter_files.tensor_shapes(adapter)) - layers
    ):
        raise CheckpointError(
            "{adapter} changes {layer}, which {checkpoint} does not have; choose the checkpoint "
            "that it was made for ({base}) with --checkpoint-path.",
            adapter=adapter.name,
            layer=layer,
            checkpoint=checkpoint,
            base=adapter.base or "?",
        )


def _require_same_tensors(adapter: Adapter, model: Any, checkpoint: str) -> dict[str, Any]:
    """The tensors of `model` by the names in the adapter's file.

    Raises `CheckpointError` unless the names match one to one and the shapes are equal.
    """
    shapes = adapter_files.tensor_shapes(adapter)
    # An adapter's file may hold the embeddings or leave them out.
    required, allowed = (_adapter_tensors(model, embeddings=saved) for saved in (False, True))
    for name, shape in shapes.items():
        if name not in allowed:
            raise adapter_files.ignored_tensor_error(adapter, name)
        if tuple(allowed[name].shape) != shape:
            raise CheckpointError(
                "{tensor} has the shape {theirs} in {adapter}, and {checkpoint} needs {ours}; "
                "choose the checkpoint that it was made for ({base}) with --checkpoint-path.",
                tensor=name,
                theirs=_format_shape(shape),
                adapter=adapter.name,
                checkpoint=checkpoint,
                ours=_format_shape(allowed[name].shape),
                base=adapter.base or "?",
            )
    for name in sorted(set(required) - set(shapes)):
        raise CheckpointError(
            "{adapter} lacks {tensor}; copy or download the adapter again.",
            adapter=adapter.name,
            tensor=name,
        )
    return {name: allowed[name] for name in shapes}


def _adapter_tensors(model: Any, *, embeddings: bool) -> dict[str, Any]:
    """The tensors of a peft model's adapter, with its embeddings or without."""
    from peft import get_peft_model_state_dict

    tensors = get_peft_model_state_dict(model, save_embedding_layers=embeddings)
    return {
        name.removeprefix(adapter_files.TENSOR_PREFIX): tensor for name, tensor in tensors.items()
    }


def _format_shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
