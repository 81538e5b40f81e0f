"""The checkpoints that people can choose from. With one of them nothing is to be chosen."""

from __future__ import annotations

from collections.abc import Mapping

from model.backend import Backend, Startable
from model.errors import SettingError

Backends = Backend | Mapping[str, Backend]


class Checkpoints:
    """Backends by the names that people read; the first is the default."""

    def __init__(self, backends: Backends) -> None:
        """backends: one alone has no name."""
        self._backends = dict(backends) if isinstance(backends, Mapping) else {"": backends}
        self.default = next(iter(self._backends))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._backends)

    @property
    def several(self) -> bool:
        return len(self._backends) > 1

    @property
    def backends(self) -> tuple[Backend, ...]:
        return tuple(self._backends.values())

    def get(self, name: str, otherwise: Backend) -> Backend:
        return self._backends.get(name, otherwise)

    def __getitem__(self, name: str) -> Backend:
        """The backend of this name. Raises `SettingError`, which names those that there are."""
        if found := self._backends.get(name):
            return found
        raise SettingError(
            "There is no checkpoint {name}; the checkpoints are {names}.",
            name=repr(name[:80]),
            names=", ".join(self._backends),
        )

    def begin(self, name: str) -> None:
        """Load a checkpoint, if it is not there."""
        backend = self[name]
        if isinstance(backend, Startable):
            backend.begin()
