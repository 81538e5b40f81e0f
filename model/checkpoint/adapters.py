"""A LoRA adapter on top of a checkpoint: where its files lie, whether it fits, and how it gets into the model.

peft reads it, and is imported only where there is one. Everything here raises `CheckpointError` with the remedy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model import families
from model.checkpoint import files as checkpoint_files
from model.checkpoint.hub import repository as hub
from model.errors import CheckpointError
from model.families import RENAMED, now_called

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."  # of every name in an adapter's file
# Of peft's options those that need more than layers that are changed in place.
UNSUPPORTED = ("alora_invocation_tokens", "arrow_config", "layer_replication")


@dataclass(frozen=True)
class Adapter:
    """One that lies here. `told` is its adapter_config.json."""

    name: str
    folder: Path
    told: Mapping[str, Any]

    @property
    def made_for(self) -> str:
        return str(self.told.get("base_model_name_or_path") or "")

    @property
    def described(self) -> str:
        made_for = f", made for {self.made_for}" if self.made_for else ""
        return f"{self.name} (LoRA of rank {self.told.get('r')}{made_for})"


def require_none_hidden(checkpoint: str, adapter: str) -> None:
    """An adapter among a checkpoint's files must be named, so that nobody takes one for the other."""
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
        base=_read(_folder(checkpoint) / CONFIG).get("base_model_name_or_path") or "ID_OR_FOLDER",
    )


def fitting(name: str, checkpoint: str) -> Adapter:
    """The adapter, if it can be loaded on top of a checkpoint, of which only the configuration is read."""
    adapter = _found(name)
    _require_supported(adapter)
    _require_peft(name)
    import torch
    from peft import get_peft_model
    from transformers import AutoConfig, AutoModelForImageTextToText

    config = AutoConfig.from_pretrained(hub.fetch(checkpoint))
    _require_family(adapter, checkpoint, config.model_type)
    config.__dict__.pop("quantization_config", None)  # the layers' sizes are the same
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    _require_layers(adapter, model, checkpoint)
    try:
        told = _config(adapter)
        told.init_lora_weights = False
        told.base_model_name_or_path = None  # or peft warns that it is another
        with torch.device("meta"):
            model = get_peft_model(model, told, low_cpu_mem_usage=True)
    except Exception as error:  # whatever a wrong value in it leads to
        raise _damaged(adapter, CONFIG, error) from error
    _require_same(adapter, model, checkpoint)
    return adapter


def apply(model: Any, name: str, checkpoint: str) -> None:
    """Put the adapter into the layers of `model`, unmerged, so that it answers as peft's own model does."""
    from peft import PeftModel

    adapter = _found(name)
    changed = PeftModel.from_pretrained(
        model,
        adapter.folder,
        config=_config(adapter),
        key_mapping=RENAMED,
        torch_device=str(model.device),
    )
    require_loaded(adapter, changed, checkpoint)


def base_weights(model: Any) -> dict[str, Any]:
    """A model's weights by the names that they have without an adapter, but for those that one replaced."""
    weights: dict[str, Any] = model.state_dict()
    told = getattr(model, "peft_config", None)
    if not told:
        return weights
    (config,) = told.values()
    replaced = [
        ".lora_",
        ".modules_to_save.",
        *([".base_layer.bias"] if config.bias != "none" else []),
    ]
    embeddings = {name.partition(".lora_")[0] for name in weights if ".lora_embedding_" in name}
    replaced += [f"{layer}.base_layer." for layer in embeddings]
    other = {name for name in weights if any(part in name for part in replaced)}
    places = {weights[name].data_ptr() for name in other}  # of a tied head too
    return {
        name.replace(".base_layer.", ".").replace(".original_module.", "."): weight
        for name, weight in weights.items()
        if name not in other and weight.data_ptr() not in places
    }


def require_loaded(adapter: Adapter, model: Any, checkpoint: str) -> None:
    """Peft only warns of names that it does not know and of layers that got nothing."""
    import torch
    from safetensors.torch import load_file

    loaded = _require_same(adapter, model, checkpoint)
    for name, stored in load_file(adapter.folder / WEIGHTS).items():
        tensor = loaded[now_called(name.removeprefix(PREFIX))]
        if not torch.equal(tensor, stored.to(tensor)):
            raise _left_out(adapter, name)


def _found(name: str) -> Adapter:
    if not Path(name).is_dir() and checkpoint_files.looks_like_folder(name):
        raise CheckpointError(
            "There is no folder {adapter}; give an adapter's folder or its hub id with --adapter.",
            adapter=name,
        )
    folder = _folder(name)
    for file in (CONFIG, WEIGHTS):
        if not (folder / file).is_file():
            raise CheckpointError(
                "{adapter} holds no {file}; give the folder of a LoRA adapter with --adapter.",
                adapter=name,
                file=file,
            )
    return Adapter(name, folder, _read(folder / CONFIG))


def _folder(name: str) -> Path:
    return Path(name) if Path(name).is_dir() else hub.fetch_files(name, (CONFIG, WEIGHTS))


