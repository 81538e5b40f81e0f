"""The circumstances of a measurement: machine, versions, commit, load and clock."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("torch", "transformers", "gradio")
# What a run writes itself makes no other program of the commit.
WRITTEN = ("tools/benchmarks/results", "docs/benchmarks.md")


def facts() -> dict[str, str]:
    """The commit, the machine, the versions, and the present load of the machine."""
    packages = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return {
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores, {_processor()}, {_gpu()}",
        "software": f"Python {platform.python_version()}, {packages}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def clock(device: str = "cpu") -> float:
    """Seconds, after all work that was given to the device is done."""
    if device == "cuda":
        import torch

        torch.cuda.synchronize()
    return time.perf_counter()


def _commit() -> str:
    changed = _git("status", "--porcelain", "--", ".", *(f":!{path}" for path in WRITTEN))
    return (_git("rev-parse", "--short=10", "HEAD") or "unknown") + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    told = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return told.stdout.strip()


def _processor() -> str:
    """The processor's name on Linux, elsewhere its architecture."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _version(package: str) -> str:
    """The version of a package, or `missing`: some benchmarks need no page."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _gpu() -> str:
    """The GPU's name by its driver. Importing torch would slow down a start that is measured."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return "no GPU"
    command = [tool, "--query-gpu=name", "--format=csv,noheader"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")
    return told[0].strip() or "no GPU"
