"""Quantized checkpoints are read whole or refused by name, whatever of their packages is installed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from cli import check as preflight
from model.backend import Cancel, collected
from model.checkpoint.choose import Choice, Flags
from model.checkpoint.formats.quantization import (
    PACKAGES_OF_METHOD,
    describe,
    import_problem,
    require_packages,
    with_current_module_names,
)
from model.checkpoint.formats.weight_files import StoredTensor
from model.conversation import Conversation, Image, Text
from model.errors import CheckpointError
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.quantized_checkpoints import published
from tests.support.quantized_checkpoints import quantized as packed

GPTQ = {"quant_method": "gptq", "bits": 4}
AWQ = {"quant_method": "awq", "bits": 4, "modules_to_not_convert": ["visual"]}
# As transformers writes them.
BITSANDBYTES = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
COMPRESSED = {
    "quant_method": "compressed-tensors",
    "format": "float-quantized",
    "config_groups": {},
}


@pytest.mark.parametrize(
    ("told", "installed", "missing"),
    [
        (GPTQ, (), "gptqmodel"),
        (GPTQ, ("gptqmodel",), "optimum"),
        (GPTQ, ("optimum",), "gptqmodel"),
        (GPTQ, ("gptqmodel", "optimum"), None),
        (AWQ, (), "gptqmodel"),
        (AWQ, ("gptqmodel", "optimum"), None),
        (BITSANDBYTES, (), "bitsandbytes"),
        (BITSANDBYTES, ("bitsandbytes",), None),
        ({"load_in_8bit": True}, (), "bitsandbytes"),
        (COMPRESSED, (), "compressed_tensors"),
        (COMPRESSED, ("compressed_tensors",), None),
        ({"quant_method": "fp8"}, (), None),
    ],
)
def test_which_package_a_kind_of_weights_lacks(
    told: dict[str, Any], installed: tuple[str, ...], missing: str | None
) -> None:
    def imported(package: str) -> str | None:
        return None if package in installed else f"{package} is not installed"

    if missing is None:
        require_packages("mine", told, imported)
        return
    with pytest.raises(CheckpointError, match=f"{missing} is not installed.*run `pip install"):
        require_packages("mine", told, imported)


@pytest.mark.parametrize("told", [{"quant_method": "hqq"}, {"quant_method": "new"}, {"bits": 4}])
def test_a_kind_that_nothing_here_reads_is_refused_by_name(told: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match=rf"quantized with {told.get('quant_method')}, which"):
        require_packages("mine", told)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose packages come before all others; what is imported from there is forgotten again."""
    names = {name for needed in PACKAGES_OF_METHOD.values() for name in needed}

    def imported() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] in names]

    for name in imported():
        monkeypatch.delitem(sys.modules, name)
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in imported():
        del sys.modules[name]


def install(folder: Path, package: str, code: str = "") -> None:
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text(code, encoding="utf-8")


