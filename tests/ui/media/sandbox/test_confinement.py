"""A decoder that obeys whoever wrote the file reaches nothing: no network, no files, no programs, no other process."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import app
from tests.support import media_files
from ui import ROOT
from ui.media.sandbox import confinement
from ui.media.sandbox.confinement import ARCHITECTURES, CALLS, Confinement, available
from ui.media.sandbox.media import SandboxedMedia
from ui.media.sandbox.request import LOOKING
from ui.media.sandbox.sandbox import Sandbox

whole = pytest.mark.skipif(not available().whole, reason="needs Landlock and seccomp")
# Takes the place of Pillow's decoders. What it managed is told in an error that no other code catches.
PLANTED = """
import ctypes, json, os, pathlib, resource, socket, subprocess, sys

def connected():
    with socket.create_connection(("127.0.0.1", PORT), 5): pass

def sent():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.sendto(b"x", ("127.0.0.1", 9))

def forked():
    child = os.fork()
    if not child: os._exit(0)
    os.waitpid(child, 0)

def called(number, *values):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *values) < 0: raise OSError(ctypes.get_errno(), "")

def raised(limit=resource.RLIM_INFINITY):
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

path = lambda name: pathlib.Path(FOLDER, name)
ATTEMPTS = {
    "tcp": connected,
    "udp": sent,
    "unix socket": lambda: socket.socket(socket.AF_UNIX),
    "log": lambda: path("page.log").read_text(),
    "key": lambda: path("api-key").read_text(),
    "another upload": lambda: path("other/upload.png").read_bytes(),
    "list of uploads": lambda: os.listdir(FOLDER),
    "the project": lambda: pathlib.Path(ROOT, "app.py").read_text(),
    "passwords": lambda: pathlib.Path("/etc/passwd").read_text(),
    "environment of the page": lambda: pathlib.Path(f"/proc/{PAGE}/environ").read_bytes(),
    "new file": lambda: path("new").write_text("x"),
    "changed file": lambda: path("page.log").open("a").write("x"),
    "cut file": lambda: os.truncate(path("page.log"), 0),
    "removed file": lambda: path("removed").unlink(),
    "renamed file": lambda: path("api-key").rename(path("moved")),
    "rights of a file": lambda: path("page.log").chmod(0o666),
    "time of a file": lambda: os.utime(path("page.log"), (1, 1)),
    "program": lambda: subprocess.run(["/bin/true"], check=True),
    "spawned program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "process": forked,
    "signal": lambda: os.kill(PAGE, 0),
    "more memory": raised,
    "memory of the largest picture": lambda: raised(LARGEST),
    "io_uring": lambda: called(425, 1, ctypes.create_string_buffer(120)),
    "namespace": lambda: called(272 if os.uname().machine == "x86_64" else 97, 0x10000000),
}

class Told(BaseException): pass

def attack(*_):
    done = {}
    for name, attempt in ATTEMPTS.items():
        try: attempt()
        except Exception as error: done[name] = f"{type(error).__name__} {getattr(error, 'errno', '')}"
        else: done[name] = "done"
    raise Told("<<" + json.dumps(done) + ">>")
