"""Quantized checkpoints in the layout that the family's repositories have, and twins with the same weights unpacked.

Rounded to the nearest, as nobody would publish them; what is packed where is as GPTQ and AWQ pack it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from model.checkpoint.choose import BUNDLED
from tools.tiny.checkpoint import write_random_checkpoint

GROUP = 128  # weights that share a scale
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)  # of the eight numbers in a word
Tensors = dict[str, torch.Tensor]
GPTQ_CONFIG: dict[str, Any] = {
    "batch_size": 1, "block_name_to_quantize": None, "cache_block_outputs": True, "damp_percent": 0.1,
    "dataset": None, "desc_act": False, "exllama_config": {"version": 1}, "group_size": GROUP,
    "max_input_length": None, "model_seqlen": None, "module_name_preceding_first_block": None,
    "modules_in_block_to_quantize": None, "pad_token_id": None, "quant_method": "gptq", "sym": True,
    "tokenizer": None, "true_sequential": True, "use_cuda_fp16": False, "use_exllama": True,
}  # fmt: skip
AWQ_CONFIG: dict[str, Any] = {
    "bits": 4, "group_size": GROUP, "modules_to_not_convert": ["visual"], "quant_method": "awq",
    "version": "gemm", "zero_point": True,
}  # fmt: skip
FP8_CONFIG: dict[str, Any] = {
    "quant_method": "fp8", "activation_scheme": "dynamic", "fmt": "e4m3",
    "weight_block_size": [GROUP, GROUP], "modules_to_not_convert": ["lm_head", "visual"],
}  # fmt: skip


def published(folder: Path, family: str) -> Path:
    """A random checkpoint with the names and the flat configuration of the family's repositories."""
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    write_random_checkpoint(folder, family=family, size="30m", tokenizer=tokenizer)
    tensors = load_file(folder / "model.safetensors")
    old = {
        name.replace("model.visual.", "visual.").replace("model.language_model.", "model."): tensor
        for name, tensor in tensors.items()
    }
    _save(folder, old)
    config = _config(folder)
    text = config.pop("text_config")
    rope = text.pop("rope_parameters")
    flat = {name: value for name, value in text.items() if name not in ("model_type", "dtype")}
    flat["rope_theta"] = rope["rope_theta"]
    flat["rope_scaling"] = {"type": "mrope", "mrope_section": rope["mrope_section"]}
    _tell(folder, {**config, **flat, "torch_dtype": "float16"})
    return folder


def quantized(base: Path, folder: Path, method: str, bits: int = 4) -> tuple[Path, Path]:
    """A checkpoint whose language model's layers are packed, and its twin with what is packed there."""
    packed, twin = (shutil.copytree(base, folder / name) for name in (f"{method}-{bits}", "twin"))
    tensors: Tensors = {}
    plain: Tensors = {}
    for name, weight in load_file(base / "model.safetensors").items():
        if name.startswith("model.layers.") and name.endswith("proj.weight"):
            parts, unpacked = gptq(weight, bits) if method == "gptq" else PACK[method](weight)
            prefix = name.removesuffix("weight")
            tensors |= {prefix + part: tensor for part, tensor in parts.items()}
            plain[name] = unpacked
        else:
            tensors[name] = weight.half()
            plain[name] = weight.half().float()
    _save(packed, tensors)
    _save(twin, plain)
    told = CONFIGS[method] | ({"bits": bits} if method == "gptq" else {})
    _tell(packed, _config(packed) | {"quantization_config": told})
    return packed, twin


def gptq(weight: torch.Tensor, bits: int) -> tuple[Tensors, torch.Tensor]:
    """AutoGPTQ's first format: words along the inputs, zeros kept as one less."""
    outputs, inputs = weight.shape
    zero, groups = 2 ** (bits - 1), inputs // GROUP
    grouped = weight.float().reshape(outputs, groups, GROUP)
    scales = (grouped.abs().amax(-1) / (zero - 1)).half()
    numbers = (grouped / scales.float()[..., None]).round().clamp(-zero, zero - 1) + zero
    unpacked = ((numbers - zero) * scales.float()[..., None]).reshape(outputs, inputs)
    zeros = torch.full((groups, outputs), zero - 1)
    return {
        "qweight": _packed(numbers.reshape(outputs, inputs).long(), bits).T.contiguous(),
        "qzeros": _packed(zeros, bits),
        "scales": scales.T.contiguous(),
        "g_idx": torch.arange(inputs, dtype=torch.int32) // GROUP,
    }, unpacked


def fp8(weight: torch.Tensor) -> tuple[Tensors, torch.Tensor]:
    """As DeepSeek and the FP8 repositories of later Qwen models have it: a scale for each block."""
    outputs, inputs = weight.shape
    blocks = weight.float().reshape(outputs // GROUP, GROUP, inputs // GROUP, GROUP)
    scales = blocks.abs().amax((1, 3), keepdim=True) / torch.finfo(torch.float8_e4m3fn).max
    numbers = (blocks / scales).to(torch.float8_e4m3fn)
    return {
        "weight": numbers.reshape(outputs, inputs),
        "weight_scale_inv": scales[:, 0, :, 0].contiguous(),
    }, (numbers.float() * scales).reshape(outputs, inputs)


def awq(weight: torch.Tensor) -> tuple[Tensors, torch.Tensor]:
    """AutoAWQ's GEMM format: words along the outputs, in an order of their own."""
    outputs, inputs = weight.shape
    groups = inputs // GROUP
    grouped = weight.float().reshape(outputs, groups, GROUP)
    low, high = grouped.amin(-1).clamp(max=0), grouped.amax(-1).clamp(min=0)
    scales = ((high - low) / 15).half()
    zeros = (-low / scales.float()).round().clamp(0, 15)
    numbers = ((grouped / scales.float()[..., None]).round() + zeros[..., None]).clamp(0, 15)
    unpacked = ((numbers - zeros[..., None]) * scales.float()[..., None]).reshape(outputs, inputs)
    return {
        "qweight": _packed(numbers.reshape(outputs, inputs).T.long(), 4, AWQ_ORDER),
        "qzeros": _packed(zeros.T.long(), 4, AWQ_ORDER),
        "scales": scales.T.contiguous(),
    }, unpacked


PACK = {"awq": awq, "fp8": fp8}
CONFIGS = {"gptq": GPTQ_CONFIG, "awq": AWQ_CONFIG, "fp8": FP8_CONFIG}


def _packed(numbers: torch.Tensor, bits: int, order: tuple[int, ...] | None = None) -> torch.Tensor:
    """Into words of 32 bits, along the last dimension."""
    each = 32 // bits
    words = torch.zeros(*numbers.shape[:-1], numbers.shape[-1] // each, dtype=torch.int64)
    for place, source in enumerate(order or range(each)):
        words |= numbers[..., source::each] << (bits * place)
    return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32).contiguous()


def _config(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return told


def _tell(folder: Path, told: dict[str, Any]) -> None:
    (folder / "config.json").write_text(json.dumps(told, indent=2), encoding="utf-8")


def _save(folder: Path, tensors: Tensors) -> None:
    kept = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
