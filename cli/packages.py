"""The installed versions of packages, and those with known critical vulnerabilities."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

# The override in pyproject.toml. Earlier versions have critical vulnerabilities, and Gradio's requirements exclude this one.
PILLOW = "13.0.0"


def version_of(package: str) -> str | None:
    """The installed version of a package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def holes() -> list[str]:
    """The vulnerabilities of installed packages, each as a sentence with the remedy."""
    found = version_of("pillow")
    if found is None or _major(found) >= _major(PILLOW):
        return []
    return [f"Pillow {found} has known holes; run `pip install --no-deps pillow=={PILLOW}`."]


def _major(version: str) -> int:
    return int(version.partition(".")[0])
