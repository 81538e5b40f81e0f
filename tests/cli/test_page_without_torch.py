"""A page in front of a server runs with what requirements_page.lock names and nothing else: deploy/Dockerfile, MODEL=none."""

from __future__ import annotations

from pathlib import Path

import pytest
from gradio_client import handle_file

from tests.support.media_files import solid
from tests.support.openai_server import OpenAIServer
from tests.support.served import free_port, program, serve_program

# `python app.py` where no module can be imported but those of the standard library, the project, and the lock.
BARE = """
import re, sys
from importlib.abc import MetaPathFinder
from importlib.metadata import packages_distributions
from pathlib import Path

def key(name):
    return re.sub("[-_.]+", "-", name).lower()

text = Path("requirements_page.lock").read_text(encoding="utf-8")
locked = {key(name) for name in re.findall(r"^([a-zA-Z0-9._-]+)==", text, re.MULTILINE)}
REFUSED = {
    module for module, owners in packages_distributions().items()
    if not locked & {key(owner) for owner in owners}
}

class OnlyTheLock(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"{name} is not in requirements_page.lock", name=name)

sys.meta_path.insert(0, OnlyTheLock())
assert {"torch", "torchvision", "transformers", "accelerate", "psutil"} <= REFUSED
import app
sys.exit(app.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_it_answers_in_front_of_a_server(tmp_path: Path) -> None:
    port = free_port()
    with OpenAIServer().running() as engine:
        flags = ["--backend", "openai", "--api-base", engine.base, "--server-port", str(port)]
        with serve_program(tmp_path, port, "-c", BARE, *flags) as page:
            page.wait()
            picture = handle_file(str(solid(tmp_path / "a.png")))
            message = {"text": "What is this?", "files": [picture]}
            client = program(page.address)
            answer, usage = client.predict(message, {}, api_name="/chat")
    assert answer == "Hello" and usage["stop_reason"] == "stop"
    assert "image_url" in engine.asked[0].text
    assert "not in requirements_page.lock" not in (tmp_path / "log").read_text(encoding="utf-8")


@pytest.mark.slow
def test_without_a_server_it_says_what_to_install_or_to_give(tmp_path: Path) -> None:
    port = free_port()
    with serve_program(tmp_path, port, "-c", BARE, "--server-port", str(port)) as page:
        page.wait()
        answered = program(page.address)
        with pytest.raises(Exception, match="There is no torch here"):
            answered.predict({"text": "Hi", "files": []}, {}, api_name="/chat")
