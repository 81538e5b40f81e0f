"""Connection: address, model and key of an OpenAI-compatible server, from the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from model.errors import DemoError

# Seconds. A busy server may take minutes to prefill a prompt of many videos.
SILENCE_S = 600.0


@dataclass(frozen=True)
class Connection:
    """How to reach a server, and which of its models to ask. Raises `DemoError` for a malformed address.

    model: empty for the first one that the server lists; family: a key of `families`, empty to go by the model's name;
    silence_s: seconds without data after which a request fails.
    """

    base_url: str
    model: str = ""
    key: str = field(default="", repr=False)
    family: str = ""
    silence_s: float = SILENCE_S

    def __post_init__(self) -> None:
        if not self.base_url.startswith(("http://", "https://")) or not host_of(self.base_url):
            raise DemoError(
                "--api-base is {address}; it must be an address such as http://localhost:8000/v1.",
                address=repr(self.base_url),
            )

    @property
    def host(self) -> str:
        """The host and port for people to read: no path, and no password that the address may contain."""
        return host_of(self.base_url)

    @property
    def root(self) -> str:
        """The server's own address, above the protocol's `/v1`."""
        return self.base_url.rstrip("/").removesuffix("/v1")

    def label(self, model: str) -> str:
        """One line for the banner, e.g. `Qwen2-VL-7B-Instruct · localhost:8000`."""
        return " · ".join(part for part in (PurePosixPath(model).name, self.host) if part)


def host_of(address: str) -> str:
    """The `host` or `host:port` of an address; empty if it has none."""
    try:
        parts = urlsplit(address)
        return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return ""
