"""Install what requirements_web_demo.lock pins, with torch's CPU builds where there is no NVIDIA GPU to use.

python tools/install.py                 # CPU builds where that is certain to be right, else the lock as it is
python tools/install.py --torch cpu     # CPU builds or an error
python tools/install.py --torch cuda    # the lock as it is: on Linux PyPI's torch is the CUDA build, 4 GB more

Needs uv in the Python that runs it, and nothing but the standard library. Proxies in the environment are used.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements_web_demo.lock"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
REACHABLE_S = 4.0
DRIVERS = ("/proc/driver/nvidia", "/usr/lib/wsl/lib/nvidia-smi")
OTHER_INDEXES = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "PIP_EXTRA_INDEX_URL")
BUILT_FOR_CPU = ("torch", "torchvision")
# Of the lock: torch itself, and what only its CUDA build needs.
LEFT_OUT = re.compile(r"torch|torchvision|triton|nvidia-.*|cuda-.*")


@dataclass(frozen=True)
class Machine:
    """The facts that decide: `sys.platform`, `platform.machine()`, and whether there is an NVIDIA GPU."""

    system: str
    processor: str
    nvidia: bool


def here() -> Machine:
    nvidia = shutil.which("nvidia-smi") is not None or any(map(os.path.exists, DRIVERS))
    return Machine(sys.platform, platform.machine(), nvidia)


def takes_cpu_build(torch: str, machine: Machine, reachable: Callable[[], bool]) -> bool:
    """Whether to take torch from the CPU index. `reachable` is called only if it decides."""
    if machine.system != "linux" or torch == "cuda":
        return False  # on macOS there is only one build
    if torch == "cpu":
        return True
    return machine.processor == "x86_64" and not machine.nvidia and reachable()


def without_torch(lock: str) -> str:
    """The lock without torch and what only its CUDA build needs."""
    return "".join(entry for entry in _entries(lock) if not LEFT_OUT.fullmatch(name_of(entry)))


def entry_of(package: str, lock: str) -> str:
    """The version and hashes of a package in the lock."""
    (entry,) = (entry for entry in _entries(lock) if name_of(entry) == package)
    return entry


def _entries(lock: str) -> list[str]:
    return re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)


def name_of(entry: str) -> str:
    return entry.partition("==")[0]


def cpu_builds(lock: str) -> list[str]:
    """Torch and torchvision of the lock's versions, as the CPU index names them."""
    versions = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock, re.MULTILINE))
    return [f"{name}=={versions[name]}+cpu" for name in BUILT_FOR_CPU]


def answers(index: str) -> bool:
    """Whether the index lists torch. Gives up after a few seconds, the name's resolution included."""
    found = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.build_opener().open(f"{index}/torch/", timeout=REACHABLE_S):
                found.set()
        except OSError:
            pass

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(REACHABLE_S)
    return found.is_set()


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and install. Returns the exit status."""
    options = _parser().parse_args(argv)
    lock = Path(options.lock)
    if takes_cpu_build(options.torch, here(), lambda: answers(options.cpu_index)):
        print(f"Installing the CPU build of torch from {options.cpu_index}.", flush=True)
        if _install_for_cpu(lock, options.cpu_index, options.python):
            return 0
        if options.torch == "cpu":
            return 1
        print("That failed; installing the build that the lock names.", flush=True)
    return subprocess.run(as_locked(options.python, options.lock)).returncode


def as_locked(python: str, lock: str) -> list[str]:
    """The command that installs the lock as it is."""
    # Without dependencies: the lock lists them all, and its Pillow is newer than Gradio's metadata allows.
    return _uv(python, "--no-deps", "--require-hashes", "-r", lock)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    # fmt: off
    parser.add_argument("--torch", choices=("auto", "cpu", "cuda"), default="auto", help="which build of torch")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that is installed for")
    parser.add_argument("--lock", default=LOCK, help="what is pinned, with hashes")
    parser.add_argument("--cpu-index", default=CPU_INDEX, help="where the CPU builds are")
    # fmt: on
    return parser


def _install_for_cpu(lock: Path, index: str, python: str) -> bool:
    """Install everything of the lock, with torch from `index`, whose hashes are not in the lock."""
    pinned = lock.read_text(encoding="utf-8")
    # An index of the person's own would be asked first, and may hold the CUDA build.
    only_that = {name: value for name, value in os.environ.items() if name not in OTHER_INDEXES}
    torch = ("--no-deps", "--default-index", index, *cpu_builds(pinned))
    if subprocess.run(_uv(python, *torch), env=only_that).returncode:
        return False
    with tempfile.TemporaryDirectory() as folder:
        rest = Path(folder, lock.name)
        rest.write_text(without_torch(pinned), encoding="utf-8")
        return subprocess.run(as_locked(python, str(rest))).returncode == 0


def _uv(python: str, *arguments: str) -> list[str]:
    install = ("-m", "uv", "pip", "install", "--quiet", "--compile-bytecode")
    return [sys.executable, *install, "--python", python, *arguments]


if __name__ == "__main__":
    sys.exit(main())