"""
# Of what a person without rights may not do anyway, or not in every container.
NEEDS_RIGHTS = {"more memory", "io_uring", "namespace"}
REFUSED = {"PermissionError 1", "PermissionError 13", "ValueError "}
PLANTING = "import PIL.ImageFile\nPIL.ImageFile.ImageFile.load = attack\n"


@pytest.fixture
def planted(tmp_path: Path, listener: int) -> str:
    """The text of the decoder, and what it is after."""
    (tmp_path / "page.log").write_text("a question")
    (tmp_path / "api-key").write_text("secret")
    (tmp_path / "removed").touch()
    (tmp_path / "other").mkdir()
    media_files.solid(tmp_path / "other" / "upload.png")
    facts = {"FOLDER": str(tmp_path), "ROOT": str(ROOT), "PORT": listener, "PAGE": os.getpid(), "LARGEST": LOOKING.largest_memory_bytes}  # fmt: skip
    return "".join(f"{name} = {value!r}\n" for name, value in facts.items()) + PLANTED


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


def told_by(text: str) -> Mapping[str, str]:
    told: Mapping[str, str] = json.loads(text.partition("<<")[2].partition(">>")[0])
    return told


def test_without_a_sandbox_the_planted_decoder_does_it_all(planted: str) -> None:
    """So that nothing is held back by a mistake in the attempt."""
    process = subprocess.run(
        [sys.executable, "-c", planted + "attack()"], capture_output=True, text=True
    )
    done = told_by(process.stderr)
    assert {name: how for name, how in done.items() if how != "done"}.keys() <= NEEDS_RIGHTS


@whole
def test_a_planted_decoder_reaches_nothing(
    planted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plant := tmp_path / "plant").mkdir()
    (plant / "sitecustomize.py").write_text(planted + PLANTING)
    monkeypatch.setenv("PYTHONPATH", str(plant))
    sandbox = Sandbox()
    picture = media_files.solid(tmp_path / "mine.png")
    with pytest.raises(RuntimeError, match="Told: <<") as raised:
        SandboxedMedia(sandbox).first_look(str(picture), picture.name)
    sandbox.close()
    done = told_by(str(raised.value))
    assert [name for name, how in done.items() if how == "done"] == []
    assert len(done) > 20 and set(done.values()) <= REFUSED
    assert (tmp_path / "page.log").read_text() == "a question"


HELD = """
import socket, sys
from pathlib import Path
from ui import ROOT; from ui.media.sandbox import confinement
from ui.media.sandbox.confinement import Confinement
confinement.available = lambda: Confinement(int(sys.argv[1]), sys.argv[2] == "yes")
confinement.confine([sys.argv[3]])
def done(attempt):
    try: attempt()
    except OSError: return "refused"
    return "done"
print(done(lambda: Path(sys.argv[3]).read_text()), done(lambda: Path(sys.argv[4]).read_text()),
      done(lambda: Path(sys.argv[4]).open("a")), done(lambda: socket.socket()))
"""


@whole
@pytest.mark.parametrize(
    ("landlock", "seccomp", "said"),
    [
        *[(version, "yes", "done refused refused refused") for version in (1, 2, 3, 4, 5, 6, 7)],
        (0, "yes", "done done refused refused"),
        (7, "no", "done refused refused done"),
        (0, "no", "done done done done"),
    ],
)
def test_every_version_holds_what_it_can(
    landlock: int, seccomp: str, said: str, tmp_path: Path
) -> None:
    if landlock > available().landlock:
        pytest.skip("this Linux is older")
    (mine := tmp_path / "mine").touch()
    (other := tmp_path / "other").touch()
    command = [sys.executable, "-c", HELD, str(landlock), seccomp, str(mine), str(other)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == said


def test_the_filter_is_made_for_both_processors() -> None:
    """Every call stands in it by its number there."""
    for which, machine in enumerate(ARCHITECTURES):
        steps = list(struct.iter_unpack("=HBBI", confinement._filter(machine)))
        compared = {value for code, _, _, value in steps if code == 0x15}
        numbers = {numbers[which] for numbers in CALLS.values() if numbers[which] >= 0}
        assert len(numbers) > 80 and numbers <= compared
        assert all(0 <= at + 1 + max(yes, no) < len(steps) for at, (c, yes, no, _) in enumerate(steps) if c != 6)  # fmt: skip


def test_what_a_system_lacks_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no network, no other files, no programs" in Confinement(7, seccomp=True).described
    assert "may read files" in Confinement(0, seccomp=True).described
    assert "may use the network" in Confinement(3, seccomp=False).described
    assert Confinement(0, seccomp=False).described.startswith("none: ")
    monkeypatch.setattr(confinement, "available", lambda: Confinement(0, seccomp=False))
    app.main(["--check", "--cpu-only", "-c", "/no/such/folder"])
    assert "sandbox     none: decoders are bounded in time and memory" in capsys.readouterr().out
