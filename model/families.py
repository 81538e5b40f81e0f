"""The members of the model family: their visual tokens, their grounding convention, and the names they go by.

One table for checkpoints on this machine and for servers. Knows nothing of files, models or the network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from model.grounding import Convention
from model.settings import MAX_IMAGE_TOKENS, Bounds, DefaultSettings, GenerationSettings


@dataclass(frozen=True)
class Geometry:
    """The sizes in which a vision tower cuts images and videos into tokens, and the bounds of its processor.

    patch_size: pixels; merge_size: patches per side of a visual token; temporal_patch_size: frames that share tokens;
    min_tokens, max_video_tokens: the processor enlarges smaller images and shrinks larger videos.
    """

    patch_size: int = 14
    merge_size: int = 2
    temporal_patch_size: int = 2
    min_tokens: int = 1
    max_video_tokens: int | None = None

    @property
    def token_px(self) -> int:
        """The side in pixels of the square that one visual token covers."""
        return self.patch_size * self.merge_size


@dataclass(frozen=True)
class Family:
    """One member of the family.

    key: the convention of places in its answers (see `grounding`); model_types: what config.json calls its checkpoints;
    processor_class: of transformers; template_system: the system prompt that its chat template adds if there is none;
    frame_times: whether its processor writes the time before each pair of frames; repetition_penalty: of its
    checkpoints' generation_config.json.
    """

    key: Convention
    title: str
    model_types: tuple[str, ...]
    processor_class: str
    geometry: Geometry = Geometry()
    template_system: str = "You are a helpful assistant."
    frame_times: bool = False
    repetition_penalty: float = 1.0

    @property
    def default_settings(self) -> DefaultSettings:
        """The default settings of a checkpoint of this family, without its files."""
        low, high = self.geometry.min_tokens, MAX_IMAGE_TOKENS
        bounds = {}
        if low > 1:
            bounds = {name: Bounds(low, high) for name in ("min_tokens", "max_tokens")}
        px = self.geometry.token_px
        bounds |= {side: Bounds(px, None, px) for side in ("resized_height", "resized_width")}
        generation = GenerationSettings(repetition_penalty=self.repetition_penalty)
        return DefaultSettings.within(bounds, generation)


QWEN2_VL = Family("qwen2_vl", "Qwen2-VL", ("qwen2_vl",), "Qwen2VLProcessor")
QWEN2_5_VL = Family(
    "qwen2_5_vl", "Qwen2.5-VL", ("qwen2_5_vl",), "Qwen2_5_VLProcessor", repetition_penalty=1.05
)
# Served models of every later Qwen count as Qwen3-VL too: all of these have its vision tower and processor.
QWEN3_VL = Family(
    "qwen3_vl",
    "Qwen3-VL",
    ("qwen3_vl", "qwen3_vl_moe"),
    "Qwen3VLProcessor",
    # Of preprocessor_config.json and video_preprocessor_config.json: 65,536 pixels and 25,165,824.
    Geometry(patch_size=16, min_tokens=64, max_video_tokens=12_288),
    template_system="",
    frame_times=True,
)
FAMILIES = (QWEN2_VL, QWEN2_5_VL, QWEN3_VL)
BY_MODEL_TYPE = {kind: family for family in FAMILIES for kind in family.model_types}
BY_PROCESSOR_CLASS = {family.processor_class: family for family in FAMILIES}
# What --quantize takes.
QUANTIZATIONS = ("4bit", "8bit")


@dataclass(frozen=True)
class Recognised:
    """The family of a model. sure: its name tells the family; thinks: its chat template opens a reasoning."""

    family: Family
    sure: bool
    thinks: bool = False


def of_key(key: str) -> Family:
    """The family with this `key`. Raises `KeyError`."""
    return {family.key: family for family in FAMILIES}[key]  # type: ignore[index]  # the error is meant


def recognised(names: Sequence[str]) -> Recognised:
    """Return the family of a model that has these names. The first name that is certain decides.

    A name is a hub id, a folder, a file or a server's name for its model, in any spelling. Without a certain name the first
    guess counts, and without a guess Qwen2-VL.
    """
    guesses = [found for name in names if (found := _recognised(name))]
    sure = (found for found in guesses if found.sure)
    return next(sure, guesses[0] if guesses else Recognised(QWEN2_VL, False))


# `Qwen2.5`, and how else it is spelt: qwen25, qwen2_5, qwen-2.5, qwen2p5. What follows must not make the digits
# a size (qwen-72b, qwen3-8b, qwen3-1.7b) or a date (qwen3-2507).
_VERSION = re.compile(r"qwen[-. ]?([1-9])(?:(?:[-. ]{0,2}|p)([1-9]))?(?![\db]|\.\d)")
# What says that a model takes pictures; as names of classes are written, too.
_VISION = re.compile(r"(?<![a-z])(?:vl|omni)(?![a-z])|(?<![a-z])vl(?=moe|for[ci])")
# The service's own models. It changes what a name without a date stands for.
_HOSTED = re.compile(r"qwen-?vl-?(?:max|plus|ocr)")
_HOSTED_QWEN2_VL = re.compile(r"qwen-?vl-?(?:max|plus)-(?:0809|1030|1119)(?!\d)")
# Well-known checkpoints whose names do not say what they were made from. The first that fits counts.
_MADE_FROM = tuple(
    (re.compile(pattern), family)
    for pattern, family in (
        (r"qvq-72b|olmocr-7b-0225|ui-?tars[-:](?:2b|7b|72b)|uground-v1|os-atlas-base-7b", QWEN2_VL),
        (r"cosmos-reason2|gui-owl-1\.5|holo2", QWEN3_VL),
        (r"olmocr|rolmocr|nanonets-ocr|ocrflux|numarkdown|ui-?tars[-:]1\.5|ui-venus|gui-owl|holo1|cosmos-reason1|"
         r"mimo-vl|vl-rethinker", QWEN2_5_VL),
    )
)  # fmt: skip
_DASHES = str.maketrans(dict.fromkeys("_\u2010\u2011\u2012\u2013\u2014\u2212", "-"))


@lru_cache(maxsize=256)
def _recognised(name: str) -> Recognised | None:
    # ModelScope's cache writes `Qwen2.5` as `Qwen2___5`.
    name = name.lower().replace("___", ".").translate(_DASHES)
    if _HOSTED_QWEN2_VL.search(name):
        return Recognised(QWEN2_VL, True)
    if _HOSTED.search(name):
        return Recognised(QWEN2_5_VL, False)
    # Of a path the last folder that says something: fine-tuned checkpoints lie below what they were made from.
    *_, version = [None, *_VERSION.finditer(name)]
    if version is None:
        made = (family for pattern, family in _MADE_FROM if pattern.search(name))
        return next((Recognised(family, True) for family in made), None)
    number = int(version[1]), int(version[2] or 0)
    # From 3.5 on there are no checkpoints without a vision tower, and all of them reason.
    newest = number >= (3, 5)
    sees = newest or _VISION.search(name) is not None
    if number >= (3, 0):
        return Recognised(QWEN3_VL, sees, thinks=newest or "thinking" in name)
    return Recognised(QWEN2_5_VL if number >= (2, 5) else QWEN2_VL, sees and number >= (2, 0))


# What transformers before 4.52 called parts of these models, as published files still do: a pattern at the beginning
# of an old name, and what stands there now; peft takes the table as it is.
RENAMED = {
    r"^visual\b": "model.visual",
    r"^model\.(?=(layers|embed_tokens|norm)\b)": "model.language_model.",
}


def now_called(name: str) -> str:
    """The name of a weight in the transformers of today."""
    for before, after in RENAMED.items():
        name = re.sub(before, after, name)
    return name


def bitsandbytes_arguments(quantize: str, dtype: str) -> dict[str, Any]:
    """The arguments of `BitsAndBytesConfig` that quantize the language model while it is loaded.

    quantize: "4bit" or "8bit"; dtype: in which products are computed. The vision tower reads small print and takes little
    memory, so it stays as it is.
    """
    kept = {"llm_int8_skip_modules": ["model.visual", "lm_head"]}
    if quantize == "8bit":
        return {"load_in_8bit": True, **kept}
    fours = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
    return {"load_in_4bit": True, **fours, **kept}