def quantized(base: Path, folder: Path, told: dict[str, Any]) -> Path:
    shutil.copytree(base, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": told}))
    return folder


def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The sentence that loading and the preflight agree on."""
    with pytest.raises(CheckpointError) as failed:
        LocalBackend.from_choice(Choice(str(folder), "cpu", "float32", "sdpa"))
    capsys.readouterr()
    assert preflight.report({"": Flags(str(folder), cpu_only=True)}) == 1
    assert str(failed.value) in capsys.readouterr().out
    return str(failed.value)


@pytest.mark.slow
@pytest.mark.parametrize("told", [GPTQ, AWQ, BITSANDBYTES, COMPRESSED])
def test_loading_and_the_preflight_say_what_to_install(
    checkpoints: dict[str, Path],
    tmp_path: Path,
    packages: Path,
    capsys: pytest.CaptureFixture[str],
    told: dict[str, Any],
) -> None:
    folder = quantized(checkpoints["qwen2_vl"], tmp_path / "mine", told)
    needed = PACKAGES_OF_METHOD[told["quant_method"]]
    first, *rest = needed
    install(packages, first, "raise RuntimeError('needs another torch')")
    said = refused(folder, capsys)
    assert f"{first} fails: needs another torch" in said
    command = f"pip install {' '.join(needed)}".replace("_", "-")
    assert f"run `{command}`" in said and str(folder) in said
    for other in rest:
        install(packages, other)
    assert f"{first} fails" in refused(folder, capsys)
    shutil.rmtree(packages / first)
    if first != "bitsandbytes":  # the tests have it
        assert import_problem(first) == f"{first} is not installed"
    install(packages, first)
    assert all(import_problem(package) is None for package in needed)


@pytest.mark.slow
def test_what_is_half_installed_is_named(
    checkpoints: dict[str, Path],
    tmp_path: Path,
    packages: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = quantized(checkpoints["qwen2_vl"], tmp_path / "mine", GPTQ)
    assert "gptqmodel is not installed" in refused(folder, capsys)
    install(packages, "gptqmodel")
    assert "optimum is not installed" in refused(folder, capsys)
    install(packages, "optimum", "from gptqmodel import QuantizeConfig")
    assert "optimum fails: cannot import name 'QuantizeConfig'" in refused(folder, capsys)
    assert "`pip install gptqmodel optimum`" in refused(folder, capsys)


@pytest.mark.parametrize(
    ("listed", "now"),
    [
        ("visual", "model.visual"),
        ("visual.blocks.0.attn.qkv", "model.visual.blocks.0.attn.qkv"),
        ("model.layers.3.mlp", "model.language_model.layers.3.mlp"),
        ("re:visual.*", "re:model.visual.*"),
        ("re:^visual", "re:^model.visual"),
    ],
)
@pytest.mark.parametrize("key", ["modules_to_not_convert", "llm_int8_skip_modules", "ignore"])
def test_what_was_left_as_it_is_goes_by_its_present_name_too(
    key: str, listed: str, now: str
) -> None:
    told = {key: [listed, "lm_head"], "bits": 4}
    assert with_current_module_names(told, {}) == {key: [listed, "lm_head", now], "bits": 4}
    assert with_current_module_names(
        with_current_module_names(told, {}), {}
    ) == with_current_module_names(told, {})


@pytest.mark.parametrize(
    "listed", ["lm_head", "model.visual", "re:.*visual.*", "visually", "model.language_model.layers.1"]
)  # fmt: skip
def test_other_names_stay(listed: str) -> None:
    assert with_current_module_names({"ignore": [listed]}, {}) == {"ignore": [listed]}
    assert with_current_module_names({"ignore": None}, {}) == {"ignore": None}


@pytest.mark.parametrize("listed", ["visual", "re:visual.*"])
@pytest.mark.parametrize("dtype", ["I8", "U8", "I32", "F8_E4M3"])
def test_what_is_packed_in_the_files_was_not_left_as_it_is(listed: str, dtype: str) -> None:
    """As transformers packs it that does not find the part by its old name either."""
    told = {"ignore": [listed]}
    for name in ("visual.blocks.0.attn.qkv.weight", "model.visual.blocks.0.attn.qkv.weight"):
        held = {name: StoredTensor(Path("model.safetensors"), (2, 2), dtype, range(4))}
        assert with_current_module_names(told, held) == told
        held = {name: StoredTensor(Path("model.safetensors"), (2, 2), "BF16", range(8))}
        assert with_current_module_names(told, held) != told


@pytest.fixture(scope="module")
def in_fp8(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("fp8")
    return packed(published(folder / "base", "qwen2_5_vl"), folder, "fp8")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_fp8_is_unpacked_where_no_gpu_has_it_and_answers_as_its_twin(
    in_fp8: tuple[Path, Path], picture: Image, dtype: str
) -> None:
    talk = Conversation().with_user_turn(picture, Text("What is this?"))
    settings = GenerationSettings(max_new_tokens=12)
    ours, twin = (LocalBackend.load(f, device="cpu", dtype=dtype, cache_gb=0) for f in in_fp8)
    assert {weight.dtype for weight in ours.model.parameters()} == {getattr(torch, dtype)}
    said, expected = (collected(b.stream(talk, settings, Cancel()))[0] for b in (ours, twin))
    assert said == expected
    if (
        dtype == "float32"
    ):  # in bfloat16 it depends on the processor whether near ties are rounded alike
        result = ours.verify(ours.generation_record(talk, settings), said, Cancel())
        assert result and result.equal


def test_the_preflight_names_the_kind() -> None:
    assert describe(GPTQ) == "gptq, 4 bits"
    assert describe(BITSANDBYTES) == "bitsandbytes"
