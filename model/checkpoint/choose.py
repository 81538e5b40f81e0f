"""Chooses what runs where: `choose` is a pure function of the hardware, the flags and the size of the weights."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Literal

from model.checkpoint import files as checkpoint_files
from model.errors import CheckpointError, LocalizedText

Device = Literal["cpu", "cuda", "mps"]
GB = 1024**3
BUNDLED = Path(__file__).parents[2] / "assets" / "tiny-qwen2-vl"
LARGE, SMALL = "Qwen/Qwen2-VL-7B-Instruct", "Qwen/Qwen2-VL-2B-Instruct"
# Bytes of the weights of `LARGE` in 16 bits.
LARGE_CHECKPOINT_BYTES = int(16.6 * 10**9)
# Bytes on GPUs for each byte of weights. Images and the KV cache take the rest.
GPU_BYTES_PER_WEIGHT_BYTE = 1.2
# The most of the 16-bit weights that is left by `quantize`: the vision tower and the embeddings stay as they are.
QUANTIZED_SHARE = {"": 1.0, "4bit": 0.6, "8bit": 0.8}
# Major compute capability of the first NVIDIA GPUs with bfloat16. Older ones emulate it slowly.
AMPERE_COMPUTE_CAPABILITY = 8
# Bytes of weights in 16 bits, below which a CPU is fast enough in float32. In float32 cache reuse changes no answer.
MAX_SMALL_BYTES = GB


@dataclass(frozen=True)
class Hardware:
    """The hardware and the attention packages of this machine.

    gpu_free: free bytes of each CUDA device; gpu_generation: major compute capability of each; rocm: whether these are
    AMD GPUs, which torch calls CUDA and which all have bfloat16; cpu_bfloat16: whether the cores have instructions for
    bfloat16 products; mps_bfloat16: whether this is macOS 14 or later; flash_attn: whether the package is installed;
    kernels: whether the package is installed that fetches prebuilt kernels.
    """

    gpu_free: tuple[int, ...] = ()
    gpu_generation: tuple[int, ...] = ()
    rocm: bool = False
    cpu_bfloat16: bool = False
    mps_bfloat16: bool = False
    mps: bool = False
    flash_attn: bool = False
    kernels: bool = False

    def have_bfloat16(self, gpus: Iterable[int]) -> bool:
        """Whether all of these GPUs compute in bfloat16. gpus: their indices."""
        return self.rocm or all(
            self.gpu_generation[gpu] >= AMPERE_COMPUTE_CAPABILITY for gpu in gpus
        )


@dataclass(frozen=True)
class Flags:
    """The flags of the command line that decide what runs.

    gpu_memory: GB of each GPU that may be used; adapter: folder or hub id of a LoRA adapter, empty for none; quantize:
    "4bit" or "8bit", empty for neither.
    """

    checkpoint: str = "auto"
    cpu_only: bool = False
    flash_attn2: bool = False
    dtype: str = "auto"
    compiled: bool = False
    prompt_lookup: bool = False
    gpu_memory: float | None = None
    adapter: str = ""
    quantize: str = ""


@dataclass(frozen=True)
class Choice:
    """What will run.

    gpus: indices of the GPUs, which share the model layer by layer; note: for the banner, a `LocalizedText` or empty;
    compiled: whether decoding is compiled; gpu_memory, adapter, quantize: see `Flags`.
    """

    checkpoint: str
    device: Device
    dtype: Literal["bfloat16", "float16", "float32"]
    attention: Literal["sdpa", "flash_attention_2"]
    gpus: tuple[int, ...] = ()
    note: str = ""
    compiled: bool = False
    prompt_lookup: bool = False
    gpu_memory: float | None = None
    adapter: str = ""
    quantize: str = ""

    @property
    def device_map(self) -> str | dict[str, str] | None:
        """The argument of `from_pretrained`, which then reads the weights onto the device; None for a CPU."""
        if self.device == "cpu":
            return None
        if len(self.gpus) > 1:
            return "auto"
        return {"": f"cuda:{self.gpus[0]}" if self.gpus else self.device}

    @property
    def label(self) -> str:
        """One line for the banner, e.g. `Qwen2-VL-7B-Instruct · cuda bf16 flash-attn 2`."""
        short = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}.get(
            self.dtype, self.dtype
        )
        attention = " flash-attn 2" if self.attention == "flash_attention_2" else ""
        compiled = " compiled" if self.compiled else ""
        quantized = f" {self.quantize}" if self.quantize else ""
        adapter = f" + {Path(self.adapter).name}" if self.adapter else ""
        return f"{Path(self.checkpoint).name}{adapter} · {self.device} {short}{quantized}{attention}{compiled}"


def choose(
    hardware: Hardware,
    flags: Flags,
    weights_bytes_of: Callable[[str], int] = checkpoint_files.bytes_in_16_bits,
) -> Choice:
    """Choose what runs on `hardware`. Raises `CheckpointError` for flags that it cannot satisfy together.

    weights_bytes_of: returns the bytes of a checkpoint's weights in 16 bits, 0 if unknown.
    """
    if flags.gpu_memory is not None and flags.gpu_memory <= 0:
        raise CheckpointError("--gpu-memory must be more than 0.")
    device = _device(hardware, flags)
    # The bytes of each GPU that are free and may be used.
    most = math.inf if flags.gpu_memory is None else int(flags.gpu_memory * GB)
    free = tuple(int(min(gpu, most)) for gpu in hardware.gpu_free)
    checkpoint, note = _checkpoint(flags, device, sum(free))
    stored = weights_bytes_of(checkpoint)
    needed = _needed_gpu_bytes(stored, flags)
    gpus = _gpus(hardware, free, needed) if device == "cuda" else ()
    dtype = _dtype(hardware, flags, device, gpus, stored)
    attention: Literal["sdpa", "flash_attention_2"] = "sdpa"
    if flags.flash_attn2:
        _require_flash_attention(hardware, device, gpus, dtype)
        attention = "flash_attention_2"
    if flags.quantize and device == "mps":
        raise CheckpointError("--quantize needs a CUDA GPU or a CPU; leave the flag out.")
    if flags.compiled:
        _require_compiling(flags, device, len(gpus))
    return Choice(
        checkpoint,
        device,
        dtype,
        attention,
        gpus,
        note,
        flags.compiled,
        flags.prompt_lookup,
        flags.gpu_memory,
        os.path.expanduser(flags.adapter),
        flags.quantize,
    )


def weights_bytes(halves: int, dtype: str, quantize: str = "") -> int:
    """The most bytes of weights in `dtype`. halves: their bytes in 16 bits; quantize: see `Flags`."""
    whole = 2 * halves if dtype == "float32" else halves
    return int(QUANTIZED_SHARE[quantize] * whole)


def _needed_gpu_bytes(stored: int, flags: Flags) -> int:
    return int(GPU_BYTES_PER_WEIGHT_BYTE * weights_bytes(stored, flags.dtype, flags.quantize))


def _gpus(hardware: Hardware, free: tuple[int, ...], needed: int) -> tuple[int, ...]:
    """The smallest set of GPUs that has `needed` bytes free; all GPUs if none has.

    Among sets of one size, GPUs with bfloat16 come first, then those with the most free memory.
    """
    emptiest = sorted(range(len(free)), key=lambda gpu: -free[gpu])
    modern = [gpu for gpu in emptiest if hardware.have_bfloat16([gpu])]
    for count in range(1, len(free)):
        for gpus in (modern[:count], emptiest[:count]):
            if len(gpus) == count and sum(free[gpu] for gpu in gpus) >= needed:
                return tuple(sorted(gpus))
    return tuple(range(len(free)))


def _device(hardware: Hardware, flags: Flags) -> Device:
    if flags.cpu_only:
        return "cpu"
    if hardware.gpu_free:
        return "cuda"
    return "mps" if hardware.mps else "cpu"


def _dtype(
    hardware: Hardware, flags: Flags, device: Device, gpus: tuple[int, ...], stored: int
) -> Literal["bfloat16", "float16", "float32"]:
    if flags.dtype in ("bfloat16", "float16", "float32"):
        return flags.dtype  # type: ignore[return-value]  # mypy does not narrow by `in`
    if device == "cuda":
        return "bfloat16" if hardware.have_bfloat16(gpus) else "float16"
    if device == "mps":
        return "bfloat16" if hardware.mps_bfloat16 else "float16"
    small = 0 < stored < MAX_SMALL_BYTES
    return "bfloat16" if hardware.cpu_bfloat16 and not small else "float32"


def _checkpoint(flags: Flags, device: Device, free: int) -> tuple[str, str]:
    """The checkpoint's id or folder, and the note for the banner."""
    if flags.checkpoint not in ("auto", "tiny"):
        return os.path.expanduser(flags.checkpoint), ""
    if flags.checkpoint == "auto" and device == "cuda":
        short = free < _needed_gpu_bytes(LARGE_CHECKPOINT_BYTES, flags)
        note = LocalizedText("The GPU is too small for {checkpoint}.", checkpoint=LARGE)
        return (SMALL, note) if short else (LARGE, "")
    note = LocalizedText("Demo model: it knows only simple shapes, colours and short texts.")
    return str(BUNDLED), note


