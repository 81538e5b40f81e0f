"""Packages that hold nothing, for an index of a test."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path
from urllib.parse import quote


def wheel(folder: Path, name: str, version: str, *needs: str) -> str:
    """Write a package that holds nothing and give its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    required = "".join(f"Requires-Dist: {need}\n" for need in needs)
    content = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{digest(text)},{len(text)}\n" for path, text in content.items())
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in {**content, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    (folder / "index.html").write_text(f'<a href="{quote(file.name)}">{file.name}</a>')
    return hashlib.sha256(file.read_bytes()).hexdigest()


def digest(text: str) -> str:
    found = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256={found.decode().rstrip('=')}"
