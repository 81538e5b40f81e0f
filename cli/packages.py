"""Which of the packages are installed, and which of those have known critical holes."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

# As pyproject.toml's override: the versions before have critical holes, and pip cannot take it beside Gradio.
PILLOW = "13.0.0"


def version_of(package: str) -> str | None:
    """None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def holes() -> list[str]:
    """What has a known critical hole, each in a sentence with the remedy."""
    found = version_of("pillow")
    if found is None or _major(found) >= _major(PILLOW):
        return []
    return [f"Pillow {found} has known holes; run `pip install --no-deps pillow=={PILLOW}`."]


def _major(version: str) -> int:
    return int(version.partition(".")[0])
