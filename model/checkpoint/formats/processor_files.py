"""The files of a checkpoint's processor (tokenizer, chat template, picture settings), and whether it fits the model.

Each thing that can be wrong with them has its own words: `CheckpointError` names the file, with the remedy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from model.checkpoint.formats.weight_files import again, damaged
from model.errors import CheckpointError, Sentence

PROCESSOR, IMAGES = "processor_config.json", "preprocessor_config.json"
TOKENIZER, VOCABULARY = ("tokenizer.json",), ("vocab.json", "merges.txt")
TEMPLATES = ("chat_template.jinja", "chat_template.json")
# Objects that loading reads where they are there; some that are damaged it leaves out without a word.
OBJECTS = (
    *(PROCESSOR, IMAGES, "video_preprocessor_config.json"),
    *("tokenizer_config.json", "chat_template.json", "generation_config.json"),
)
CLASSES = ("Qwen2VLProcessor", "Qwen2_5_VLProcessor")


def missing(folder: Path) -> str | None:
    """A file without which there is no processor."""
    if not _has_image_settings(folder):
        return IMAGES
    if not any(
        all((folder / name).is_file() for name in names) for names in (TOKENIZER, VOCABULARY)
    ):
        return TOKENIZER[0]
    return None if _has_template(folder) else TEMPLATES[0]


def processor(folder: Path, config: Any) -> Any:
    """The processor that these files make, which is one for the model of `config`."""
    if (name := missing(folder)) is not None:
        raise CheckpointError(
            "{checkpoint} lacks {file}; {again}.", checkpoint=folder, file=name, again=again(folder)
        )
    for name in OBJECTS:
        _object(folder, name)
    made = _made(folder)
    _require_fit(folder, made, config)
    _require_template(folder, made)
    _require_pixels(folder, made)
    return made


def _made(folder: Path) -> Any:
    from transformers import AutoProcessor

    try:
        made = AutoProcessor.from_pretrained(folder)
    except Exception as error:  # whatever a wrong value in the files leads to
        _object(folder, *TOKENIZER)  # so large that it is read only where something is wrong
        if unknown := _unknown_class(folder):
            raise unknown from error
        raise _useless(folder, error) from error
    if type(made).__name__ not in CLASSES:
        raise _unknown_class(folder) or _foreign(folder, PROCESSOR, type(made).__name__)
    return made


def _unknown_class(folder: Path) -> CheckpointError | None:
    """If a file asks for a processor that is not the family's, or for one of pictures that there is not."""
    import transformers

    both, images = _object(folder, PROCESSOR), _object(folder, IMAGES)
    for file, name in (
        (PROCESSOR, both.get("processor_class")),
        (IMAGES, images.get("processor_class")),
    ):
        if name is not None and name not in CLASSES:
            return _foreign(folder, file, name)
    within = both.get("image_processor")
    told = within if isinstance(within, dict) else images
    name = told.get("image_processor_type")
    if name is not None and not hasattr(transformers, str(name).removesuffix("Fast")):
        return _foreign(folder, IMAGES if told is images else PROCESSOR, name)
    return None


def _foreign(folder: Path, file: str, name: object) -> CheckpointError:
    return CheckpointError(
        "{file} in {checkpoint} asks for {name}, which does not belong to Qwen2-VL or Qwen2.5-VL; "
        "give a complete checkpoint.",
        file=file,
        checkpoint=folder,
        name=name,
    )


def _require_fit(folder: Path, made: Any, config: Any) -> None:
    """The tokenizer and the patches must be those that the model was made for."""
    images, vision = made.image_processor, config.vision_config
    for name, has, wanted in (
        ("image_token_id", made.image_token_id, config.image_token_id),
        ("video_token_id", made.video_token_id, config.video_token_id),
        ("patch_size", images.patch_size, vision.patch_size),
        ("merge_size", images.merge_size, vision.spatial_merge_size),
        ("temporal_patch_size", images.temporal_patch_size, vision.temporal_patch_size),
    ):
        if has != wanted:
            raise CheckpointError(
                "The processor of {checkpoint} does not fit its model ({name} is {has} there and {wanted} "
                "in config.json); give the files of one checkpoint.",
                checkpoint=folder,
                name=name,
                has=str(has),
                wanted=str(wanted),
            )


def _require_template(folder: Path, made: Any) -> None:
    """It is a program of the checkpoint's, so it is tried out."""
    parts = [{"type": "image"}, {"type": "text", "text": "Hello"}]
    try:
        prompt = made.apply_chat_template([{"role": "user", "content": parts}], tokenize=False)
    except Exception as error:
        reason: str = f"{type(error).__name__}: {error}"
        cause: Exception | None = error
    else:
        if made.image_token in prompt and "Hello" in prompt:
            return
        reason, cause = Sentence("it leaves pictures or texts out"), None
    raise CheckpointError(
        "The chat template of {checkpoint} cannot be used ({reason}); {again}.",
        checkpoint=folder,
        reason=reason,
        again=again(folder),
    ) from cause


def _require_pixels(folder: Path, made: Any) -> None:
    """A picture and a clip are tried out: wrong numbers in the settings show here."""
    import numpy as np

    frame = np.full((56, 56, 3), 128, np.uint8)
    try:
        images = made.image_processor([frame], return_tensors="pt")
        clips = made.video_processor(
            [frame[None].repeat(2, 0)],
            do_sample_frames=False,
            # As `stock` has it; where nothing is said, transformers warns.
            cap_pixels_per_frame=False,
            return_tensors="pt",
        )
        pixels = (images["pixel_values"], clips["pixel_values_videos"])
        if not all(bool(values.isfinite().all()) for values in pixels):
            raise ValueError("pixels that are not finite")
    except Exception as error:
        raise _useless(folder, error) from error


def _useless(folder: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        "The processor of {checkpoint} does not work ({reason}); {again}.",
        checkpoint=folder,
        reason=" ".join(f"{type(error).__name__}: {error}".split()),
        again=again(folder),
    )


def _has_image_settings(folder: Path) -> bool:
    within = (folder / PROCESSOR).is_file() and "image_processor" in _object(folder, PROCESSOR)
    return within or (folder / IMAGES).is_file()


def _has_template(folder: Path) -> bool:
    """In a file of its own or in the tokenizer's."""
    if any((folder / name).is_file() for name in TEMPLATES):
        return True
    return "chat_template" in _object(folder, "tokenizer_config.json")


def _object(folder: Path, name: str) -> dict[str, Any]:
    """Empty if there is no such file. Raises `CheckpointError` if there is no object in it."""
    file = folder / name
    try:
        told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        if isinstance(told, dict):
            return told
        cause: Exception | None = None
    except (OSError, ValueError, RecursionError) as error:
        cause = error
    raise damaged(file) from cause
