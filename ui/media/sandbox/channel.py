"""Messages from a sandbox to the page: a small JSON object, and pixels or a file's content in shared memory.

The page trusts none of them. A message that is too long, not JSON, or not as large as it says ends the connection.
"""

from __future__ import annotations

import fcntl
import json
import math
import mmap
import os
import socket
import struct
import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

MAX_MESSAGE_BYTES = 2**16
MAX_BLOB_BYTES = 5 * 2**26  # the largest picture has 300 MB
REST_S = 30.0  # until the end of a message that has begun; decoders have a low priority
ROWS = 64  # of a picture, copied at a time
LENGTH = struct.Struct("!I")
# After sealing, the sandbox can change neither size nor content. Linux only.
SEALS = (
    fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    if hasattr(fcntl, "F_SEAL_WRITE")
    else 0
)


POPULATE = getattr(mmap, "MAP_POPULATE", 0)  # all pages at once


# The content of a file, an array of pixels, or a picture in RGB.
Content = bytes | npt.NDArray[Any] | PillowImage.Image


class BrokenOffError(Exception):
    """The other side has sent something invalid."""


class EndedError(BrokenOffError):
    """The other side has ended or closed the connection."""


@dataclass(frozen=True)
class Message:
    """A JSON object, and a private array of bytes, (n,) uint8."""

    said: dict[str, Any]
    blob: npt.NDArray[np.uint8] | None = None

    def content(self) -> bytes:
        """The content of a file. Raises `BrokenOffError` if there is none."""
        if self.blob is None:
            raise BrokenOffError
        return self.blob.tobytes()

    def pixels(self, shape: object) -> npt.NDArray[np.uint8]:
        """(height, width, 3). Raises `BrokenOffError` if it is not as large as `shape` says."""
        match shape:
            case [int(height), int(width)] if height > 0 and width > 0 and self.blob is not None:
                if math.prod((height, width, 3)) == len(self.blob):
                    return self.blob.reshape(height, width, 3)
        raise BrokenOffError


def send(channel: socket.socket, said: dict[str, Any], blob: Blob | None = None) -> None:
    """Send a message from the sandbox. Blocks while the page is busy."""
    text = json.dumps(said).encode()
    with blob or Blob(0) as shared:
        fds = [shared.sealed()] if shared.nbytes else []
        sent = socket.send_fds(channel, [LENGTH.pack(len(text)), text], fds)
    channel.sendall(text[sent - LENGTH.size :])


def _copy(picture: PillowImage.Image, target: npt.NDArray[np.uint8]) -> None:
    """Copy in strips: Pillow has no view of its pixels, and would make two more copies of the whole picture."""
    for top in range(0, picture.height, ROWS):
        bottom = min(top + ROWS, picture.height)
        target[top:bottom] = np.asarray(picture.crop((0, top, picture.width, bottom)))


class Blob:
    """Shared memory that the sandbox writes once and the page reads."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self._fd = -1
        if not nbytes:
            return
        if hasattr(os, "memfd_create"):
            self._fd = os.memfd_create("blob", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        else:  # macOS
            with tempfile.TemporaryFile() as file:
                self._fd = os.dup(file.fileno())
        os.ftruncate(self._fd, nbytes)

    @classmethod
    def of(cls, content: Content) -> Blob:
        if isinstance(content, bytes):
            content = np.frombuffer(content, np.uint8)
        if isinstance(content, np.ndarray):
            shape, dtype = content.shape, content.dtype
        else:
            shape, dtype = (content.height, content.width, 3), np.dtype(np.uint8)
        blob = cls(math.prod(shape) * dtype.itemsize)
        with mmap.mmap(blob._fd, blob.nbytes, mmap.MAP_SHARED | POPULATE) as memory:
            target = np.frombuffer(memory, dtype).reshape(shape)
            if isinstance(content, np.ndarray):
                target[...] = content
            else:
                _copy(content, target)
            del target  # or the memory cannot be closed
        return blob

    def sealed(self) -> int:
        """The file descriptor."""
        if SEALS and self._fd >= 0:
            fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, SEALS)
        return self._fd

    def __enter__(self) -> Blob:
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)


def receive(channel: socket.socket) -> Message:
    """Receive a message on the page. Raises `BrokenOffError`, `EndedError`, and `TimeoutError` if none has begun."""
    try:
        head, fds, _, _ = socket.recv_fds(channel, LENGTH.size, 1)
    except TimeoutError:
        raise
    except OSError as error:
        raise EndedError from error
    if not head:
        raise EndedError
    try:
        blob = _mapped(fds[0]) if fds else None
        return Message(_said(channel, head), blob)
    finally:
        for fd in fds:
            os.close(fd)


def _said(channel: socket.socket, head: bytes) -> dict[str, Any]:
    if len(head) != LENGTH.size or LENGTH.unpack(head)[0] > MAX_MESSAGE_BYTES:
        raise BrokenOffError
    missing, text = LENGTH.unpack(head)[0], bytearray()
    patience = channel.gettimeout()
    channel.settimeout(REST_S)
    try:
        while missing:
            part = channel.recv(missing)
            if not part:
                raise EndedError
            text += part
            missing -= len(part)
        said = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenOffError from error
    finally:
        channel.settimeout(patience)
    if not isinstance(said, dict):
        raise BrokenOffError
    return said


def _mapped(fd: int) -> npt.NDArray[np.uint8]:
    """Map the shared memory as a private copy, copied on write."""
    try:
        nbytes = os.fstat(fd).st_size
        # If the sandbox could shrink the memory, a read beyond its end would kill this process.
        if nbytes > MAX_BLOB_BYTES or (SEALS and fcntl.fcntl(fd, fcntl.F_GET_SEALS) != SEALS):
            raise BrokenOffError
        if not nbytes:
            return np.empty(0, np.uint8)
        memory = mmap.mmap(fd, nbytes, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    except (OSError, ValueError) as error:
        raise BrokenOffError from error
    return np.frombuffer(memory, np.uint8)
