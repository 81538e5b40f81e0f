"""GPTQ and AWQ checkpoints answer as their twins with unpacked weights; needs the packages of `make quantized`.

Not part of `make test`: gptqmodel compiles for minutes on first use.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image as PillowImage

from model.backend import Cancel, collected
from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.support.adapters import write_adapter
from tests.support.quantized_checkpoints import published, quantized

SETTINGS = GenerationSettings(max_new_tokens=24)


@pytest.fixture(scope="module", params=["qwen2_vl", "qwen2_5_vl"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp(request.param) / "base", request.param)


def logits(backend: LocalBackend, talk: Conversation, picture: PillowImage.Image) -> torch.Tensor:
    """Of every token of the prompt, by stock code."""
    prompt = backend.prompt(talk, SETTINGS)
    inputs = backend.processor(text=[prompt], images=[picture], return_tensors="pt")
    with torch.inference_mode():
        return backend.model(**inputs).logits[0].float()


def off(got: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, as a part of the largest logit."""
    return float((got - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize(("method", "bits"), [("gptq", 4), ("gptq", 8), ("awq", 4)])
def test_it_answers_as_its_twin(base: Path, tmp_path: Path, method: str, bits: int) -> None:
    packed, twin = quantized(base, tmp_path, method, bits)
    picture = PillowImage.effect_noise((224, 168), 80).convert("RGB")
    picture.save(tmp_path / "a.png")
    shown = Image(tmp_path / "a.png", VisionSettings(max_tokens=64))
    talk = Conversation().with_user_turn(shown, Text("What is this?"))

    def loaded(folder: Path, dtype: str) -> LocalBackend:
        return LocalBackend.load(folder, device="cpu", dtype=dtype, cache_gb=0)

    ours, theirs = (loaded(folder, "float32") for folder in (packed, twin))
    got, expected = (logits(backend, talk, picture) for backend in (ours, theirs))
    said, other = (collected(b.stream(talk, SETTINGS, Cancel()))[0] for b in (ours, theirs))
    # Kernels multiply in 16 bits, whatever the weights around them are in.
    alike = float((got.argmax(-1) == expected.argmax(-1)).float().mean())
    rounded, noise = (
        off(logits(loaded(folder, "bfloat16"), talk, picture), expected)
        for folder in (packed, twin)
    )
    print(
        f"\n{base.parent.name} {method} {bits}: logits differ by {off(got, expected):.1e}, {alike:.0%} of the tokens "
        f"are alike, answers equal: {said == other}; in bfloat16 {rounded:.1e}, and the twin's {noise:.1e}"
    )
    assert off(got, expected) < 0.02 and alike > 0.9
    assert rounded < 2 * noise
    result = ours.verify(ours.generation_record(talk, SETTINGS), said, Cancel())
    assert result and result.equal


@pytest.mark.parametrize("method", ["gptq", "awq"])
def test_an_adapter_fits_on_packed_weights_as_on_plain_ones(
    base: Path, tmp_path: Path, method: str
) -> None:
    packed, twin = quantized(base, tmp_path, method)
    adapter = write_adapter(tmp_path / "adapter", twin)
    picture = PillowImage.effect_noise((224, 168), 80).convert("RGB")
    picture.save(tmp_path / "a.png")
    shown = Image(tmp_path / "a.png", VisionSettings(max_tokens=64))
    talk = Conversation().with_user_turn(shown, Text("What is this?"))
    got, expected = (
        logits(
            LocalBackend.load(folder, device="cpu", dtype="float32", cache_gb=0, adapter=adapter),
            talk,
            picture,
        )
        for folder in (packed, twin)
    )
    plain = logits(
        LocalBackend.load(twin, device="cpu", dtype="float32", cache_gb=0), talk, picture
    )
    print(
        f"\n{base.parent.name} {method}: logits differ by {off(got, expected):.1e}, without the adapter by {off(plain, expected):.1e}"
    )
    # A random adapter makes more of what the kernels round.
    assert off(got, expected) < 0.2 * off(plain, expected)
