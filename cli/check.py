"""`--check`: prints what would run on this machine and what is missing."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cli.packages import holes, version_of
from model.checkpoint import adapters
from model.checkpoint import files as checkpoint_files
from model.checkpoint import load as checkpoints
from model.checkpoint.choose import GB, Choice, Flags, Hardware, choose, weights_bytes
from model.checkpoint.formats import quantization
from model.checkpoint.hub import repository as hub
from model.engine.cache.budget import ModelSizes
from model.errors import CheckpointError, DemoError
from model.remote.http.connection import Connection

PACKAGES = ("torch", "torchvision", "transformers", "accelerate", "gradio", "av", "pillow")
SERVER_PACKAGES = ("gradio", "openai", "av", "pillow")
DECODERS = {"h264": "H.264", "hevc": "HEVC", "vp9": "VP9", "av1": "AV1", "mpeg4": "MPEG-4"}


def report_all(server: Connection | None, choices: Mapping[str, Flags]) -> int:
    """Print the findings about everything that people can choose. Returns the exit status: 0, or 1 if something is missing."""
    status = report_server(server) if server else 0
    return max(status, report(choices)) if choices else status


def report(choices: Mapping[str, Flags]) -> int:
    """Print the findings about checkpoints by name. Returns the exit status: 0, or 1 if something is missing."""
    missing = [name for name in PACKAGES if version_of(name) is None]
    _print_software(PACKAGES)
    problems = [
        f"{name} is missing; run `pip install -r requirements_web_demo.txt`." for name in missing
    ]
    if not missing:
        problems += _undecodable()
        hardware = checkpoints.detect_hardware()
        print(f"hardware    {_described(hardware)}")
        for name, flags in choices.items():
            if len(choices) > 1:
                print(f"choice      {name}")
            problems += _run(hardware, flags)
    for problem in problems:
        print(f"missing     {problem}")
    print("ready" if not problems else "not ready")
    return 1 if problems else 0


def report_server(connection: Connection) -> int:
    """Print the server's model. Returns the exit status: 0, or 1 if the server or its model is missing."""
    from model.remote.backend import connection_problem
    from model.remote.http.client import Server

    _print_software(SERVER_PACKAGES)
    print(f"server      {connection.host}")
    server = Server(connection)
    try:
        problem: str | None = connection_problem(server)
    except DemoError as error:
        problem = str(error)
    finally:
        server.close()
    if server.model:
        print(f"model       {server.model}")
        found = server.family
        guess = "" if found.sure else " (a guess, see --model-family)"
        print(f"family      {found.family.title}{guess}")
    if server.context_tokens:
        print(f"context     {server.context_tokens:,} tokens")
    print(f"missing     {problem}\nnot ready" if problem else "ready")
    return 1 if problem else 0


def _print_software(packages: Iterable[str]) -> None:
    """Print the versions of Python and of the packages, and known vulnerabilities."""
    print(f"python      {platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in packages:
        print(f"{name:<11} {version_of(name) or 'missing'}")
    for hole in holes():
        print(f"warning     {hole}")


def _undecodable() -> list[str]:
    """Print which videos can be decoded, and return the problems."""
    import av

    undecodable = [shown for codec, shown in DECODERS.items() if codec not in av.codecs_available]
    decodable = ", ".join(shown for shown in DECODERS.values() if shown not in undecodable)
    print(f"video       PyAV {version_of('av')}, decodes {decodable}")
    return [
        f"PyAV cannot decode {shown}; run `pip install --force-reinstall av`."
        for shown in undecodable
    ]


def _run(hardware: Hardware, flags: Flags) -> list[str]:
    """Print what would run, and return the problems."""
    try:
        choice = choose(hardware, flags)
    except CheckpointError as error:
        return [str(error)]
    print(f"checkpoint  {choice.checkpoint}")
    gpus = f" {', '.join(map(str, choice.gpus))}" if choice.gpus else ""
    print(f"device      {choice.device}{gpus}")
    print(f"dtype       {choice.dtype}")
    print(f"attention   {choice.attention}")
    return [*_unreadable(choice)]


def _unreadable(choice: Choice) -> Iterator[str]:
    """Yield why the checkpoint cannot be loaded. Downloads the files of a hub id, except the weights."""
    try:
        adapters.require_none_hidden(choice.checkpoint, choice.adapter)
        checkpoints.load_processor(choice.checkpoint)
        if told := quantization.quantization_config(
            checkpoint_files.load_config(choice.checkpoint)
        ):
            print(f"quantized   {quantization.describe(told)}")
        if choice.adapter:
            adapter = adapters.require_fitting(choice.adapter, choice.checkpoint)
            print(f"adapter     {adapter.description}")
        free = checkpoints.free_memory(choice)
        if not Path(hub.locate(choice.checkpoint)).is_dir():
            print(f"download    {hub.weights_bytes_on_hub(choice.checkpoint) / GB:.1f} GB")
        print(f"memory      {_arithmetic(choice, free)}")
        checkpoints.require_memory(choice, free)
    except CheckpointError as error:
        yield str(error)


def _arithmetic(choice: Choice, free: int) -> str:
    """The memory that is needed and free, in GB."""
    sizes = ModelSizes.of(
        checkpoint_files.load_config(choice.checkpoint), 4 if choice.dtype == "float32" else 2
    )
    tokens = sizes.context_tokens
    cache = tokens * sizes.bytes_per_token
    weights = weights_bytes(checkpoint_files.bytes_in_16_bits(choice.checkpoint), choice.dtype)
    known = f"{weights / GB:.1f} GB" if weights else "an unknown size"
    return (
        f"weights {known} + KV cache of the whole context ({tokens:,} tokens) {cache / GB:.1f} GB "
        f"+ up to {sizes.working_bytes / GB:.1f} GB for the pictures of a turn; {free / GB:.1f} GB are free"
    )


def _described(hardware: Hardware) -> str:
    if hardware.gpu_free:
        sizes = ", ".join(f"{size / GB:.0f} GB free" for size in hardware.gpu_free)
        return f"{len(hardware.gpu_free)} CUDA GPU ({sizes})"
    return "Apple GPU" if hardware.mps else "CPU only"
