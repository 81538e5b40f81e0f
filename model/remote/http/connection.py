"""What the command line says of an OpenAI-compatible server: where it is, what to ask it for, the key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from model.errors import DemoError

SILENCE_S = 600.0  # a prompt of many clips is read for minutes on a busy server


@dataclass(frozen=True)
class Connection:
    """Raises `DemoError` for an address that is none."""

    base_url: str
    model: str = ""  # empty: whatever it serves
    key: str = field(default="", repr=False)
    family: str = ""  # a key of `families`; empty: as the model's name says
    silence_s: float = SILENCE_S  # seconds without a word before it is given up

    def __post_init__(self) -> None:
        if not self.base_url.startswith(("http://", "https://")) or not host_of(self.base_url):
            raise DemoError(
                "--api-base is {address}; it must be an address such as http://localhost:8000/v1.",
                address=repr(self.base_url),
            )

    @property
    def host(self) -> str:
        """For people: without path, and without a password that may stand in the address."""
        return host_of(self.base_url)

    @property
    def root(self) -> str:
        """The server's own address, above the protocol's `/v1`."""
        return self.base_url.rstrip("/").removesuffix("/v1")

    def label(self, model: str) -> str:
        """One line for the banner, e.g. `Qwen2-VL-7B-Instruct · localhost:8000`."""
        return " · ".join(part for part in (PurePosixPath(model).name, self.host) if part)


def host_of(address: str) -> str:
    """Host and port; empty if there is none, or they cannot be read."""
    try:
        parts = urlsplit(address)
        return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return ""
