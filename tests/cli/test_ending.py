"""What a page leaves behind when its process is asked to end, and when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import served
from tests.support.patience import PATIENCE_S
from ui.media.temp_folder import PREFIX, VARIABLE, private_folder, sweep

# The last line of `malloc_stats` stands for extensions that list at the very end what they have not freed.
LIST = "max mmap bytes"
ENDLESS = """
import ctypes
import sys
import app
from model.backend import Delta
from tests.support.fakes import FakeBackend

app.load = lambda *_: FakeBackend([Delta("word ")] * 100_000, pause_s=0.01)
if list_memory := getattr(ctypes.CDLL(None), "malloc_stats", None):
    ctypes.pythonapi.Py_AtExit(list_memory)
sys.exit(app.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_an_answer_in_the_making_ends_with_what_there_is_of_it_and_nothing_is_left_or_listed(
    tmp_path: Path,
) -> None:
    port = served.free_port()
    with served.serve_program(tmp_path, port, "-c", ENDLESS, "--server-port", str(port)) as server:
        server.wait()
        client = served.program(server.address)
        job = client.submit({"text": "Hello"}, {}, api_name="/chat")
        for answer, _ in job:
            if answer:
                server.process.send_signal(signal.SIGTERM)
                break
        said, usage = job.result(PATIENCE_S)
        assert said and usage["stop_reason"] == "cancelled"
        assert server.process.wait(PATIENCE_S) == 0
    assert list((tmp_path / "uploads").iterdir()) == []
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log and LIST not in log


def test_uploads_lie_in_a_private_folder_that_goes_with_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with private_folder() as folder:
        assert os.environ[VARIABLE] == str(folder) and folder.parent == tmp_path.resolve()
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "upload.png").write_bytes(b"x")
    assert os.environ[VARIABLE] == str(tmp_path) and not folder.exists()


def test_what_a_killed_process_left_is_removed_but_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    program = (
        "import sys, time\n"
        "from ui.media.temp_folder import private_folder\n"
        "with private_folder() as folder:\n"
        "    (folder / 'upload.png').write_bytes(b'x')\n"
        "    print(folder, flush=True)\n"
        "    time.sleep(600)\n"
    )
    running = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert running.stdout
    folder = Path(running.stdout.readline().strip())
    foreign = tmp_path / f"{PREFIX}of-somebody-else"
    foreign.mkdir()
    sweep(tmp_path)
    assert (folder / "upload.png").exists()
    running.kill()
    running.wait()
    running.stdout.close()
    sweep(tmp_path)
    assert not folder.exists() and foreign.exists()
