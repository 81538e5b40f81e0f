"""Loads the chosen checkpoint as a transformers model and processor, and detects the hardware with torch.

Files are checked first, so that faults show before minutes of loading weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from model import families
from model.checkpoint import adapters
from model.checkpoint import files as checkpoint_files
from model.checkpoint.choose import GB, Choice, Hardware, weights_bytes
from model.checkpoint.formats import processor_files, quantization, weight_files
from model.checkpoint.hub import repository as hub
from model.checkpoint.hub.repository import ReportShare
from model.errors import CheckpointError

# Names in `torch.cpu.get_capabilities()`, of x86 and of ARM.
BFLOAT16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "bf16")
# The download's share of the time until a checkpoint is ready that is not in the cache.
DOWNLOAD_SHARE = 0.9


def detect_hardware() -> Hardware:
    """The hardware of this machine. Raises `CheckpointError` if torch is not installed."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise CheckpointError(
            "There is no torch here to run a model with; run `pip install -r requirements_web_demo.txt`, "
            "or start with --backend openai."
        ) from error

    gpus = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    mps = torch.backends.mps.is_available()
    return Hardware(
        gpu_free=tuple(torch.cuda.mem_get_info(gpu)[0] for gpu in gpus),
        gpu_generation=tuple(torch.cuda.get_device_capability(gpu)[0] for gpu in gpus),
        rocm=torch.version.hip is not None,
        cpu_bfloat16=cpu_bfloat16(torch.cpu.get_capabilities()),
        mps_bfloat16=mps and torch.backends.mps.is_macos_or_newer(14, 0),
        mps=mps,
        flash_attn=find_spec("flash_attn") is not None,
        kernels=find_spec("kernels") is not None,
    )


def cpu_bfloat16(capabilities: Mapping[str, object]) -> bool:
    """Whether cores with these `torch.cpu.get_capabilities()` multiply in bfloat16 instead of emulating it."""
    return any(capabilities.get(name) for name in BFLOAT16_INSTRUCTIONS)


def load(choice: Choice, report: ReportShare | None = None) -> tuple[Any, Any]:
    """The transformers model, with its adapter, and the processor. Raises `CheckpointError` with the remedy."""
    adapters.require_none_hidden(choice.checkpoint, choice.adapter)
    processor = load_processor(choice.checkpoint)
    if choice.quantize:
        quantization.require_quantizable(
            choice.checkpoint, checkpoint_files.load_config(choice.checkpoint)
        )
    if choice.adapter:
        adapters.require_fitting(choice.adapter, choice.checkpoint)
    require_memory(choice, free_memory(choice))
    model = _load(choice, report or (lambda _: None))
    if choice.adapter:
        adapters.apply(model, choice.adapter, choice.checkpoint)
    return model, processor


def load_processor(checkpoint: str) -> Any:
    """The transformers processor of a checkpoint: tokenizer, chat template, image and video processor.

    Raises `CheckpointError` for another family or incomplete files. Weights of a hub id are checked after the download.
    """
    # It imports torch.
    from model.checkpoint import weights

    config = checkpoint_files.load_config(checkpoint)
    if config.model_type not in families.BY_MODEL_TYPE:
        raise CheckpointError(
            "{checkpoint} is a {model_type} checkpoint; "
            "choose a Qwen2-VL, Qwen2.5-VL or Qwen3-VL one with --checkpoint-path.",
            checkpoint=checkpoint,
            model_type=config.model_type,
        )
    weights.require_complete(checkpoint, config)
    _require_quantization_support(checkpoint, config)
    return processor_files.load_processor(Path(hub.fetch(checkpoint)), config)


def _require_quantization_support(checkpoint: str, config: Any) -> None:
    """Raises `CheckpointError` if no installed package reads these weights, before gigabytes are downloaded."""
    from transformers.quantizers import AutoHfQuantizer

    quantized_with = quantization.quantization_config(config)
    if not quantized_with:
        return
    quantization.require_packages(checkpoint, quantized_with)
    try:
        AutoHfQuantizer.from_config(quantized_with, pre_quantized=True).validate_environment(
            device_map=None
        )
    except Exception as error:  # these packages can raise anything
        raise checkpoint_files.load_error(checkpoint, error) from error


def require_memory(choice: Choice, free: int) -> None:
    """Raises `CheckpointError` if the weights cannot fit into `free` bytes.

    It is checked before loading, because Linux kills a process that runs out of memory, without an error.
    """
    stored = checkpoint_files.bytes_in_16_bits(choice.checkpoint)
    needed = weights_bytes(stored, choice.dtype, choice.quantize)
    if needed > free:
        raise CheckpointError(
            "{checkpoint} needs {needed:.1f} GB and {free:.1f} GB are free; choose a "
            "smaller or a quantized checkpoint with --checkpoint-path, or try --dtype bfloat16.",
            checkpoint=choice.checkpoint,
            needed=needed / GB,
            free=free / GB,
        )


