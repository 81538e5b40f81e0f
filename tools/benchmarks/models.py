"""The models that are measured: a checkpoint, or random weights of a real shape, which are as fast."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import torch
from transformers import AutoProcessor, Qwen2VLConfig, Qwen2VLForConditionalGeneration

from model.choose import BUNDLED, GB
from model.compiled import CompiledDecoding
from model.local import LocalBackend

Result = TypeVar("Result")
CONTEXT_TOKENS = 32768
# Of the checkpoints' config.json files: hidden, layers, heads, key heads, intermediate, vocabulary (0: the
# bundled tokenizer's), tied;
# then the vision tower's width, depth and heads.
SHAPES: dict[str, tuple[int, int, int, int, int, int, bool, int, int, int]] = {
    "30m": (512, 7, 8, 2, 1536, 0, True, 320, 6, 5),
    "2b": (1536, 28, 12, 2, 8960, 151936, True, 1280, 32, 16),
    "7b": (3584, 28, 28, 4, 18944, 152064, False, 1280, 32, 16),
}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Which model, and where it runs."""
    parser.add_argument("--checkpoint", help="hub id or folder; otherwise random weights")
    parser.add_argument("--shape", choices=tuple(SHAPES), default="30m", help="of random weights")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--compile", action="store_true", help="CUDA graphs; needs a GPU")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32")


def in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """`work(*arguments)` in a thread of its own, as in the app.

    OpenMP gives every thread that computes a team of its own, and on few cores two teams slow each other down
    to half the speed: nothing in this process may compute in the main thread.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *arguments).result()


def load(options: argparse.Namespace) -> LocalBackend:
    """The backend that the flags ask for."""
    if options.checkpoint:
        where = {"device": options.device, "dtype": options.dtype, "compiled": options.compile}
        return in_thread(partial(LocalBackend.load, **where), options.checkpoint)
    device = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = getattr(torch, options.dtype)
    return in_thread(_random, options.shape, device, dtype, options.compile)


def name(options: argparse.Namespace) -> str:
    """For the table."""
    model = options.checkpoint or f"random weights, shape {options.shape}"
    return f"{model}, {options.dtype}{', compiled' if options.compile else ''}"


def _random(shape: str, device: str, dtype: torch.dtype, compile_it: bool) -> LocalBackend:
    processor = AutoProcessor.from_pretrained(BUNDLED)
    torch.manual_seed(0)
    with torch.device(device):
        torch.set_default_dtype(dtype)
        model = Qwen2VLForConditionalGeneration(_config(shape, processor)).eval()
        torch.set_default_dtype(torch.float32)
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    compiled = CompiledDecoding(model) if compile_it else None
    if compiled:
        compiled.warm_up(lambda _: None)
    return LocalBackend(model, processor, label=shape, cache_bytes=4 * GB, compiled=compiled)


def _config(shape: str, processor: Any) -> Qwen2VLConfig:
    hidden, layers, heads, groups, wide, vocabulary, tied, width, depth, eyes = SHAPES[shape]
    half = hidden // heads // 2
    text = {
        "vocab_size": vocabulary or len(processor.tokenizer),
        "hidden_size": hidden,
        "intermediate_size": wide,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "max_position_embeddings": CONTEXT_TOKENS,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e6,
            "mrope_section": [half // 4, half * 3 // 8, half * 3 // 8],
        },
        "tie_word_embeddings": tied,
    }
    vision = {"embed_dim": width, "depth": depth, "num_heads": eyes, "hidden_size": hidden}
    ids = {
        f"{kind}_token_id": processor.tokenizer.convert_tokens_to_ids(f"<|{token}|>")
        for kind, token in (
            ("image", "image_pad"), ("video", "video_pad"),
            ("vision_start", "vision_start"), ("vision_end", "vision_end"),
        )
    }  # fmt: skip
    return Qwen2VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tied, **ids)
