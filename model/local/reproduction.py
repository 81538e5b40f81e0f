"""Verifies an answer of a local model with stock transformers code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from model.backend import Cancel, CancelWhen
from model.checkpoint import weights
from model.checkpoint.choose import BUNDLED
from model.engine.engine import Engine, fits_in_memory
from model.engine.streamer import StopWhen
from model.errors import DemoError
from model.media.reader import MediaReader
from model.reproduce import verify
from model.reproduce.generation_record import (
    GenerationRecord,
    ModelInfo,
    VerifyResult,
)
from model.serving.fair_lock import FairLock


@dataclass(frozen=True)
class Reproduction:
    """Verifies generation records on a shared engine. It takes the lock only while nobody waits for it."""

    engine: Engine
    fair_lock: FairLock
    reader: MediaReader

    def verify(self, record: GenerationRecord, reply: str, cancel: Cancel) -> VerifyResult | None:
        """Generate the answer again and compare it; None if cancelled. Raises `DemoError`.

        A request interrupts it, and it starts again after the request.
        """
        if cancel.is_set():
            return None
        made: list[Any] = []
        results: list[VerifyResult] = []

        def prepare() -> None:
            made.append(verify.inputs_of(self.engine.processor, record, self.reader))
            weights.require_as_stored(self.engine.model)

        def replay(stop: Cancel) -> None:
            stopping = [StopWhen(stop.is_set)]
            result = verify.replay(
                self.engine.model, self.engine.processor, record, reply, stopping, made[0]
            )
            if not stop.is_set():
                results.append(result)

        _require_memory_to_verify(prepare)
        while not results and not cancel.is_set():
            with self.fair_lock.enter_when_idle() as leave:
                if leave:
                    stop = CancelWhen(leave.is_set, cancel.is_set)
                    _require_memory_to_verify(partial(replay, stop))
            self.fair_lock.wait_until_free(cancel)
        return results[0] if results else None


def _require_memory_to_verify(work: Callable[[], None]) -> None:
    if not fits_in_memory(work):
        raise DemoError("The memory does not suffice to answer this again in one piece.")


def _quantized_while_loading(model: Any) -> str:
    """The `Flags.quantize` with which a model was loaded."""
    quantizer = getattr(model, "hf_quantizer", None)
    if quantizer is None or quantizer.pre_quantized:
        return ""
    return "4bit" if quantizer.quantization_config.load_in_4bit else "8bit"


def model_info_of(model: Any, adapter: str) -> ModelInfo:
    """The facts about a loaded model for generation records."""
    return model_info_for(
        model.config.name_or_path,
        str(model.dtype).removeprefix("torch."),
        model.device.type,
        model.config._attn_implementation,
        adapter,
        _quantized_while_loading(model),
    )


def model_info_for(
    checkpoint: str, dtype: str, device: str, attention: str, adapter: str, quantize: str
) -> ModelInfo:
    """The same without the model. A folder is given by its name, to hide local paths."""

    def known_as(path: Path) -> str:
        return path.name if path.is_dir() else str(path)

    path = Path(checkpoint)
    return ModelInfo(
        checkpoint=f"assets/{path.name}" if path == BUNDLED else known_as(path),
        dtype=dtype,
        device=device,
        attention=attention,
        adapter=known_as(Path(adapter)) if adapter else "",
        quantize=quantize,
    )
