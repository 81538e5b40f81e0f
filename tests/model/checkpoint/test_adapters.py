"""A LoRA adapter is in the model whole, or refused by name; none is overlooked."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer

from cli import check as preflight
from cli.verify import wanted
from model.backend import Cancel, collected
from model.checkpoint import adapters
from model.checkpoint.choose import BUNDLED, Choice, Flags
from model.checkpoint.formats.adapter_files import CONFIG_FILE, WEIGHTS_FILE
from model.conversation import Conversation, Image, Text
from model.errors import CheckpointError, DemoError
from model.local import LocalBackend
from model.reproduce import stock, verify
from model.reproduce.client_scripts import openai_script
from model.reproduce.generation_record import GenerationRecord, ModelInfo
from model.reproduce.script import transformers_script
from model.settings import GenerationSettings
from tests.support.adapters import bare, rewrite, tell, weights, with_pefts, write_adapter
from tools.tiny.checkpoint import write_random_checkpoint

# Of peft, where an embedding is adapted, which is the head too.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`"),
    pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`"),
]
SHORT = GenerationSettings(max_new_tokens=16)
KINDS: dict[str, dict[str, Any]] = {
    "the language model's layers": {},
    "all layers, the vision tower's too": {"target_modules": "all-linear"},
    "DoRA of a scaled rank": {"use_dora": True, "use_rslora": True},
    "other ranks for some layers, and biases": {
        "rank_pattern": {"q_proj": 2},
        "alpha_pattern": {"q_proj": 5},
        "bias": "lora_only",
    },
    "a whole module": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
    "the embedding": {"target_modules": ["q_proj", "embed_tokens"]},
}


@pytest.fixture(scope="session")
def base(checkpoints: dict[str, Path]) -> Path:
    return checkpoints["qwen2_vl"]


@pytest.fixture(scope="session")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapter(tmp_path_factory.mktemp("adapters") / "mine", base)


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    """One that a test may break."""
    return shutil.copytree(whole, tmp_path / "mine")


def asked(picture: Image) -> Conversation:
    return Conversation().with_user_turn(picture, Text("What is this?"))


def answered(backend: LocalBackend, talk: Conversation) -> str:
    return collected(backend.stream(talk, SHORT, Cancel()))[0]


def loaded(base: Path | str, adapter: Path | str) -> LocalBackend:
    return LocalBackend.load(base, device="cpu", dtype="float32", cache_gb=0, adapter=adapter)


def refused(base: Path | str, adapter: Path | str = "") -> str:
    """The sentence that loading and the preflight agree on."""
    with pytest.raises(CheckpointError) as failed:
        LocalBackend.from_choice(Choice(str(base), "cpu", "float32", "sdpa", adapter=str(adapter)))
    return str(failed.value)


def stock_says(model: Any, backend: LocalBackend, record: GenerationRecord) -> str:
    inputs = verify.stock_inputs(backend.processor, record)
    ids = stock.generated(model, inputs, record.seed, **record.generation)
    tokens = [token for token in ids if token not in backend.engine.end_tokens]
    return str(backend.processor.tokenizer.decode(tokens))


def assert_answers_as_peft(base: Path, adapter: Path, picture: Image) -> None:
    backend = loaded(base, adapter)
    talk = asked(picture)
    record = backend.generation_record(talk, SHORT)
    said = answered(backend, talk)
    assert said == stock_says(with_pefts(base, adapter), backend, record)
    assert said != stock_says(bare(base), backend, record)
    result = backend.verify(record, said, Cancel())
    assert result and result.equal


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_as_pefts_own_model_does(
    base: Path, tmp_path: Path, picture: Image, kind: str
) -> None:
    assert_answers_as_peft(base, write_adapter(tmp_path / "made", base, **KINDS[kind]), picture)


def test_it_answers_as_pefts_own_model_does_in_the_other_family(
    checkpoints: dict[str, Path], tmp_path: Path, picture: Image
) -> None:
    base = checkpoints["qwen2_5_vl"]
    made = write_adapter(tmp_path / "made", base, target_modules="all-linear")
    assert_answers_as_peft(base, made, picture)


def with_old_names(adapter: Path) -> None:
    """As peft saved it with transformers before 4.52."""
    old = {
        name.replace(".model.visual.", ".visual.").replace(
            ".model.language_model.", ".model."
        ): kept
        for name, kept in weights(adapter).items()
    }
    rewrite(adapter, old)


def test_an_adapter_with_the_names_of_older_transformers_is_the_same(
    base: Path, tmp_path: Path, picture: Image
) -> None:
    new = write_adapter(tmp_path / "new", base, target_modules="all-linear")
    old = shutil.copytree(new, tmp_path / "old")
    with_old_names(old)
    tell(old, target_modules=r"^(?!visual)(model|visual)\..*\.(q_proj|qkv)$")
    assert set(weights(old)).isdisjoint(weights(new))
    said = {answered(loaded(base, adapter), asked(picture)) for adapter in (new, old)}
    assert len(said) == 1


def without(part: str) -> Callable[[Path], None]:
    def break_it(adapter: Path) -> None:
        rewrite(adapter, {n: t for n, t in weights(adapter).items() if part not in n})

    return break_it


def with_one_more(name: str) -> Callable[[Path], None]:
    def break_it(adapter: Path) -> None:
        tensors = weights(adapter)
        rewrite(adapter, tensors | {name: next(iter(tensors.values())).clone()})

    return break_it


def cut(adapter: Path) -> None:
    content = (adapter / WEIGHTS_FILE).read_bytes()
    (adapter / WEIGHTS_FILE).write_bytes(content[: len(content) // 2])


def only_pickled(adapter: Path) -> None:
    (adapter / WEIGHTS_FILE).rename(adapter / "adapter_model.bin")


def telling(**changes: object) -> Callable[[Path], None]:
    return lambda adapter: tell(adapter, **changes)


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda adapter: (adapter / CONFIG_FILE).unlink(), "holds no adapter_config.json"),
        (lambda adapter: (adapter / CONFIG_FILE).write_text("{"), "its peft_type is None"),
        (only_pickled, "holds no adapter_model.safetensors"),
        (cut, "adapter_model.safetensors of .* is damaged"),
        (shutil.rmtree, "There is no folder"),
        (telling(peft_type="IA3"), "its peft_type is IA3"),
        (telling(alora_invocation_tokens=[1, 2]), "alora_invocation_tokens"),
        (telling(base_model_name_or_path="Qwen/Qwen2.5-VL-7B-Instruct"), "a Qwen2-VL checkpoint"),
        (telling(r="many"), "adapter_config.json of .* is damaged"),
        (telling(bias="every"), "adapter_config.json of .* is damaged"),
        (with_one_more("lm_head.lora_A.weight"), "peft leaves lm_head.lora_A.weight"),
        (telling(r=8), r"has the shape 4x\d+ in .* needs 8x\d+"),
        (without("layers.1.self_attn.q_proj.lora_B"), "lacks .*layers.1.self_attn.q_proj.lora_B"),
        (with_one_more("base_model.model.model.language_model.layers.9.mlp.up_proj.lora_A.weight"), "changes .*layers.9.mlp.up_proj, which"),
        (with_one_more("base_model.model.model.language_model.norm.weight"), "peft leaves .*norm.weight"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_whole_is_refused_by_name(
    base: Path,
    copied: Path,
    capsys: pytest.CaptureFixture[str],
    break_it: Callable[[Path], None],
    sentence: str,
) -> None:
    break_it(copied)
    said = refused(base, copied)
    assert str(copied) in said
    assert re.search(sentence, said)
    assert preflight.report({"": Flags(str(base), cpu_only=True, adapter=str(copied))}) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(("size", "sentence"), [("30m", "has the shape"), ("shallow", "changes")])
def test_an_adapter_of_another_size_is_refused(
    base: Path, whole: Path, tmp_path: Path, size: str, sentence: str
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    other = write_random_checkpoint(
        tmp_path / size, family="qwen2_vl", size=size, tokenizer=tokenizer
    )
    said = refused(other, whole)
    assert sentence in said and str(base) in said, "which is the one that it was made for"


def test_what_peft_only_warns_of_is_noticed_after_loading(base: Path, whole: Path) -> None:
    model = get_peft_model(
        bare(base), LoraConfig.from_pretrained(whole)
    )  # its weights are not there
    with pytest.raises(CheckpointError, match="peft leaves"):
        adapters.require_loaded(adapters.require_fitting(str(whole), str(base)), model, str(base))


def test_an_adapter_is_no_checkpoint(base: Path, copied: Path) -> None:
    remedy = f"--checkpoint-path {base} --adapter {copied}"
    assert remedy in refused(copied)
    shutil.copy(base / "config.json", copied)
    assert remedy in refused(copied)
    tell(copied, base_model_name_or_path=None)
    assert "--checkpoint-path ID_OR_FOLDER" in refused(copied)


def test_an_adapter_beside_the_weights_must_be_named(
    base: Path, copied: Path, whole: Path, picture: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    both = shutil.copytree(base, copied, dirs_exist_ok=True)
    said = refused(both)
    assert f"add --adapter {both}" in said
    assert refused(both, whole) == said, "one of two would be ignored"
    assert preflight.report({"": Flags(str(both), cpu_only=True)}) == 1
    assert said in capsys.readouterr().out
    talk = asked(picture)
    assert answered(loaded(both, both), talk) == answered(loaded(base, whole), talk)
    (both / CONFIG_FILE).unlink()
    assert f"add --adapter {both}" in refused(both), "weights that nobody would read"


def test_without_peft_the_remedy_is_to_install_it(
    base: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "peft"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "peft", None)
    assert "`pip install peft`" in refused(base, whole)
    monkeypatch.delitem(sys.modules, "peft")
    (tmp_path / "peft").mkdir()
    (tmp_path / "peft" / "__init__.py").write_text("import a_package_that_is_missing")
    monkeypatch.syspath_prepend(tmp_path)
    assert "No module named 'a_package_that_is_missing'" in refused(base, whole)


def test_it_is_named_wherever_the_checkpoint_is(
    base: Path, whole: Path, picture: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preflight.report({"": Flags(str(base), cpu_only=True, adapter=str(whole))}) == 0
    assert f"adapter     {whole} (LoRA of rank 4, made for {base})" in capsys.readouterr().out
    backend = loaded(base, whole)
    assert backend.status().label == f"{base.name} + mine · cpu fp32"
    record = backend.generation_record(asked(picture), SHORT)
    assert (record.model_info.checkpoint, record.model_info.adapter) == (base.name, "mine")
    assert 'model="mine"' in openai_script(record), "as `vllm serve --lora-modules` calls it"


def test_the_printed_script_gives_the_same_answer(
    base: Path, copied: Path, picture: Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_old_names(copied)
    (tmp_path / base.name).symlink_to(base)
    monkeypatch.chdir(tmp_path)
    backend = loaded(base, copied)
    talk = asked(picture)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(transformers_script(backend.generation_record(talk, SHORT)), {})
    assert output.getvalue() == answered(backend, talk) + "\n"


def test_an_exported_conversation_is_verified_with_its_adapter() -> None:
    told = ModelInfo("owner/name", "float32", "cpu", "sdpa", "owner/adapter")
    assert wanted(told, Flags()).adapter == "owner/adapter"
    assert wanted(told, Flags(adapter="mine")).adapter == "mine"
    with pytest.raises(DemoError, match="--adapter"):
        wanted(ModelInfo("owner/name", "float32", "cpu", "sdpa", "mine"), Flags())
