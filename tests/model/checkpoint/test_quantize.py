"""`--quantize`: bitsandbytes quantizes the language model while it is loaded, and answers are still stock's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

from model.backend import Cancel, collected
from model.checkpoint.choose import BUNDLED, Choice
from model.checkpoint.formats import quantization
from model.conversation import Conversation, Image, Text
from model.errors import CheckpointError
from model.families import QUANTIZATIONS
from model.local import LocalBackend
from model.reproduce.script import transformers_script
from model.settings import GenerationSettings
from tests.support.adapters import write_adapter
from tests.support.checkpoint_folders import changed
from tests.support.stock import stock_answer

GREEDY = GenerationSettings(max_new_tokens=8)


@pytest.fixture(scope="module", params=QUANTIZATIONS)
def quantize(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def quantized(quantize: str) -> LocalBackend:
    return LocalBackend.load(BUNDLED, device="cpu", cache_gb=0.5, quantize=quantize)


def asked(picture: Image) -> Conversation:
    return Conversation().with_user_turn(picture, Text("What is this?"))


def test_the_language_model_is_quantized_and_the_vision_tower_is_not(
    quantized: LocalBackend, quantize: str
) -> None:
    model = quantized.model.model
    named = {"4bit": "Linear4bit", "8bit": "Linear8bitLt"}[quantize]
    layer, block = model.language_model.layers[0], model.visual.blocks[0]
    assert type(layer.mlp.down_proj).__name__ == type(layer.self_attn.q_proj).__name__ == named
    assert type(block.attn.qkv).__name__ == type(quantized.model.lm_head).__name__ == "Linear"
    assert f" {quantize}" in quantized.status().label
    assert quantized.model_info.quantize == quantize
    assert not quantized.model_info.exact


def test_it_answers_and_goes_on_as_stock_does(quantized: LocalBackend, picture: Image) -> None:
    talk = asked(picture)
    for question in ("And its colour?", "Why?"):
        _, expected = stock_answer(quantized, talk, GREEDY)
        answer, _ = collected(quantized.stream(talk, GREEDY, Cancel(), session="kept"))
        assert answer == expected
        talk = talk.with_reply(answer).with_user_turn(Text(question))


def test_an_answer_is_verified_under_the_same_quantization(
    quantized: LocalBackend, picture: Image
) -> None:
    answer, _ = collected(quantized.stream(asked(picture), GREEDY, Cancel()))
    result = quantized.verify(quantized.generation_record(asked(picture), GREEDY), answer, Cancel())
    assert result and result.equal


def test_products_in_8_bits_are_no_news(
    quantized: LocalBackend, picture: Image, caplog: pytest.LogCaptureFixture
) -> None:
    collected(quantized.stream(asked(picture), GREEDY, Cancel()))
    assert not [record for record in caplog.records if record.name.startswith("bitsandbytes")]


@pytest.mark.slow
@pytest.mark.parametrize("quantize", ["4bit"], indirect=True)
def test_the_script_quantizes_too(quantized: LocalBackend, picture: Image, tmp_path: Path) -> None:
    answer, _ = collected(quantized.stream(asked(picture), GREEDY, Cancel()))
    script = tmp_path / "answer.py"
    record = quantized.generation_record(asked(picture), GREEDY)
    script.write_text(transformers_script(record))
    root = Path(__file__).parents[3]
    printed = subprocess.run(
        [sys.executable, script], cwd=root, capture_output=True, text=True, check=True, timeout=120
    )
    assert printed.stdout == f"{answer}\n"


def test_an_adapter_goes_on_top(tmp_path: Path, picture: Image) -> None:
    adapter = write_adapter(tmp_path / "adapter", BUNDLED)
    plain = LocalBackend.load(BUNDLED, device="cpu", quantize="4bit")
    adapted = LocalBackend.load(BUNDLED, device="cpu", quantize="4bit", adapter=adapter)
    alone, together = (
        collected(backend.stream(asked(picture), GREEDY, Cancel()))[0]
        for backend in (plain, adapted)
    )
    assert alone != together


def refusal(checkpoint: Path) -> str:
    choice = Choice(str(checkpoint), "cpu", "float32", "sdpa", quantize="4bit")
    with pytest.raises(CheckpointError) as refused:
        LocalBackend.from_choice(choice)
    return str(refused.value)


def test_experts_are_not_quantized(checkpoints: dict[str, Path]) -> None:
    assert "keeps its weights in experts" in refusal(checkpoints["qwen3_vl_moe"])


def test_a_checkpoint_that_is_stored_quantized_is_left_as_it_is(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    folder = copytree(checkpoints["qwen2_vl"], tmp_path / "stored")
    told = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    changed(folder / "config.json", quantization_config=told)
    assert "is quantized already (bitsandbytes)" in refusal(folder)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "import_problem", lambda name: f"{name} is not installed")
    assert "run `pip install bitsandbytes`" in refusal(BUNDLED)
