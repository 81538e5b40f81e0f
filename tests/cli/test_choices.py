"""The checkpoints that people can choose from, and what they are called."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path, PurePath

import pytest

import app
from cli.choices import beside_a_server, expected_convention, local_choices, short_names
from cli.flags import connection, parser
from model.backend import Cancel, collected
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Text
from model.errors import CheckpointError
from model.families import BY_MODEL_TYPE
from model.loading import LoadingBackend
from model.settings import GenerationSettings
from model.switching.backend import SwitchedBackend
from tests.support.adapters import tell, write_adapter
from tests.support.openai_server import OpenAIServer
from tests.support.patience import PATIENCE_S, wait_until


def choices(*flags: str) -> dict[str, tuple[str, str]]:
    found = local_choices(parser({}).parse_args(list(flags)))
    return {name: (one.checkpoint, one.adapter) for name, one in found.items()}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapter(tmp_path_factory.mktemp("adapters") / "mine", BUNDLED)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        ([("Qwen/Qwen2-VL-7B-Instruct",)], ["Qwen2-VL-7B-Instruct"]),
        ([("Qwen/A",), ("other/B",)], ["A", "B"]),
        # The same last part: as many of those before it as it takes.
        ([("x/A",), ("y/A",), ("B",)], ["x/A", "y/A", "B"]),
        ([("/r/1/out",), ("/r/2/out",), ("/q/2/out",)], ["1/out", "r/2/out", "q/2/out"]),
        ([("A", "x/lora"), ("A",), ("A", "y/lora")], ["A + x/lora", "A", "A + y/lora"]),
    ],
)
def test_names_are_as_short_as_they_can_be_without_being_the_same(
    paths: list[tuple[str, ...]], names: list[str]
) -> None:
    assert short_names([tuple(map(PurePath, one)) for one in paths]) == names


def test_a_checkpoint_alone_is_the_only_choice() -> None:
    assert choices("-c", "tiny") == {"tiny-qwen2-vl": ("tiny", "")}
    assert choices("-c", "a/b", "-c", "a/b") == {"b": ("a/b", "")}
    assert choices("--cpu-only") == {"tiny-qwen2-vl": ("auto", "")}


def test_an_adapter_can_be_switched_off(adapter: Path) -> None:
    assert choices("-c", "tiny", "--adapter", str(adapter)) == {
        "tiny-qwen2-vl + mine": ("tiny", str(adapter)),
        "tiny-qwen2-vl": ("tiny", ""),
    }


def test_an_adapter_goes_with_the_checkpoints_that_it_fits(
    adapter: Path, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    """By its base's family, and by the sizes of its layers. What is not here yet may fit."""
    copy = tmp_path / "copy"
    shutil.copytree(BUNDLED, copy)
    other = checkpoints["qwen2_5_vl"]
    flags = ("-c", "tiny", "-c", str(other), "-c", str(copy), "-c", "owner/away")
    found = choices(*flags, "--adapter", str(adapter))
    with_adapter = [checkpoint for checkpoint, chosen in found.values() if chosen]
    assert with_adapter == ["tiny", str(copy), "owner/away"]
    assert len(found) == 7
    stranger = tmp_path / "stranger"
    shutil.copytree(adapter, stranger)
    tell(stranger, base_model_name_or_path="Qwen/Qwen2.5-VL-3B-Instruct")
    with pytest.raises(CheckpointError, match="fits none of the checkpoints"):
        choices("-c", "tiny", "-c", str(copy), "--adapter", str(stranger))


def test_how_a_checkpoint_names_places_is_known_before_it_is_loaded(
    checkpoints: dict[str, Path],
) -> None:
    for model_type, folder in checkpoints.items():
        assert expected_convention(str(folder)) == BY_MODEL_TYPE[model_type].key
    assert expected_convention("Qwen/Qwen2.5-VL-7B-Instruct") == "qwen2_5_vl"


def backends(*flags: str, loading: Callable[[], object] | None = None) -> dict[str, object]:
    options = parser({}).parse_args(list(flags))
    server = connection(options, {})
    chosen = local_choices(options) if not server or beside_a_server(options) else {}
    return {**app._backends(options, chosen, server, loading or nullcontext)}  # type: ignore[arg-type]


def test_one_checkpoint_is_loaded_as_if_there_were_no_choice() -> None:
    ((name, backend),) = backends("-c", "tiny", "--cpu-only").items()
    assert name == "tiny-qwen2-vl" and isinstance(backend, LoadingBackend)
    backend.wait(PATIENCE_S)


def test_of_several_the_first_is_loaded_and_the_others_when_they_are_chosen(adapter: Path) -> None:
    first, second = backends(
        "-c", "tiny", "--adapter", str(adapter), "--cpu-only", "--cache-gb=0.1"
    ).values()
    assert isinstance(first, SwitchedBackend) and isinstance(second, SwitchedBackend)
    wait_until(lambda: first.cache_figures() is not None)
    assert first.status().label == "tiny-qwen2-vl + mine · cpu fp32"
    assert second.cache_figures() is None and second.status().state == "ready"
    assert first.status().reproducible


REMOTE = ("--backend", "openai", "--api-base", "http://127.0.0.1:9/v1", "--api-model", "org/Served")


def test_a_servers_model_stands_beside_checkpoints_that_are_named() -> None:
    assert [*backends(*REMOTE)] == ["Served"]
    served, local = backends(*REMOTE, "-c", "tiny", "--cpu-only", "--dtype", "float32").items()
    assert served[0] == "Served" and isinstance(served[1], LoadingBackend)
    assert local[0] == "tiny-qwen2-vl" and isinstance(local[1], SwitchedBackend)
    assert local[1].cache_figures() is None, "it is loaded when it is chosen"


@pytest.mark.slow
def test_the_check_tells_of_each(adapter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--check", "--cpu-only", "-c", "tiny", "-c", "/no/such/folder"]
    assert app.main([*flags, "--adapter", str(adapter)]) == 1
    told = capsys.readouterr().out
    names = [line for line in told.splitlines() if line.startswith("choice")]
    assert [name.split(maxsplit=1)[1] for name in names] == [
        "tiny-qwen2-vl + mine",
        "tiny-qwen2-vl",
        "folder",
    ]
    assert told.count("hardware") == 1 and told.count("memory ") == 2
    assert "There is no folder /no/such/folder" in told and told.endswith("not ready\n")


def test_a_local_checkpoint_and_a_server_answer_side_by_side() -> None:
    talk = Conversation().with_user_turn(Text("Hi"))
    with OpenAIServer().running() as server:
        flags = ("--backend", "openai", "--api-base", server.base, "-c", "tiny", "--cpu-only")
        made = backends(*flags, "--cache-gb=0.1")
        answers = [
            collected(backend.stream(talk, GenerationSettings(max_new_tokens=8), Cancel()))[0]  # type: ignore[attr-defined]
            for backend in made.values()
        ]
    assert all(answers) and answers[0] != answers[1]
