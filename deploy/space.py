"""What a Hugging Face Space runs in place of app.py.

A Space installs with pip, which cannot take Pillow 13 beside Gradio. So it is installed here, before the page opens a picture.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Written by tools/make_space.py: Pillow as the lock has it, with its hashes.
PILLOW = Path(__file__).with_name("requirements_pillow.txt")
INSTALL = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes")

if __name__ == "__main__":
    # Where that fails, the page says in its log which Pillow it runs with.
    subprocess.run([*INSTALL, "-r", str(PILLOW)])
    import app

    sys.exit(app.main())
