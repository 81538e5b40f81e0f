"""docs/examples.md runs from top to bottom as printed, in front of a real server too; so does what docs/own-checkpoint.md merges."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from cli import check
from model.backend import Cancel, collected
from model.checkpoint.choose import Flags
from model.conversation import Conversation, Text
from model.conversation import Image as Picture
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.repo.test_docs import DOCS, ROOT
from tests.support import media_files
from tests.support.adapters import write_adapter

PAGE = (DOCS / "examples.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", PAGE, re.MULTILINE))
SERVER = "http://localhost:8000/v1"
# What the family's own pages show.
SHOWN = (
    "One picture",
    "Several pictures",
    "Videos",
    "Several conversations at once",
    "Sizes",
    "Vision ids",
    "Places",
    "Quantized",
    "A server",
)


@pytest.fixture
def _in_a_folder_with_media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a reader would try it: in a checkout, with media of their own."""
    for name, colour in (("boats.jpg", "navy"), ("harbour.jpg", "teal")):
        Image.new("RGB", (320, 240), colour).save(tmp_path / name)
    media_files.clip(tmp_path / "harbour.mp4", 20)
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("_in_a_folder_with_media")
def test_every_example_runs_as_printed(
    transformers_serve: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tuple(SECTIONS) == SHOWN
    names: dict[str, object] = {}
    printed: dict[str, str] = {}
    for title, text in SECTIONS.items():
        blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        assert blocks, title
        for block in blocks:
            exec(block.replace(SERVER, transformers_serve), names)
        printed[title] = capsys.readouterr().out
    assert all(text.strip() for text in printed.values())
    assert printed["Sizes"].splitlines()[1].startswith("[(420, 280), ")
    assert "Picture 1: <|vision_start|>" in printed["Vision ids"]
    assert printed["Places"] == "the boat 64 96 192 192\n"
    assert "4bit" in printed["Quantized"]


@pytest.mark.slow
def test_what_is_merged_as_the_page_says_is_whole_and_answers_as_the_adapter_does(
    checkpoints: dict[str, Path],
    tmp_path: Path,
    picture: Picture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (DOCS / "own-checkpoint.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    base, merged = checkpoints["qwen2_5_vl"], tmp_path / "my-checkpoint"
    adapter = write_adapter(tmp_path / "my-adapter", base)
    given = f"base, adapter, merged = {str(base)!r}, {str(adapter)!r}, {str(merged)!r}"
    replaced = re.sub(r"^base, .*$", lambda _: given, code, flags=re.MULTILINE)
    exec(replaced.replace('dtype="auto"', 'dtype="float32"'), {})
    capsys.readouterr()
    assert check.report({"mine": Flags(str(merged), cpu_only=True)}) == 0
    assert capsys.readouterr().out.endswith("ready\n")
    talk, settings = (
        Conversation().with_user_turn(picture, Text("What?")),
        GenerationSettings(max_new_tokens=6),
    )
    answers = [
        collected(
            LocalBackend.load(folder, device="cpu", adapter=own).stream(talk, settings, Cancel())
        )[0]
        for folder, own in ((base, adapter), (merged, ""))
    ]
    assert answers[0] == answers[1]
