"""`--verify`: answers an exported conversation again with stock transformers, and compares each greedy answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from model.backend import AnswerRecord
from model.checkpoint import load as checkpoints
from model.checkpoint.choose import BUNDLED, Flags, choose
from model.conversation import Image
from model.errors import DemoError, NotReplayableError
from model.media import video
from model.media.image import image_size
from model.prompt.chat_template import control_tokens
from model.reproduce import archive_reader
from model.reproduce.archive import Archive
from model.reproduce.generation_record import GenerationRecord, ModelInfo, VerifyResult

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def report(path: str, flags: Flags) -> int:
    """Print the result for each answer. Returns the exit status: 0 if there is an answer and all are equal."""
    try:
        with TemporaryDirectory() as folder:
            results = list(_results(Path(path), Path(folder), flags))
    except DemoError as error:
        print(error)
        return 1
    if not results:
        print("There is no answer at temperature 0 to verify.")
    return 0 if results and all(result.equal for result in results) else 1


def wanted(model_info: ModelInfo, flags: Flags) -> Flags:
    """Complete the flags with the checkpoint, adapter, dtype, quantization and attention of the answers. Raises `DemoError`."""
    checkpoint = flags.checkpoint
    if not model_info.device:  # a server's answers
        raise NotReplayableError("Only answers of a checkpoint in this program can be reproduced.")
    if checkpoint == "auto":
        if model_info.checkpoint == f"assets/{BUNDLED.name}":
            checkpoint = "tiny"
        elif _is_hub_id(model_info.checkpoint):
            checkpoint = model_info.checkpoint
        else:
            raise DemoError(
                "These answers are from {checkpoint}; say where it is with --checkpoint-path.",
                checkpoint=model_info.checkpoint,
            )
    adapter = flags.adapter
    if model_info.adapter and not adapter:
        if not _is_hub_id(model_info.adapter):
            raise DemoError(
                "These answers are from {checkpoint} with the adapter {adapter}; say where it is with --adapter.",
                checkpoint=model_info.checkpoint,
                adapter=model_info.adapter,
            )
        adapter = model_info.adapter
    dtype = model_info.dtype if flags.dtype == "auto" else flags.dtype
    attention = flags.flash_attn2 or model_info.attention == "flash_attention_2"
    return replace(
        flags,
        checkpoint=checkpoint,
        dtype=dtype,
        flash_attn2=attention,
        adapter=adapter,
        quantize=flags.quantize or model_info.quantize,
    )


def _is_hub_id(name: str) -> bool:
    return _HUB_ID.fullmatch(name) is not None and not Path(name).exists()


def _results(path: Path, folder: Path, flags: Flags) -> Iterator[VerifyResult]:
    exported = archive_reader.read(path, folder)
    _check_media(exported)
    from model.checkpoint import weights
    from model.local import LocalBackend
    from model.reproduce import verify

    choice = choose(checkpoints.detect_hardware(), wanted(exported.model_info, flags))
    model_info = exported.model_info
    with_adapter = f" with the adapter {model_info.adapter}" if model_info.adapter else ""
    print(f"{choice.label}; the answers are from {model_info.checkpoint}{with_adapter}.")
    backend = LocalBackend.from_choice(choice, cache_gb=0)
    images = backend.processor.image_processor
    token_px = images.patch_size * images.merge_size
    if any(item.width % token_px or item.height % token_px for item in exported.media):
        raise DemoError(
            "This zip file is not a conversation that was exported here, or it was changed; export it again."
        )
    weights.require_as_stored(backend.model)
    control = control_tokens(backend.processor.tokenizer)
    for number, (record, answered, reply) in enumerate(exported.records(control), 1):
        if why := _not_verified(record, answered, exported):
            print(f"Answer {number}: not verified, because it was {why}.")
            continue
        result = verify.replay(backend.model, backend.processor, record, reply)
        print(f"Answer {number}: {said(result)}")
        yield result


def _not_verified(record: GenerationRecord, answered: AnswerRecord, exported: Archive) -> str:
    """Why stock transformers cannot give this answer again, or nothing. The checkpoint is that of the latest answer."""
    if answered.checkpoint != exported.answers[-1].checkpoint:
        return f"given by {answered.checkpoint}"
    if not record.greedy:
        return "drawn by lot"
    if answered.pieced:
        return "changed, or continued with other settings"
    return "broken off" if answered.usage is None else ""


def said(result: VerifyResult) -> str:
    if result.first_difference is None:
        return f"equal ({result.tokens} tokens)"
    return (
        f"different from token {result.first_difference + 1} on: "
        f"exported {result.recorded!r}, stock transformers {result.stock!r}"
    )


def _check_media(exported: Archive) -> None:
    """Check the untrusted media as the page checks uploads. Raises `MediaError`."""
    for item in exported.conversation.media:
        if isinstance(item, Image):
            image_size(item.path, name=item.name)
        else:
            video.probe(item)
