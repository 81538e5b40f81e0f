"""Tiny checkpoints of the real architectures: configuration, tokenizer, processor, weights on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tools.tiny.tokenizer import train_tokenizer

CONTEXT_TOKENS = 8192
TOKEN_PIXELS = 28 * 28  # one visual token: 2x2 patches of 14 pixels
MIN_TOKENS, MAX_TOKENS, MAX_FRAME_TOKENS, MAX_FRAMES = 4, 400, 36, 16
# Columns get the slowest rotary frequencies. Qwen2-VL's base of 1e6 would turn them by 2e-4 radians
# per column at this head size, which nothing can read; 30 gives 0.12.
ROPE_THETA = 30.0
_TEMPLATE = Path(__file__).with_name("chat_template.jinja")


@dataclass(frozen=True)
class Size:
    """The widths and depths that make a checkpoint small."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vision_width: int
    vision_depth: int
    vision_heads: int
    rotary_sections: tuple[int, int, int]


SIZES = {
    "tiny": Size(192, 5, 6, 512, 160, 4, 5, (4, 6, 6)),  # 4.4 M parameters
    "shallow": Size(192, 1, 6, 512, 160, 2, 5, (4, 6, 6)),  # for what takes long in every layer
    "30m": Size(512, 7, 8, 1536, 320, 6, 5, (8, 12, 12)),  # 32 M parameters
}
# Of the library's classes.
_PREFIXES = {
    "qwen2_vl": "Qwen2VL",
    "qwen2_5_vl": "Qwen2_5_VL",
    "qwen3_vl": "Qwen3VL",
    "qwen3_vl_moe": "Qwen3VLMoe",
}
FAMILIES = tuple(_PREFIXES)


