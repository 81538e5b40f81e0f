"""The process around the page: environment variables, settings of interpreter and allocator, logging, signals, exit."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import threading
import time
from typing import Any

# Default of `sys.setswitchinterval`: 5 ms. The model's thread releases the GIL hundreds of times for one token, and
# while the page is being updated it waits this long to take it back.
SWITCH_INTERVAL_S = 0.0005
# Containers are killed 10 s after SIGTERM. The three limits of the way out add up to less.
# How long answers may take to end with the text that they have.
DRAIN_TIMEOUT_S = 3.0
# How long browsers have to show the end of those answers.
LAST_UPDATE_S = 1.0
# How long threads that check no flag may go on before `os._exit`.
EXIT_TIMEOUT_S = 1.0
# oneDNN caches one kernel for each shape, 1,024 by default. Images have all sizes, so most entries are never reused.
DEFAULT_VARIABLES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128"}
# Gradio and huggingface_hub read the first two when they are imported. The others stop Gradio from summing up every
# event with pandas, for a dashboard that is switched off.
REQUIRED_VARIABLES = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(2**31),
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
}
# Networks whose proxies uvicorn believes about a client's address. Spaces and containers have their proxies in private
# networks. Clients in these networks are believed too where they reach the page without a proxy (SECURITY.md).
TRUSTED_PROXIES = "127.0.0.1,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"

# malloc_trim and mallopt exist in glibc only. The allocators of other systems do not need them.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_trim = getattr(_libc, "malloc_trim", None)
_set = getattr(_libc, "mallopt", None)
# From malloc.h.
M_ARENA_MAX = -8
ARENAS = 2
# New objects between two garbage collections during start-up.
SELDOM = 50_000
_usual = gc.get_threshold()


def unsupported(platform: str) -> str:
    """Why the program cannot run on this system (a `sys.platform`); empty where it can."""
    if platform == "win32":
        return "qwen-vl-chat runs on Linux and macOS; on Windows, install WSL 2 (`wsl --install`) and start it there."
    return ""


def set_environment() -> None:
    """Set the variables that libraries read when they are imported. The caller imports none of them before."""
    os.environ.update(DEFAULT_VARIABLES | os.environ | REQUIRED_VARIABLES)


def log_to_stderr() -> None:
    """Log messages from INFO on, as text. HTTP clients log each request at that level and are quieter."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for client in ("httpx", "httpx2"):
        logging.getLogger(client).setLevel(logging.WARNING)


def prepare_to_serve() -> None:
    """Set what uvicorn reads when it starts, and how often threads take turns."""
    os.environ.setdefault("FORWARDED_ALLOW_IPS", TRUSTED_PROXIES)
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def keep_together() -> None:
    """Let all threads share `ARENAS` arenas. Has an effect before the first thread starts only. See mallopt(3)."""
    if _trim and _set:  # musl's mallopt does nothing
        _set(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return freed memory to the system. Takes milliseconds, and any thread may call it. See malloc_trim(3).

    glibc keeps freed memory between blocks in use: after 400 turns of `tools/soak.py` 220 MB of 1,170 MB.
    """
    if _trim:
        _trim(0)


def collect_seldom() -> None:
    """Collect garbage seldom while modules are imported and a checkpoint is loaded.

    Python 3.11 collects at each 700th new object. Nearly all of these stay, so importing Gradio and torch takes a third
    longer with its default.
    """
    gc.set_threshold(SELDOM, *_usual[1:])


def collect_as_usual() -> None:
    """Restore Python's default, and exclude the present objects, which would take 0.25 s of each full collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_usual)


def wait_for_signal() -> None:
    """Return at the first SIGTERM or SIGINT. The second one ends the process at once."""
    received = threading.Event()

    def receive(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        received.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, receive)
    received.wait()


def drain(page: Any) -> None:
    """Stop every answer, let browsers show the text that there is, and close the page (`gr.Blocks` with `tabs`)."""
    page.tabs.end()
    until = time.monotonic() + DRAIN_TIMEOUT_S
    while page.tabs.running and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(LAST_UPDATE_S)
    page.close(verbose=False)


def exit_soon() -> None:
    """End the process after `EXIT_TIMEOUT_S`, whatever threads are left."""
    leave = threading.Timer(EXIT_TIMEOUT_S, os._exit, (0,))
    leave.daemon = True
    leave.start()


def silence() -> None:
    """Close standard output and error. Registered with `atexit`: triton lists there in twenty lines what it has not freed."""
    for stream in (sys.stdout, sys.stderr, *logging.getLogger().handlers):
        stream.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