def _read(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _require_supported(adapter: Adapter) -> None:
    kind = adapter.told.get("peft_type")
    if kind != "LORA":
        raise CheckpointError(
            "{adapter} is no LoRA adapter of peft (its peft_type is {kind}); merge it into its checkpoint "
            "and give the merged folder with --checkpoint-path.",
            adapter=adapter.name,
            kind=str(kind),
        )
    for option in UNSUPPORTED:
        if adapter.told.get(option):
            raise CheckpointError(
                "{adapter} needs peft's {option}, which is not supported; merge it into its checkpoint and "
                "give the merged folder with --checkpoint-path.",
                adapter=adapter.name,
                option=option,
            )


def _require_family(adapter: Adapter, checkpoint: str, family: str) -> None:
    """The language models of Qwen2-VL and Qwen2.5-VL have the same layers: what fits both is right in one."""
    made = families.recognised([Path(adapter.made_for).name])
    if made.sure and made.family.key != family:
        raise CheckpointError(
            "{adapter} was made for {base}, and {checkpoint} is a {family} checkpoint; choose "
            "the one that it was made for with --checkpoint-path.",
            adapter=adapter.name,
            base=adapter.made_for,
            checkpoint=checkpoint,
            family=families.of_key(family).title,
        )


def _require_peft(name: str) -> None:
    try:
        import peft  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "peft":
            raise _broken_peft(name, error) from error
        raise CheckpointError(
            "The adapter {adapter} needs the package peft; run `pip install peft`.", adapter=name
        ) from error
    except Exception as error:  # whatever a package does that does not match the others
        raise _broken_peft(name, error) from error


def _broken_peft(name: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        "The adapter {adapter} needs the package peft, which cannot be imported ({reason}); "
        "run `pip install --upgrade peft`.",
        adapter=name,
        reason=str(error),
    )


def _config(adapter: Adapter) -> Any:
    """peft's, with the layers by name: how they were chosen may rest on names of another version."""
    from peft import LoraConfig

    told = LoraConfig.from_pretrained(adapter.folder)
    told.target_modules = sorted(_layers(_shapes(adapter)))
    told.exclude_modules = told.layers_to_transform = told.layers_pattern = None
    return told


def _shapes(adapter: Adapter) -> dict[str, tuple[int, ...]]:
    """Of the tensors in its file, by the names that they have in the model, without `PREFIX`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(adapter.folder / WEIGHTS, framework="pt") as file:
            names = file.keys()
            for name in names:
                if not name.startswith(PREFIX):
                    raise _left_out(adapter, name)
            return {
                now_called(name.removeprefix(PREFIX)): tuple(file.get_slice(name).get_shape())
                for name in names
            }
    except (OSError, SafetensorError) as error:
        raise _damaged(adapter, WEIGHTS, error) from error


def _damaged(adapter: Adapter, file: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        "{file} of {adapter} is damaged ({reason}); copy or download the adapter again.",
        file=file,
        adapter=adapter.name,
        reason=str(error),
    )


def _layers(names: Iterable[str]) -> set[str]:
    """Those that an adapter's tensors change."""
    return {layer for layer, lora, _ in (name.partition(".lora_") for name in names) if lora}


def _require_layers(adapter: Adapter, model: Any, checkpoint: str) -> None:
    there = {name for name, _ in model.named_modules()}
    for layer in sorted(_layers(_shapes(adapter)) - there):
        raise CheckpointError(
            "{adapter} changes {layer}, which {checkpoint} does not have; choose the checkpoint "
            "that it was made for ({base}) with --checkpoint-path.",
            adapter=adapter.name,
            layer=layer,
            checkpoint=checkpoint,
            base=adapter.made_for or "?",
        )


def _require_same(adapter: Adapter, model: Any, checkpoint: str) -> dict[str, Any]:
    """The model's tensors for those in the file: one for each, of the same shape, and none left over."""
    from peft import get_peft_model_state_dict

    shapes = _shapes(adapter)
    least, most = (
        {
            name.removeprefix(PREFIX): tensor
            for name, tensor in get_peft_model_state_dict(
                model, save_embedding_layers=embeddings
            ).items()
        }
        for embeddings in (False, True)
    )
    for name, shape in shapes.items():
        if name not in most:
            raise _left_out(adapter, name)
        if tuple(most[name].shape) != shape:
            raise CheckpointError(
                "{tensor} has the shape {theirs} in {adapter}, and {checkpoint} needs {ours}; "
                "choose the checkpoint that it was made for ({base}) with --checkpoint-path.",
                tensor=name,
                theirs=_written(shape),
                adapter=adapter.name,
                checkpoint=checkpoint,
                ours=_written(most[name].shape),
                base=adapter.made_for or "?",
            )
    for name in sorted(set(least) - set(shapes)):
        raise CheckpointError(
            "{adapter} lacks {tensor}; copy or download the adapter again.",
            adapter=adapter.name,
            tensor=name,
        )
    return {name: most[name] for name in shapes}


def _left_out(adapter: Adapter, name: str) -> CheckpointError:
    return CheckpointError(
        "peft leaves {tensor} of {adapter} out of the model; run `pip install --upgrade peft`.",
        tensor=name,
        adapter=adapter.name,
    )


def _written(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