def build_model(
    tokenizer: PreTrainedTokenizerFast, family: str, size: str, seed: int
) -> PreTrainedModel:
    """A float32 model with random weights. family, size: of `FAMILIES`, `SIZES`, else raises `ValueError`."""
    if family not in FAMILIES or size not in SIZES:
        raise ValueError(f"Unknown {family=} or {size=}; there are {FAMILIES} and {tuple(SIZES)}.")
    shape = SIZES[size]
    pads = ("image_pad", "video_pad", "vision_start", "vision_end")
    image, video, start, end = tokenizer.convert_tokens_to_ids([f"<|{name}|>" for name in pads])
    config = _of_family(family, "Config")(
        text_config=_text_config(tokenizer, family, shape),
        vision_config=_vision_config(family, shape),
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=start,
        vision_end_token_id=end,
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    return _of_family(family, "ForConditionalGeneration")(config).eval()


def _of_family(family: str, kind: str) -> Any:
    return getattr(transformers, _PREFIXES[family] + kind)


def _text_config(tokenizer: PreTrainedTokenizerFast, family: str, shape: Size) -> dict[str, Any]:
    end, pad = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    sections = list(shape.rotary_sections)
    rotary = {"rope_type": "default", "rope_theta": ROPE_THETA, "mrope_section": sections}
    experts = {
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": shape.intermediate // 2,
        "decoder_sparse_step": 1,
    }
    return (experts if family == "qwen3_vl_moe" else {}) | {
        "vocab_size": len(tokenizer),
        "head_dim": shape.hidden // shape.heads,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.intermediate,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT_TOKENS,
        "rope_parameters": rotary,
        "use_sliding_window": False,
        "tie_word_embeddings": True,
        "bos_token_id": pad,
        "eos_token_id": end,
        "pad_token_id": pad,
    }


def _vision_config(family: str, shape: Size) -> dict[str, Any]:
    deep = {"depth": shape.vision_depth, "num_heads": shape.vision_heads}
    if family == "qwen2_vl":
        return deep | {"embed_dim": shape.vision_width, "hidden_size": shape.hidden}
    if family.startswith("qwen3_vl"):
        return deep | {
            # Of this width rotary embeddings have whole pairs for rows and for columns.
            "hidden_size": 32 * shape.vision_heads,
            "intermediate_size": 3 * shape.vision_width,
            "out_hidden_size": shape.hidden,
            "deepstack_visual_indexes": [0, shape.vision_depth - 2],
        }
    return deep | {
        "hidden_size": shape.vision_width,
        "intermediate_size": 3 * shape.vision_width,
        "out_hidden_size": shape.hidden,
        "fullatt_block_indexes": [shape.vision_depth // 2 - 1, shape.vision_depth - 1],
        # In pixels: windows of 2x2 visual tokens, so that a small image has several.
        "window_size": 56,
    }


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a finished checkpoint."""
    return transformers.Qwen2TokenizerFast.from_pretrained(folder)


def load_model(folder: Path) -> PreTrainedModel:
    """The weights of a finished checkpoint of the `qwen2_vl` family, in float32."""
    kind = _of_family("qwen2_vl", "ForConditionalGeneration")
    return kind.from_pretrained(folder, dtype=torch.float32).eval()


def with_vocabulary(
    model: PreTrainedModel, old: PreTrainedTokenizerFast, new: PreTrainedTokenizerFast
) -> PreTrainedModel:
    """The model of `load_model` for a tokenizer that knows more; a new token begins as what its lower case means."""
    grown = build_model(new, "qwen2_vl", "tiny", seed=0)
    weights = model.state_dict()
    before = model.get_input_embeddings().weight
    known, rows = old.get_vocab(), []
    for token in new.convert_ids_to_tokens(range(len(new))):
        if token in known:
            rows.append(before[known[token]])
        else:
            text = new.convert_tokens_to_string([token]).lower()
            # A little less of it: as an answer it must stay behind the word itself.
            rows.append(0.8 * before[old(text)["input_ids"]].mean(0))
    embeddings = torch.stack(rows).detach()
    for name, weight in weights.items():
        if weight.data_ptr() == before.data_ptr():  # tied: under two names
            weights[name] = embeddings
    grown.load_state_dict(weights)
    return grown


def scale_weights(model: PreTrainedModel, gain: float = 1.0) -> None:
    """Give every matrix the same gain, so that a random model's answers depend on what it is shown.

    The library's default of 0.02 is made for wide models; at these widths each layer would add
    almost nothing and the tied head would just repeat the last token.
    """
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2 and "embed_tokens" not in name:
                # The matrices of experts lie in one tensor; a convolution has five dimensions.
                fan_in = weight.shape[-1] if weight.ndim == 3 else weight[0].numel()
                weight.normal_(0.0, gain * fan_in**-0.5)


def build_processor(tokenizer: PreTrainedTokenizerFast, family: str) -> Any:
    """The family's real processor, limited to the sizes that the tiny model is trained on."""
    least, most, most_of_frame = (
        tokens * TOKEN_PIXELS for tokens in (MIN_TOKENS, MAX_TOKENS, MAX_FRAME_TOKENS)
    )
    if family.startswith("qwen3_vl"):
        return _qwen3_processor(tokenizer)
    images = transformers.Qwen2VLImageProcessor(size={"shortest_edge": least, "longest_edge": most})
    videos = transformers.Qwen2VLVideoProcessor(
        size={"shortest_edge": least, "longest_edge": most_of_frame},
        do_sample_frames=False,
        max_frames=MAX_FRAMES,
        cap_pixels_per_frame=False,
    )
    template = _TEMPLATE.read_text(encoding="utf-8")
    return _of_family(family, "Processor")(images, tokenizer, videos, chat_template=template)


def _qwen3_processor(tokenizer: PreTrainedTokenizerFast) -> Any:
    """With the sizes and means of the official files: a video's pixels are bounded as a whole."""
    kept = {"patch_size": 16, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    images = transformers.Qwen2VLImageProcessor(
        size={"shortest_edge": 65_536, "longest_edge": 16_777_216}, **kept
    )
    videos = transformers.Qwen3VLVideoProcessor(
        size={"shortest_edge": 4096, "longest_edge": 25_165_824},
        do_sample_frames=False,
        cap_pixels_per_frame=False,
        **kept,
    )
    template = _TEMPLATE.with_name("qwen3_chat_template.jinja").read_text(encoding="utf-8")
    return transformers.Qwen3VLProcessor(images, tokenizer, videos, chat_template=template)


def generation_config(tokenizer: PreTrainedTokenizerFast) -> transformers.GenerationConfig:
    """The fields that Qwen2-VL-Instruct ships, its near-greedy sampling (`top_k` 1) included."""
    end, pad = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    return transformers.GenerationConfig(
        bos_token_id=pad,
        pad_token_id=pad,
        eos_token_id=[end, pad],
        do_sample=True,
        repetition_penalty=1.0,
        temperature=0.01,
        top_p=0.001,
        top_k=1,
    )


def write_checkpoint(
    folder: str | Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> Path:
    """Write model (as bfloat16), tokenizer and processor where `from_pretrained` finds them."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config = generation_config(tokenizer)
    build_processor(tokenizer, model.config.model_type).save_pretrained(folder)
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # it is written readable by its owner alone
    return folder


def write_random_checkpoint(
    folder: str | Path,
    family: str = "qwen2_vl",
    size: str = "tiny",
    seed: int = 0,
    tokenizer: PreTrainedTokenizerFast | None = None,
) -> Path:
    """A loadable checkpoint with random weights; `tokenizer` spares the seconds of training one."""
    tokenizer = tokenizer or train_tokenizer()
    model = build_model(tokenizer, family, size, seed)
    scale_weights(model, gain=2.0)  # lively: at 1 greedy answers soon repeat one token
    return write_checkpoint(folder, model, tokenizer)