def _load(choice: Choice, report: ReportShare) -> Any:
    import torch
    from transformers import AutoModelForImageTextToText

    from model.checkpoint import weights

    placement = _placement(choice)
    if choice.gpu_memory is not None:
        _limit_gpu_memory(choice)
    folder, fetch_share = _fetch_with_progress(choice.checkpoint, report)
    config = _load_config(folder)
    if fetch_share:
        weights.require_complete(folder, config)
    try:
        with _weights_progress(lambda done: report(fetch_share + (1 - fetch_share) * done)):
            model, info = AutoModelForImageTextToText.from_pretrained(
                folder,
                config=config,
                dtype=getattr(torch, choice.dtype),
                attn_implementation=choice.attention,
                # Reading other formats can run code.
                use_safetensors=True,
                # `require_exact_load` reports these and more.
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **placement,
            )
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise CheckpointError(
            "{checkpoint} does not fit into the memory of this machine; choose a smaller or "
            "a quantized checkpoint with --checkpoint-path.",
            checkpoint=choice.checkpoint,
        ) from error
    except (OSError, ImportError) as error:  # of the disk, or of an attention package
        raise checkpoint_files.load_error(choice.checkpoint, error) from error
    weights.require_exact_load(choice.checkpoint, model, weights.LoadReport.of(model, info))
    for weight in model.parameters() if getattr(model, "hf_quantizer", None) is None else ():
        # Unpacked quantized layers can have another dtype. Buffers keep theirs.
        weight.data = weight.data.to(getattr(torch, choice.dtype))
    # It is the folder in the cache.
    model.config.name_or_path = choice.checkpoint
    return model.eval()


def _placement(choice: Choice) -> dict[str, Any]:
    """The arguments of `from_pretrained` for the devices of a choice, its quantization and its adapter."""
    placed: dict[str, Any] = {}
    if choice.device_map:
        placed["device_map"] = choice.device_map
    if len(choice.gpus) > 1:
        placed["max_memory"] = {gpu: _usable_gpu_bytes(choice, gpu) for gpu in choice.gpus}
    if choice.quantize:
        placed["quantization_config"] = quantization.bitsandbytes_config(
            choice.quantize, choice.dtype
        )
    if choice.adapter:
        # transformers would also load an adapter in the checkpoint's own folder.
        placed["adapter_kwargs"] = {"subfolder": "none"}
    return placed


def _load_config(folder: str) -> Any:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    if quantized := quantization.quantization_config(config):
        config.quantization_config = quantization.with_current_module_names(
            quantized, weight_files.stored_tensors(Path(folder))
        )
    return config


def _fetch_with_progress(checkpoint: str, report: ReportShare) -> tuple[str, float]:
    """The folder with all files, and the download's share of the work: 0 if they were in the cache."""
    share = 0.0

    def fetching(done: float) -> None:
        nonlocal share
        share = DOWNLOAD_SHARE
        report(share * done)

    return hub.fetch(checkpoint, weights=True, report=fetching), share


@contextmanager
def _weights_progress(report: ReportShare) -> Iterator[None]:
    """Inside, reports the progress of transformers' progress bars over the weights."""
    from transformers.utils import logging

    def hook(factory: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        bar = factory(*args, **kwargs)
        return _watched(bar, kwargs.get("total") or len(args[0]), report) if args else bar

    logging.set_tqdm_hook(hook)
    try:
        yield
    finally:
        logging.set_tqdm_hook(None)


def _watched(bar: Any, total: int, report: ReportShare) -> Iterator[Any]:
    for done, step in enumerate(bar, start=1):
        yield step
        report(done / total)


def free_memory(choice: Choice) -> int:
    """The bytes that are free on the model's devices."""
    import psutil

    if choice.device == "cuda":
        return sum(_usable_gpu_bytes(choice, gpu) for gpu in choice.gpus)
    return int(psutil.virtual_memory().available)


def _usable_gpu_bytes(choice: Choice, gpu: int) -> int:
    """The bytes of one GPU that are free and may be used."""
    import torch

    free = int(torch.cuda.mem_get_info(gpu)[0])
    if choice.gpu_memory is None:
        return free
    return min(free, int(choice.gpu_memory * GB) - int(torch.cuda.memory_allocated(gpu)))


def _limit_gpu_memory(choice: Choice) -> None:
    """Limit torch's allocator to `gpu_memory`, so that it runs out of memory as on a GPU of that size."""
    import torch

    for gpu in choice.gpus:
        total = torch.cuda.get_device_properties(gpu).total_memory
        share = min(1.0, (choice.gpu_memory or 0) * GB / total)
        torch.cuda.set_per_process_memory_fraction(share, gpu)
