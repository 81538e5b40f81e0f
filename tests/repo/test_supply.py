"""What is installed is exactly known, and what is installed tells nobody anything."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
from gradio_client import handle_file
from packaging.version import Version

from cli import packages
from tests.support.media_files import solid
from tests.support.served import free_port, program
from tests.support.wheels import wheel
from tools import install

ROOT = Path(__file__).parents[2]
LISTS = ("requirements_web_demo", "requirements_page")
# Writes down every connection and every name that is looked up, then is `python app.py`.
WATCHED = """
import json, sys
seen = open(sys.argv[1], "a", buffering=1)
def hook(event, values):
    if event == "socket.connect":
        print(json.dumps(str(values[1][0] if isinstance(values[1], tuple) else values[1])), file=seen)
    elif event == "socket.getaddrinfo":
        print(json.dumps(str(values[0])), file=seen)
sys.addaudithook(hook)
import app
sys.exit(app.main(sys.argv[2:]))
"""


def pins(file: str) -> dict[str, str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==([^\s;\\]+)", text, re.M | re.I))


def included(name: str) -> dict[str, str]:
    """The pins of a list and of those that it includes."""
    text = (ROOT / f"{name}.txt").read_text(encoding="utf-8")
    others = re.findall(r"^-r (\w+)\.txt$", text, re.M)
    return {**pins(f"{name}.txt"), **{k: v for other in others for k, v in included(other).items()}}


@pytest.mark.parametrize("name", LISTS)
def test_the_lock_file_holds_the_pins_and_a_hash_for_everything(name: str) -> None:
    pinned, locked = included(name), pins(f"{name}.lock")
    assert pinned.items() <= locked.items() and len(locked) > 3 * len(pinned)
    text = (ROOT / f"{name}.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.M | re.I)[1:]
    # Some twice: other versions for other Pythons.
    assert {entry.split("==")[0].split("[")[0] for entry in entries} == locked.keys()
    assert all("--hash=sha256:" in entry for entry in entries)


def test_what_had_critical_holes_is_locked_without_them() -> None:
    locked = pins("requirements_web_demo.lock")
    mended = {
        "av": "18.1",  # brings FFmpeg 8.1.2: CVE-2026-8461, CVE-2026-40962
        "gradio": "6.31",  # CVE-2026-111497
        "pillow": "13",  # CVE-2026-112403, CVE-2026-96639
    }
    for package, version in mended.items():
        assert Version(locked[package]) >= Version(version), package


def test_pillow_has_one_version_in_everything_that_installs_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = f"pillow=={packages.PILLOW}"
    assert project["tool"]["uv"]["override-dependencies"] == [asked]
    for name in LISTS:
        assert pins(f"{name}.lock")["pillow"] == packages.PILLOW
    command = f"pip install --no-deps {asked}"
    for file in ("requirements_page.txt", "pyproject.toml", "docs/deploy.md"):
        assert command in (ROOT / file).read_text(encoding="utf-8"), file
    image = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    assert "--no-deps --require-hashes -r requirements_page.lock" in image
    assert packages.holes() == []  # and it is what the tests run with


def test_an_older_pillow_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "version_of", {"pillow": "12.3.0"}.get)
    (said,) = packages.holes()
    assert "12.3.0" in said and f"`pip install --no-deps pillow=={packages.PILLOW}`" in said
    monkeypatch.setattr(packages, "version_of", {"pillow": "14.0.0"}.get)
    assert packages.holes() == []


@pytest.mark.slow
def test_a_space_has_the_locked_pillow_before_the_page_starts(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = str(environment / "bin" / "python")
    old, new = (tmp_path / "wheels" / f"pillow-{v}-py3-none-any.whl" for v in ("12.3.0", "13.0.0"))
    for file in (old, new):
        digest = wheel(file.parent, "pillow", file.name.split("-")[1])
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-index", str(old)], check=True)
    space = tmp_path / "space"
    space.mkdir()
    (space / "space.py").write_bytes((ROOT / "deploy" / "space.py").read_bytes())
    (space / "requirements_pillow.txt").write_text(f"pillow==13.0.0 --hash=sha256:{digest}")
    (space / "app.py").write_text(
        "import importlib.metadata\ndef main():\n    print(importlib.metadata.version('pillow'))"
    )
    source = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(new.parent)}
    command, told = [python, "space.py"], os.environ | source
    said = subprocess.run(command, cwd=space, env=told, capture_output=True, text=True, check=True)
    assert said.stdout == "13.0.0\n"


def test_a_space_gets_pillow_from_the_lock_with_its_hashes() -> None:
    lock = (ROOT / install.LOCK).read_text(encoding="utf-8")
    entry = install.entry_of("pillow", lock)
    assert entry.startswith(f"pillow=={packages.PILLOW} ") and entry.count("--hash=sha256:") > 20


def test_a_page_without_torch_gets_what_a_page_with_torch_gets() -> None:
    page, demo = pins("requirements_page.lock"), pins("requirements_web_demo.lock")
    assert page.items() < demo.items()
    assert {"torch", "transformers", "triton", "safetensors"} <= demo.keys() - page.keys()


@pytest.mark.parametrize("name", LISTS)
def test_every_pin_is_exact(name: str) -> None:
    lines = (ROOT / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in wanted)


def is_here(host: str) -> bool:
    """Whether it is this machine: a loopback address, the name of one, or a path."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host in ("localhost", "None") or host.startswith("/")
    return address.is_loopback or address.is_unspecified


@pytest.mark.slow
def test_nothing_goes_out_while_the_bundled_checkpoint_answers(tmp_path: Path) -> None:
    log, port = tmp_path / "connections", free_port()
    told = {"GRADIO_TEMP_DIR": str(tmp_path / "uploads")}
    unset = ("GRADIO_ANALYTICS_ENABLED", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")
    environment = {k: v for k, v in os.environ.items() if k not in unset} | told
    flags = ["-c", "tiny", "--cpu-only", "--server-port", str(port)]
    command = [sys.executable, "-c", WATCHED, str(log), *flags]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    try:
        assert process.stderr
        for line in process.stderr:  # the page is there and the model too
            if b"Ready" in line:
                break
        client = program(f"http://127.0.0.1:{port}")
        picture = handle_file(str(solid(tmp_path / "a.png")))
        message = {"text": "Which colour is it?", "files": [picture]}
        assert client.predict(message, {}, api_name="/chat")[0]
    finally:
        process.terminate()
        process.communicate(timeout=60)
    hosts = [json.loads(line) for line in log.read_text().splitlines()]
    assert hosts, "the page asks itself whether it is up: the hook works"
    assert [host for host in hosts if not is_here(host)] == []
