"""Pages that are served by the test's own process; `tests.support.served` starts `python app.py` in another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.served import free_port
from ui.page.build import ServedBlocks, launch_options


@contextmanager
def gradio_environment(uploads: Path) -> Iterator[None]:
    """Uploads lie there, and nobody is told of what is used. Pages read it as soon as they are built."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(uploads))
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        yield


@contextmanager
def listening(page: ServedBlocks, **changed: Any) -> Iterator[str]:
    """The address of `page`, launched on a free port with its own options or those that are changed."""
    options = {**launch_options(page), **changed}
    _, address, _ = page.launch(
        server_port=free_port(), prevent_thread_lock=True, quiet=True, **options
    )
    try:
        yield address
    finally:
        page.close(verbose=False)
