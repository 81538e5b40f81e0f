"""Hides the environment's proxies from Gradio's requests to this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from model.errors import DemoError

VARIABLES = ("http_proxy", "https_proxy", "all_proxy")
EXCEPT = "no_proxy"
HERE = ("localhost", "127.0.0.1", "::1")


@contextmanager
def past_proxies(address: str = "", share: bool = False) -> Iterator[None]:
    """Within the block, Gradio reaches this machine without a proxy. It asks its own `address` whether the page is up.

    share: Gradio also asks for a public link, so proxies for other hosts stay. Raises `DemoError` for a proxy that cannot
    be used.
    """
    before = {name: value for name, value in os.environ.items() if _concerned(name)}
    try:
        if share:
            _require_usable()
            named = (before.get(name, "") for name in (EXCEPT, EXCEPT.upper()))
            beside = filter(None, (*HERE, address.strip("[]"), *named))
            os.environ[EXCEPT] = os.environ[EXCEPT.upper()] = ",".join(beside)
        else:
            for name in before:
                if name.lower() != EXCEPT:
                    del os.environ[name]
        yield
    finally:
        for name in filter(_concerned, list(os.environ)):
            del os.environ[name]
        os.environ.update(before)


def _concerned(name: str) -> bool:
    return name.lower() in (*VARIABLES, EXCEPT)


def _require_usable() -> None:
    import httpx

    try:
        httpx.Client().close()
    except (ImportError, ValueError) as error:
        raise DemoError(
            "No public link can be made through this environment's proxy ({reason}); set HTTPS_PROXY and ALL_PROXY to "
            "one that is http://, or leave out --share.",
            reason=str(error),
        ) from error
