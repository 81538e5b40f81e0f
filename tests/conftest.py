"""Checkpoints and media that several test modules share. Everything is real and made here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
import torch
from tokenizers import AddedToken
from transformers import AutoTokenizer

from model.checkpoint.choose import BUNDLED
from model.conversation import Image, Video
from model.local import LocalBackend
from tests.support import media_files
from tests.support.browsers import pytest_terminal_summary as pytest_terminal_summary
from tests.support.transformers_serve import serving
from tests.support.workers import pytest_xdist_make_scheduler as pytest_xdist_make_scheduler
from tools.tiny.checkpoint import FAMILIES, write_random_checkpoint

# Of Qwen2.5-VL's vocabulary, and one that a fine-tuned checkpoint might have.
ADDED_TOKENS = ("<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|repo_name|>", "é!")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The browser tests can be run against the other backend too, and everything for a night."""
    parser.addoption(
        "--nightly", action="store_true", help="more of everything whose number is a choice"
    )
    parser.addoption(
        "--webkit", action="store_true", help="tests/e2e/test_core.py in WebKit, and only there"
    )
    parser.addoption(
        "--behind-server",
        metavar="URL",
        help="browser tests: the page in front of this server, or of 'transformers' serve, instead of a local model",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests for a night are deselected, and so counted, by day."""
    if config.getoption("--nightly"):
        return
    nightly = [item for item in items if item.get_closest_marker("nightly")]
    config.hook.pytest_deselected(items=nightly)
    items[:] = [item for item in items if item not in nightly]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tests share two cores with a browser; more threads only fight over them."""
    torch.set_num_threads(1)


class Times(Protocol):
    """How often something is done: `usual` times, or with `--nightly` so often."""

    def __call__(self, usual: int, *, nightly: int) -> int: ...


@pytest.fixture(scope="session")
def times(pytestconfig: pytest.Config) -> Times:
    def times(usual: int, *, nightly: int) -> int:
        return nightly if pytestconfig.getoption("--nightly") else usual

    return times


@pytest.fixture
def threads_as_before() -> Iterator[None]:
    """For tests that change how many threads torch has."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def picture(tmp_path: Path) -> Image:
    """A photograph that costs 64 visual tokens."""
    return Image(media_files.photo(tmp_path / "a.png", (224, 224)), media_files.SMALL)


@pytest.fixture
def clip(tmp_path: Path) -> Video:
    """A second of video, of which four frames are sampled."""
    return Video(media_files.clip(tmp_path / "a.mp4", 20), media_files.SMALL)


@pytest.fixture(scope="session")
def transformers_serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real OpenAI-compatible server on the bundled checkpoint, for `--api-base`."""
    with serving(tmp_path_factory.mktemp("serve"), BUNDLED) as address:
        yield address


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny random checkpoints, one per family."""
    folder = tmp_path_factory.mktemp("checkpoints")
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    return {
        name: write_random_checkpoint(folder / name, family=name, tokenizer=tokenizer)
        for name in FAMILIES
    }


@pytest.fixture(scope="session")
def with_added_tokens(tmp_path_factory: pytest.TempPathFactory) -> LocalBackend:
    """Qwen2.5-VL with the tokens that its vocabulary has beside the special ones."""
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    tokenizer.add_tokens(
        [AddedToken(token, special=False, normalized=False) for token in ADDED_TOKENS]
    )
    folder = tmp_path_factory.mktemp("added") / "qwen2_5_vl"
    write_random_checkpoint(folder, family="qwen2_5_vl", tokenizer=tokenizer)
    return LocalBackend.load(folder, device="cpu", cache_gb=0.5)


@pytest.fixture(scope="session", params=FAMILIES)
def backend(request: pytest.FixtureRequest, checkpoints: dict[str, Path]) -> Iterator[LocalBackend]:
    """A local backend in float32 on the CPU, for each family."""
    yield LocalBackend.load(checkpoints[request.param], device="cpu", cache_gb=0.5)


@pytest.fixture(scope="session")
def qwen2_vl(checkpoints: dict[str, Path]) -> LocalBackend:
    """The Qwen2-VL one alone, for what does not depend on the family."""
    return LocalBackend.load(checkpoints["qwen2_vl"], device="cpu", cache_gb=0.5)
