"""The server that comes with transformers, on the bundled checkpoint: a real one, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.served import START_S, free_port

SERVE = "from transformers.cli.transformers import main; main()"


@contextmanager
def serving(folder: Path, checkpoint: Path) -> Iterator[str]:
    """Its address, as soon as it answers; caches and the log go to `folder`."""
    port = free_port()
    environment = {
        **os.environ,
        "HF_HOME": str(folder / "hub"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",  # like the tests: it shares its cores with them
    }
    flags = ["serve", str(checkpoint), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]  # fmt: skip
    log = folder / "serve.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, *flags], env=environment, stdout=output, stderr=output
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(f"{address}/health", process)
        yield f"{address}/v1"
    except Exception as error:
        error.add_note(f"The server's log:\n{log.read_text(encoding='utf-8')}")
        raise
    finally:
        process.terminate()
        process.wait(60)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("transformers serve did not come up.")
