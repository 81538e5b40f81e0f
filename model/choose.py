"""What runs where: one pure function of (what hardware there is, the flags), `choose`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Literal

from model import checkpoint_files
from model.errors import CheckpointError, Sentence

Device = Literal["cpu", "cuda", "mps"]
GB = 1024**3
BUNDLED = Path(__file__).parent.parent / "assets" / "tiny-qwen2-vl"
LARGE, SMALL = "Qwen/Qwen2-VL-7B-Instruct", "Qwen/Qwen2-VL-2B-Instruct"
LARGE_NEEDS = 20 * GB  # 16.6 GB of bfloat16 weights, and room for pictures and the KV cache
SMALL_BYTES = GB  # of weights: fast enough on a CPU in float32, whose answers are the same with every kind of reuse


@dataclass(frozen=True)
class Hardware:
    """What this machine offers. Memory in bytes; `gpu_memory` has one entry per CUDA device."""

    gpu_memory: tuple[int, ...] = ()
    gpu_bfloat16: bool = True
    cpu_bfloat16: Callable[[], bool] = lambda: False  # measures whether it is faster
    mps: bool = False
    flash_attn: bool = False  # the flash_attn package
    kernels: bool = False  # the kernels package, which fetches the prebuilt one


@dataclass(frozen=True)
class Flags:
    """What the person asked for on the command line."""

    checkpoint: str = "auto"
    cpu_only: bool = False
    flash_attn2: bool = False
    dtype: str = "auto"
    compiled: bool = False
    prompt_lookup: bool = False


@dataclass(frozen=True)
class Choice:
    """What will run. `device_map` spreads the model over several GPUs."""

    checkpoint: str
    device: Device
    dtype: Literal["bfloat16", "float16", "float32"]
    attention: Literal["sdpa", "flash_attention_2"]
    device_map: str | None = None
    note: str = ""  # for the banner, a `Sentence` if not empty
    compiled: bool = False  # decoding, see `compiled`
    prompt_lookup: bool = False

    @property
    def label(self) -> str:
        """One line for the banner, e.g. `Qwen2-VL-7B-Instruct · cuda bf16 flash-attn 2`."""
        short = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}[self.dtype]
        attention = " flash-attn 2" if self.attention == "flash_attention_2" else ""
        compiled = " compiled" if self.compiled else ""
        return f"{Path(self.checkpoint).name} · {self.device} {short}{attention}{compiled}"


def choose(hardware: Hardware, flags: Flags) -> Choice:
    """What to run on `hardware`. Raises `CheckpointError` for flags that exclude each other."""
    device = _device(hardware, flags)
    checkpoint, note = _checkpoint(hardware, flags, device)
    dtype = _dtype(hardware, flags, device, checkpoint)
    attention: Literal["sdpa", "flash_attention_2"] = "sdpa"
    if flags.flash_attn2:
        _require_flash_attention(hardware, device, dtype)
        attention = "flash_attention_2"
    if flags.compiled:
        _require_compiling(flags, device)
    spread = "auto" if device == "cuda" and len(hardware.gpu_memory) > 1 else None
    return Choice(
        checkpoint, device, dtype, attention, spread, note, flags.compiled, flags.prompt_lookup
    )


def _device(hardware: Hardware, flags: Flags) -> Device:
    if flags.cpu_only:
        return "cpu"
    if hardware.gpu_memory:
        return "cuda"
    return "mps" if hardware.mps else "cpu"


def _dtype(
    hardware: Hardware, flags: Flags, device: Device, checkpoint: str
) -> Literal["bfloat16", "float16", "float32"]:
    if flags.dtype in ("bfloat16", "float16", "float32"):
        return flags.dtype  # type: ignore[return-value]  # mypy does not narrow by `in`
    if device == "cuda":
        return "bfloat16" if hardware.gpu_bfloat16 else "float16"
    if device == "mps":
        return "float16"
    small = 0 < checkpoint_files.stored_bytes(checkpoint) < SMALL_BYTES
    return "bfloat16" if not small and hardware.cpu_bfloat16() else "float32"


def _checkpoint(hardware: Hardware, flags: Flags, device: Device) -> tuple[str, str]:
    """The checkpoint's id or folder, and what the banner should say of the choice."""
    if flags.checkpoint not in ("auto", "tiny"):
        return os.path.expanduser(flags.checkpoint), ""
    if flags.checkpoint == "auto" and device == "cuda":
        short = sum(hardware.gpu_memory) < LARGE_NEEDS
        note = Sentence("The GPU is too small for {checkpoint}.", checkpoint=LARGE)
        return (SMALL, note) if short else (LARGE, "")
    note = Sentence(
        "This is the bundled tiny checkpoint, which knows only simple shapes, colours and short texts; "
        "start with --checkpoint-path {checkpoint} for a full one.",
        checkpoint=SMALL,
    )
    return str(BUNDLED), note


def expected_checkpoint(flags: Flags) -> str:
    """What `choose` will probably choose, guessed without the seconds that importing torch takes."""
    if flags.checkpoint not in ("auto", "tiny"):
        return os.path.expanduser(flags.checkpoint)
    drivers = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")  # CUDA, ROCm, Windows' Linux
    gpu = not flags.cpu_only and (which("nvidia-smi") or any(map(os.path.exists, drivers)))
    return LARGE if flags.checkpoint == "auto" and gpu else str(BUNDLED)


def _require_flash_attention(hardware: Hardware, device: Device, dtype: str) -> None:
    if device != "cuda":
        raise CheckpointError(
            "--flash-attn2 needs a CUDA GPU and this would run on {device}; leave the flag out.",
            device=device,
        )
    if dtype == "float32":
        raise CheckpointError(
            "--flash-attn2 cannot compute in float32; use --dtype bfloat16 or leave the flag out."
        )
    if not hardware.gpu_bfloat16:
        raise CheckpointError(
            "--flash-attn2 needs a GPU of NVIDIA's Ampere generation or later; leave the flag out."
        )
    if not (hardware.flash_attn or hardware.kernels):
        raise CheckpointError(
            "--flash-attn2 needs FlashAttention-2; run `pip install kernels` for the prebuilt kernel "
            "or `pip install flash-attn --no-build-isolation` to build it."
        )


def _require_compiling(flags: Flags, device: Device) -> None:
    # On a CPU fixed shapes cost more than they save: 49 against 87 tokens/s at 30 M parameters.
    if device != "cuda":
        raise CheckpointError(
            "--compile needs a CUDA GPU and this would run on {device}; leave the flag out.",
            device=device,
        )
    if flags.flash_attn2:  # it would attend to the empty end of the static cache
        raise CheckpointError(
            "--compile and --flash-attn2 exclude each other; leave one of them out."
        )
    if flags.prompt_lookup:  # `generate` cannot take a draft back from a static cache
        raise CheckpointError(
            "--compile and --prompt-lookup exclude each other; leave one of them out."
        )
