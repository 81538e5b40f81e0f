"""What the program needs of a hub. Each hub is a module with these functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# As --hub takes them.
HUB_NAMES = ("huggingface", "modelscope")


@dataclass(frozen=True)
class HubWords:
    """How sentences name a hub, its log-in command and its environment variables."""

    name: str
    login: str
    token: str
    cache: str
    endpoint: str
    certificates: str


@dataclass(frozen=True)
class HubFile:
    """A file of a repository. sha256: of its content, empty if the hub does not tell."""

    name: str
    size: int
    sha256: str = ""


class Hub(Protocol):
    """Repositories by their ids. Each function raises `CheckpointError` with the remedy."""

    @property
    def WORDS(self) -> HubWords: ...  # noqa: N802  # a constant of the module

    def list_files(self, checkpoint: str, /) -> list[HubFile]:
        """All files of a repository. It asks the hub."""
        ...

    def download(
        self, checkpoint: str, files: Sequence[HubFile], report: Callable[[int], None], /
    ) -> str:
        """Download `files`. Returns their folder in the cache. An interrupted download continues.

        report: called with the number of bytes so far.
        """
        ...

    def cached_snapshot(self, checkpoint: str, name: str, /) -> Path | None:
        """The folder in the cache that holds the file `name`; None if it is not there. It asks nobody."""
        ...
