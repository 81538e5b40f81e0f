"""The files of a checkpoint's processor: tokenizer, chat template, image and video settings.

Loads the processor and checks that it works and fits the model. Every error is a `CheckpointError` that names the file,
with the remedy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from model.checkpoint.formats.weight_files import damaged_file_error, redownload_hint
from model.errors import CheckpointError, LocalizedText
from model.families import BY_PROCESSOR_CLASS

PROCESSOR_FILE, IMAGE_SETTINGS_FILE = "processor_config.json", "preprocessor_config.json"
TOKENIZER_FILES, VOCABULARY_FILES = ("tokenizer.json",), ("vocab.json", "merges.txt")
CHAT_TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json")
# JSON files that transformers reads if they exist. It ignores some of them if they are damaged.
JSON_OBJECT_FILES = (
    *(PROCESSOR_FILE, IMAGE_SETTINGS_FILE, "video_preprocessor_config.json"),
    *("tokenizer_config.json", "chat_template.json", "generation_config.json"),
)


def missing_file(folder: Path) -> str | None:
    """The name of a file that the processor needs and that the folder lacks; None if it has all."""
    if not _has_image_settings(folder):
        return IMAGE_SETTINGS_FILE
    if not any(
        all((folder / name).is_file() for name in names)
        for names in (TOKENIZER_FILES, VOCABULARY_FILES)
    ):
        return TOKENIZER_FILES[0]
    return None if _has_template(folder) else CHAT_TEMPLATE_FILES[0]


def load_processor(folder: Path, config: Any) -> Any:
    """The processor of a folder. Raises `CheckpointError` unless it works and fits the model of `config`."""
    if (name := missing_file(folder)) is not None:
        raise CheckpointError(
            "{checkpoint} lacks {file}; {again}.",
            checkpoint=folder,
            file=name,
            again=redownload_hint(folder),
        )
    for name in JSON_OBJECT_FILES:
        _read_object(folder, name)
    processor = _from_pretrained(folder)
    _require_matching_model(folder, processor, config)
    _require_working_chat_template(folder, processor)
    _require_finite_pixels(folder, processor)
    return processor


def _from_pretrained(folder: Path) -> Any:
    from transformers import AutoProcessor

    try:
        processor = AutoProcessor.from_pretrained(folder)
    except Exception as error:  # a wrong value can raise anything
        # The file is large, so it is parsed only after an error.
        _read_object(folder, *TOKENIZER_FILES)
        if unknown := _unknown_class_error(folder):
            raise unknown from error
        raise _broken_processor_error(folder, error) from error
    if type(processor).__name__ not in BY_PROCESSOR_CLASS:
        raise _unknown_class_error(folder) or _foreign_class_error(
            folder, PROCESSOR_FILE, type(processor).__name__
        )
    return processor


def _unknown_class_error(folder: Path) -> CheckpointError | None:
    """The error if a file names a processor of another family or an unknown image processor; None otherwise."""
    import transformers

    both, images = _read_object(folder, PROCESSOR_FILE), _read_object(folder, IMAGE_SETTINGS_FILE)
    for file, name in (
        (PROCESSOR_FILE, both.get("processor_class")),
        (IMAGE_SETTINGS_FILE, images.get("processor_class")),
    ):
        if name is not None and name not in BY_PROCESSOR_CLASS:
            return _foreign_class_error(folder, file, name)
    within = both.get("image_processor")
    config = within if isinstance(within, dict) else images
    name = config.get("image_processor_type")
    if name is not None and not hasattr(transformers, str(name).removesuffix("Fast")):
        return _foreign_class_error(
            folder, IMAGE_SETTINGS_FILE if config is images else PROCESSOR_FILE, name
        )
    return None


def _foreign_class_error(folder: Path, file: str, name: object) -> CheckpointError:
    return CheckpointError(
        "{file} in {checkpoint} asks for {name}, which does not belong to Qwen2-VL, Qwen2.5-VL or Qwen3-VL; "
        "give a complete checkpoint.",
        file=file,
        checkpoint=folder,
        name=name,
    )


def _require_matching_model(folder: Path, processor: Any, config: Any) -> None:
    """Raises `CheckpointError` unless visual token ids and patch sizes are those of the model."""
    images, vision = processor.image_processor, config.vision_config
    for name, has, wanted in (
        ("image_token_id", processor.image_token_id, config.image_token_id),
        ("video_token_id", processor.video_token_id, config.video_token_id),
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


def _require_working_chat_template(folder: Path, processor: Any) -> None:
    """Raises `CheckpointError` unless the template renders an image and a text. It is code of the checkpoint's."""
    parts = [{"type": "image"}, {"type": "text", "text": "Hello"}]
    reason: str = LocalizedText("it leaves pictures or texts out")
    cause: Exception | None = None
    try:
        prompt = processor.apply_chat_template([{"role": "user", "content": parts}], tokenize=False)
        if processor.image_token in prompt and "Hello" in prompt:
            return
    except Exception as error:
        reason, cause = f"{type(error).__name__}: {error}", error
    raise CheckpointError(
        "The chat template of {checkpoint} cannot be used ({reason}); {again}.",
        checkpoint=folder,
        reason=reason,
        again=redownload_hint(folder),
    ) from cause


def _require_finite_pixels(folder: Path, processor: Any) -> None:
    """Raises `CheckpointError` unless the processors give finite pixels for a grey image and video."""
    import numpy as np

    frame = np.full((56, 56, 3), 128, np.uint8)
    try:
        images = processor.image_processor([frame], return_tensors="pt")
        videos = processor.video_processor(
            [frame[None].repeat(2, 0)],
            do_sample_frames=False,
            # transformers warns if it is not passed.
            cap_pixels_per_frame=False,
            return_tensors="pt",
        )
        pixels = (images["pixel_values"], videos["pixel_values_videos"])
        if not all(bool(values.isfinite().all()) for values in pixels):
            raise ValueError("pixels that are not finite")
    except Exception as error:
        raise _broken_processor_error(folder, error) from error


def _broken_processor_error(folder: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        "The processor of {checkpoint} does not work ({reason}); {again}.",
        checkpoint=folder,
        reason=" ".join(f"{type(error).__name__}: {error}".split()),
        again=redownload_hint(folder),
    )


def _has_image_settings(folder: Path) -> bool:
    within = "image_processor" in _read_object(folder, PROCESSOR_FILE)
    return within or (folder / IMAGE_SETTINGS_FILE).is_file()


def _has_template(folder: Path) -> bool:
    """Whether there is a chat template, in its own file or in the tokenizer's."""
    if any((folder / name).is_file() for name in CHAT_TEMPLATE_FILES):
        return True
    return "chat_template" in _read_object(folder, "tokenizer_config.json")


def _read_object(folder: Path, name: str) -> dict[str, Any]:
    """The JSON object in a file; empty if there is no such file. Raises `CheckpointError` if it holds no object."""
    file = folder / name
    try:
        config = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        if isinstance(config, dict):
            return config
        cause: Exception | None = None
    except (OSError, ValueError, RecursionError) as error:
        cause = error
    raise damaged_file_error(file) from cause
