"""Write the folder of a Hugging Face Space, and upload it when the Space is named.

python tools/make_space.py                       # only the folder, build/space
python tools/make_space.py NAME/qwen-vl-chat     # makes the Space and uploads; log in first with `hf auth login`

A Space's README begins with lines that say which Gradio and Python it needs. They are added here, because a forge
would show them to every visitor.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/make_space.py` finds `tools`

from tools import install  # noqa: E402

FOLDER = ROOT / "build" / "space"
# What runs, and what the README leads to.
COPIED = (
    "app.py", "cli", "model", "ui", "assets", "requirements.txt", "requirements_web_demo.txt", "requirements_page.txt",
    "docs", "deploy", "LICENSE", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md",
)  # fmt: skip
PINS = ROOT / "requirements_page.txt"
FRONT_MATTER = """\
---
title: Qwen2-VL chat
emoji: 🖼️
colorFrom: indigo
colorTo: gray
sdk: gradio
sdk_version: {gradio}
python_version: "3.11"
app_file: space.py
license: apache-2.0
short_description: Chat about pictures and videos with Qwen2-VL
models:
- Qwen/Qwen2-VL-2B-Instruct
- Qwen/Qwen2-VL-7B-Instruct
suggested_hardware: a10g-small
startup_duration_timeout: 1h
---

"""


def write(folder: Path) -> None:
    """Write the Space's files in place of the content of `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copyfile(ROOT / name, folder / name)
    # Not in requirements.txt, where pip would refuse it.
    shutil.copyfile(ROOT / "deploy" / "space.py", folder / "space.py")
    lock = (ROOT / install.LOCK).read_text(encoding="utf-8")
    (folder / "requirements_pillow.txt").write_text(install.entry_of("pillow", lock))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(front_matter() + readme, encoding="utf-8")


def front_matter() -> str:
    """The lines with the pinned version of Gradio."""
    (gradio,) = re.findall(r"^gradio==(\S+)$", PINS.read_text(encoding="utf-8"), re.MULTILINE)
    return FRONT_MATTER.format(gradio=gradio)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, write the folder, and upload it if a Space is named. Returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("space", nargs="?", help="OWNER/NAME; without it nothing is uploaded")
    options = parser.parse_args(argv)
    write(FOLDER)
    print(f"The Space's files are in {FOLDER}.", flush=True)
    if not options.space:
        return 0
    hf = str(Path(sys.executable).with_name("hf"))
    upload = [hf, "upload", options.space, str(FOLDER), ".", "--repo-type", "space"]
    return subprocess.run(upload).returncode


if __name__ == "__main__":
    sys.exit(main())