def expected_checkpoint(flags: Flags) -> str:
    """The checkpoint that `choose` will probably choose. It does not import torch, which takes seconds."""
    if flags.checkpoint not in ("auto", "tiny"):
        return os.path.expanduser(flags.checkpoint)
    # CUDA, ROCm, and Windows Subsystem for Linux.
    drivers = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")
    gpu = not flags.cpu_only and (which("nvidia-smi") or any(map(os.path.exists, drivers)))
    return LARGE if flags.checkpoint == "auto" and gpu else str(BUNDLED)


def _require_flash_attention(
    hardware: Hardware, device: Device, gpus: tuple[int, ...], dtype: str
) -> None:
    if device != "cuda":
        raise CheckpointError(
            "--flash-attn2 needs a CUDA GPU and this would run on {device}; leave the flag out.",
            device=device,
        )
    if dtype == "float32":
        raise CheckpointError(
            "--flash-attn2 cannot compute in float32; use --dtype bfloat16 or leave the flag out."
        )
    if not hardware.have_bfloat16(gpus):
        raise CheckpointError(
            "--flash-attn2 needs a GPU of NVIDIA's Ampere generation or later; leave the flag out."
        )
    if not (hardware.flash_attn or hardware.kernels):
        raise CheckpointError(
            "--flash-attn2 needs FlashAttention-2; run `pip install kernels` for the prebuilt kernel "
            "or `pip install flash-attn --no-build-isolation` to build it."
        )


def _require_compiling(flags: Flags, device: Device, gpus: int) -> None:
    # On a CPU static shapes cost more than they save: 49 against 87 tokens/s with 30 M parameters.
    if device != "cuda":
        raise CheckpointError(
            "--compile needs a CUDA GPU and this would run on {device}; leave the flag out.",
            device=device,
        )
    if gpus > 1:  # a CUDA graph lives on one
        raise CheckpointError(
            "--compile needs a model that fits on one GPU and this one needs {count}; leave the flag out.",
            count=gpus,
        )
    if flags.flash_attn2:  # it would attend to the empty end of the static cache
        raise CheckpointError(
            "--compile and --flash-attn2 exclude each other; leave one of them out."
        )
    if flags.prompt_lookup:  # `generate` cannot take a draft back from a static cache
        raise CheckpointError(
            "--compile and --prompt-lookup exclude each other; leave one of them out."
        )
