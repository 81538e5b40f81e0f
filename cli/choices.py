"""The checkpoints that people can choose from: each -c, alone and with each --adapter that fits, by a short name."""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path, PurePath

from model import families
from model.backend import LoadProgress, Startable, Status
from model.checkpoint import files as checkpoint_files
from model.checkpoint.choose import Flags, expected_checkpoint
from model.checkpoint.formats import adapter_files, weight_files
from model.checkpoint.hub import repository as hub
from model.checkpoint.load import detect_hardware
from model.checkpoint.settings import default_settings
from model.errors import CheckpointError
from model.grounding import Convention
from model.remote.http.connection import Connection
from model.serving.fair_lock import FairLock
from model.switching.backend import SwitchedBackend
from model.switching.checkpoint import OpenedCheckpoint, Source
from model.switching.switch import Switch

AUTO = ("auto",)  # the default of --checkpoint-path
# What an adapter adds to a layer: a matrix of rank times input, and one of output times rank.
_INPUT, _OUTPUT = ".lora_A.weight", ".lora_B.weight"


def local_choices(options: argparse.Namespace) -> dict[str, Flags]:
    """The checkpoints of this machine by name; the first is the default. Raises `CheckpointError`.

    An adapter comes before the checkpoint alone: who gives one wants it.
    """
    checkpoints, adapters = list(options.checkpoint_path), list(options.adapter or ())
    pairs = list(dict.fromkeys(_pairs(checkpoints, adapters, options)))
    for adapter in adapters:
        if all(adapter != chosen for _, chosen in pairs):
            raise CheckpointError(
                "{adapter} fits none of the checkpoints; add the one that it was made for with "
                "--checkpoint-path.",
                adapter=adapter,
            )
    flags = [flags_of(options, checkpoint, adapter) for checkpoint, adapter in pairs]
    return dict(zip(short_names([_path(one) for one in flags]), flags, strict=True))


def flags_of(options: argparse.Namespace, checkpoint: str, adapter: str) -> Flags:
    """The options that decide how this checkpoint runs."""
    return Flags(
        checkpoint,
        options.cpu_only,
        options.flash_attn2,
        options.dtype,
        options.compile,
        options.prompt_lookup,
        options.gpu_memory,
        adapter,
        options.quantize,
    )


def beside_a_server(options: argparse.Namespace) -> bool:
    """Whether the flags name checkpoints of this machine, which --backend openai does not need."""
    return tuple(options.checkpoint_path) != AUTO


def switched(
    options: argparse.Namespace,
    choices: Mapping[str, Flags],
    loading: Callable[[], AbstractContextManager[None]],
) -> dict[str, Startable]:
    """Backends that share one machine's memory. None is loaded yet; loading: within it the first one is opened."""
    lock, around = FairLock(), [loading]

    def source(flags: Flags) -> Source:
        there = expected_checkpoint(flags)
        label = " + ".join(part for part in (flags.checkpoint, flags.adapter) if part)

        def opened(report: LoadProgress) -> OpenedCheckpoint:
            with around.pop()() if around else nullcontext():
                return _opened(options, flags, lock, report)

        status = Status("ready", label, convention=expected_convention(there), reproducible=True)
        return Source(status, default_settings(there), opened)

    switch = Switch({name: source(flags) for name, flags in choices.items()})
    return {name: SwitchedBackend(switch, name) for name in choices}


def _opened(
    options: argparse.Namespace, flags: Flags, lock: FairLock, report: LoadProgress
) -> OpenedCheckpoint:
    from ui.media.sandbox.media import STRANGERS_MEDIA
    from ui.media.sandbox.sandbox import SANDBOX

    SANDBOX.stand_by()
    # Before the import of `model.local`, which needs torch: without torch this raises the error with the remedy.
    detect_hardware()
    from model.local.source import LocalCheckpoint, LocalOptions

    shared = LocalOptions(
        lock,
        options.cache_gb,
        options.max_video_seconds,
        not options.no_loop_guard,
        STRANGERS_MEDIA,
    )
    return LocalCheckpoint(flags, shared, report)


def server_name(server: Connection) -> str:
    """The name of a server's model."""
    return PurePath(server.model).name or server.host


def expected_convention(checkpoint: str) -> Convention:
    """How a checkpoint that is not loaded names places: what its config.json says, else its name."""
    try:
        config = json.loads((Path(hub.locate(checkpoint)) / "config.json").read_text("utf-8"))
        return families.BY_MODEL_TYPE[config["model_type"]].key
    except (OSError, ValueError, TypeError, KeyError):
        return families.recognised([checkpoint]).family.key


def short_names(paths: Sequence[tuple[PurePath, ...]]) -> list[str]:
    """A name for each checkpoint and adapter: as few of the last parts of their paths as make all names differ."""

    def names(parts: int) -> list[str]:
        return [" + ".join("/".join(path.parts[-parts:]) for path in one) for one in paths]

    deepest = max((len(path.parts) for one in paths for path in one), default=1)
    shortest = names(1)
    for parts in range(2, deepest + 1):
        many = Counter(shortest)
        if max(many.values()) == 1:
            break
        longer = names(parts)
        shortest = [longer[i] if many[name] > 1 else name for i, name in enumerate(shortest)]
    return shortest


def _pairs(
    checkpoints: Sequence[str], adapters: Sequence[str], options: argparse.Namespace
) -> Iterator[tuple[str, str]]:
    for checkpoint in checkpoints:
        there = expected_checkpoint(flags_of(options, checkpoint, ""))
        for adapter in adapters:
            # With one checkpoint every adapter is meant for it, and loading it says what is wrong.
            if len(checkpoints) == 1 or _may_fit(os.path.expanduser(adapter), there):
                yield checkpoint, adapter
        yield checkpoint, ""


def _path(flags: Flags) -> tuple[PurePath, ...]:
    checkpoint = PurePath(expected_checkpoint(flags))
    return (checkpoint, PurePath(os.path.expanduser(flags.adapter))) if flags.adapter else (checkpoint,)  # fmt: skip


def _may_fit(adapter: str, checkpoint: str) -> bool:
    """Whether the sizes in the files do not speak against it. What is not here yet may fit.

    It reads headers only, without torch; loading checks the rest.
    """
    folders = Path(hub.locate(adapter)), Path(hub.locate(checkpoint))
    if not all(folder.is_dir() for folder in folders):
        return not checkpoint_files.looks_like_folder(checkpoint)
    try:
        changes = adapter_files.read_adapter(adapter, folders[0])
        stored = weight_files.stored_tensors(folders[1])
        parts = dict(weight_files.file_header(folders[0] / adapter_files.WEIGHTS_FILE))
    except CheckpointError:
        return True
    made_for = families.recognised([Path(changes.base).name])
    if made_for.sure and made_for.family.key != expected_convention(checkpoint):
        return False
    shapes = {families.now_called(name): tensor.shape for name, tensor in stored.items()}
    return all(
        _matches(adapter_files.model_name(name), tensor.shape, shapes)
        for name, tensor in parts.items()
        if name.endswith((_INPUT, _OUTPUT))
    )


def _matches(name: str, shape: Sequence[int], shapes: Mapping[str, Sequence[int]]) -> bool:
    """Whether the checkpoint has the layer that this matrix of an adapter is for, in its size."""
    layer = shapes.get(name.partition(".lora_")[0] + ".weight")
    if layer is None:
        return False
    if len(layer) != 2 or len(shape) != 2:
        return True
    return shape[1] == layer[1] if name.endswith(_INPUT) else shape[0] == layer[0]
