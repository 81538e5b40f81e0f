"""`make` installs torch's CPU builds where there is no NVIDIA GPU, and else exactly the lock."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.wheels import wheel
from tools import install
from tools.install import Machine

ROOT = Path(__file__).parents[2]
PINNED = (ROOT / install.LOCK).read_text(encoding="utf-8")
LAPTOP = Machine("linux", "x86_64", nvidia=False)
LOCKED, CPU = "2.15.0", "2.15.0+cpu"


@pytest.mark.parametrize(
    ("torch", "machine", "reachable", "cpu"),
    [
        ("auto", LAPTOP, True, True),
        ("auto", LAPTOP, False, False),
        ("auto", Machine("linux", "x86_64", nvidia=True), True, False),
        ("auto", Machine("linux", "aarch64", nvidia=False), True, False),
        ("auto", Machine("darwin", "arm64", nvidia=False), True, False),
        ("cpu", Machine("linux", "x86_64", nvidia=True), False, True),
        ("cpu", Machine("darwin", "arm64", nvidia=False), True, False),
        ("cuda", LAPTOP, True, False),
    ],
)
def test_which_build_of_torch_is_taken(
    torch: str, machine: Machine, reachable: bool, cpu: bool
) -> None:
    assert install.takes_cpu_build(torch, machine, lambda: reachable) is cpu


@pytest.mark.parametrize(
    ("torch", "machine"), [("auto", Machine("linux", "x86_64", nvidia=True)), ("cuda", LAPTOP)]
)
def test_the_index_is_not_asked_where_it_changes_nothing(torch: str, machine: Machine) -> None:
    assert not install.takes_cpu_build(torch, machine, lambda: pytest.fail("was asked"))


def test_without_torch_the_lock_loses_torch_and_what_only_cuda_needs() -> None:
    rest = install.without_torch(PINNED)
    before, after = names(PINNED), names(rest)
    gone = before - after
    assert {"torch", "torchvision", "triton", "cuda-toolkit", "nvidia-cudnn-cu13"} <= gone
    assert all(re.match(r"torch|triton|nvidia-|cuda-", name) for name in gone)
    assert {"accelerate", "gradio", "setuptools", "sympy", "transformers"} <= after
    assert set(rest.splitlines()) <= set(PINNED.splitlines())
    assert rest.count("--hash=") > 2 * len(after)


def names(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", lock, re.MULTILINE))


def test_the_cpu_builds_are_of_the_locked_versions() -> None:
    torch, torchvision = install.cpu_builds(PINNED)
    assert f"\n{torch.removesuffix('+cpu')} " in PINNED
    assert f"\n{torchvision.removesuffix('+cpu')} " in PINNED


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A server with two indexes: `/pypi`, where torch needs CUDA, and `/cpu`, where it does not."""
    folder = tmp_path / "index"
    lock = {
        f"torch=={LOCKED}": wheel(folder / "pypi/torch", "torch", LOCKED, "nvidia-runtime"),
        f"torchvision=={LOCKED}": wheel(folder / "pypi/torchvision", "torchvision", LOCKED),
        "nvidia-runtime==1.0": wheel(folder / "pypi/nvidia-runtime", "nvidia_runtime", "1.0"),
        "accelerate==1.0": wheel(folder / "pypi/accelerate", "accelerate", "1.0", "torch"),
    }
    for name in install.BUILT_FOR_CPU:
        wheel(folder / "cpu" / name, name, CPU)
    entries = (f"{pin} \\\n    --hash=sha256:{found}\n" for pin, found in lock.items())
    (tmp_path / "lock").write_text("".join(entries))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    """As a proxy too, which is asked for whole addresses."""

    def do_GET(self) -> None:
        self.path = re.sub(r"^http://[^/]+", "", self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def empty(tmp_path: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without packages, whose person has an index of their own that offers the CUDA build."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "uv", "venv", "-q", str(environment)], check=True)
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{index}/pypi")
    monkeypatch.setenv("UV_INDEX", f"{index}/pypi")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(install, "here", lambda: LAPTOP)
    return environment


def run(empty: Path, torch: str, cpu_index: str) -> tuple[int, set[str]]:
    """Install; gives the exit status, and what is there then."""
    lock, python = empty.parent / "lock", empty / "bin" / "python"
    arguments = ["--torch", torch, "--python", str(python), "--lock", str(lock)]
    status = install.main([*arguments, "--cpu-index", cpu_index])
    found = empty.glob("lib/*/site-packages/*.dist-info")
    return status, {folder.stem for folder in found}


AS_LOCKED = {"torch-2.15.0", "torchvision-2.15.0", "nvidia_runtime-1.0", "accelerate-1.0"}
FOR_CPU = {"torch-2.15.0+cpu", "torchvision-2.15.0+cpu", "accelerate-1.0"}


def test_a_laptop_gets_the_cpu_build_and_the_rest_of_the_lock(empty: Path, index: str) -> None:
    assert run(empty, "auto", f"{index}/cpu") == (0, FOR_CPU)


def test_where_the_index_cannot_be_reached_the_lock_is_installed(empty: Path) -> None:
    assert run(empty, "auto", "http://127.0.0.1:9") == (0, AS_LOCKED)


def test_where_the_index_lacks_the_version_the_lock_is_installed(empty: Path, index: str) -> None:
    wheel(empty.parent / "index/cpu/torch", "torch", "2.14.0+cpu")
    assert run(empty, "auto", f"{index}/cpu") == (0, AS_LOCKED)


def test_a_cpu_build_that_was_asked_for_is_not_replaced(empty: Path, index: str) -> None:
    wheel(empty.parent / "index/cpu/torch", "torch", "2.14.0+cpu")
    assert run(empty, "cpu", f"{index}/cpu") == (1, set())


def test_what_the_lock_pins_must_have_its_hash(empty: Path, index: str) -> None:
    wheel(empty.parent / "index/pypi/accelerate", "accelerate", "1.0", "torch", "another")
    status, found = run(empty, "cpu", f"{index}/cpu")
    assert status != 0 and "accelerate-1.0" not in found


def test_the_index_is_looked_for_through_the_proxy_of_the_environment(
    index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert install.answers(f"{index}/cpu")
    assert not install.answers("http://index.invalid/cpu")
    monkeypatch.setenv("http_proxy", index)
    assert install.answers("http://index.invalid/cpu")
