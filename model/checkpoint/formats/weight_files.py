"""The safetensors files of a checkpoint's weights: finds them and reads their headers, not their weights.

Every error is a `CheckpointError` that names the file, with the remedy.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from model.errors import CheckpointError, LocalizedText

SINGLE_FILE, INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
# Suffixes of other programs' weight files, and of formats whose reading can run code.
OTHER_FORMATS = ("bin", "pt", "pth", "ckpt", "gguf", "msgpack", "h5", "npz", "onnx")
# The dtypes of weights that are not quantized, as safetensors names them.
UNQUANTIZED_DTYPES = ("F64", "F32", "F16", "BF16")
# The limit of safetensors itself.
MAX_HEADER_BYTES = 10**8
# How many parts of a matrix are read to find zeros, and their size.
PROBES, PROBE_BYTES = 16, 512
LFS_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class StoredTensor:
    """One tensor in a file.

    dtype: as safetensors names it, e.g. BF16; byte_range: where its values are in the file.
    """

    file: Path
    shape: tuple[int, ...]
    dtype: str
    byte_range: range


def is_all_zeros(tensor: StoredTensor) -> bool:
    """Whether some parts of a matrix, and its end, hold only zeros.

    A download that allocates the whole file first and is interrupted leaves zeros.
    """
    if len(tensor.shape) < 2:
        # Biases are zeros in models that were never trained.
        return False
    start, stop = tensor.byte_range.start, tensor.byte_range.stop
    probe_starts = [
        *range(start, stop, max(1, (stop - start) // PROBES)),
        max(start, stop - PROBE_BYTES),
    ]
    with tensor.file.open("rb") as opened:
        return not any(any(_read_probe(opened, start, stop)) for start in reversed(probe_starts))


def _read_probe(opened: BinaryIO, start: int, stop: int) -> bytes:
    opened.seek(start)
    return opened.read(min(PROBE_BYTES, stop - start))


def weight_paths(folder: Path) -> tuple[Path, ...]:
    """The weight files that `from_pretrained` reads: a single one, or those in the index."""
    names = sorted(set(indexed_files(folder).values())) or [SINGLE_FILE]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing and len(names) > 1:
        raise CheckpointError(
            "{checkpoint} lacks {count} of its {total} weight files, {file} among them; {again}.",
            checkpoint=folder,
            again=redownload_hint(folder),
            count=len(missing),
            total=len(names),
            file=missing[0],
        )
    if missing:
        raise _no_weights_error(folder)
    return tuple(folder / name for name in names)


def stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    """Every tensor in a checkpoint's weight files, by its name there."""
    return {key: tensor for file in weight_paths(folder) for key, tensor in file_header(file)}


def indexed_files(folder: Path) -> dict[str, str]:
    """The file name of each tensor in the index. It is empty without an index, or beside a single weight file."""
    single = (folder / SINGLE_FILE).exists() or not (folder / INDEX_FILE).exists()
    return {} if single else _read_index(folder)


def redownload_hint(folder: Path) -> LocalizedText:
    """The remedy for a broken file. In a hub's cache it is complete for this program, so there only a command helps."""
    repo = folder.parent.parent.name
    owner_and_name = repo.removeprefix("models--").replace("--", "/")
    if folder.parent.name == "snapshots" and repo.startswith("models--"):
        return LocalizedText("run `hf download {id} --force-download`", id=owner_and_name)
    kind = folder.parent.parent.parent.name
    if folder.parent.name == "snapshots" and kind == "models" and "/" in owner_and_name:
        # It compares the content hashes.
        return LocalizedText("run `modelscope download {id}`", id=owner_and_name)
    return LocalizedText("download it again")


def damaged_file_error(file: Path) -> CheckpointError:
    """The sentence for a file that is incomplete or holds something else."""
    return CheckpointError(
        "{file} in {checkpoint} is cut off or damaged; {again}.",
        file=file.name,
        checkpoint=file.parent,
        again=redownload_hint(file.parent),
    )


def _read_index(folder: Path) -> dict[str, str]:
    """The file name of each tensor."""
    try:
        listed = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))["weight_map"]
        names = set(listed.values())
        if names and all(Path(name).name == name for name in names):
            return dict(listed)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise damaged_file_error(folder / INDEX_FILE)


def _no_weights_error(folder: Path) -> CheckpointError:
    """The sentence for a folder without readable weights. It depends on what the folder holds instead."""
    if os.path.lexists(folder / SINGLE_FILE):  # a folder, or a link to nothing
        return _unreadable_file_error(folder / SINGLE_FILE)
    if shards := sorted(folder.glob("*.safetensors")):
        return CheckpointError(
            "{checkpoint} holds {file}, but neither {single} nor {index}, which would list it; {again}.",
            again=redownload_hint(folder),
            checkpoint=folder,
            file=shards[0].name,
            single=SINGLE_FILE,
            index=INDEX_FILE,
        )
    if foreign := sorted(file for kind in OTHER_FORMATS for file in folder.glob(f"*.{kind}")):
        return CheckpointError(
            "{checkpoint} holds its weights as {file} only; give a checkpoint with *.safetensors, "
            "or save this one anew with `save_pretrained`.",
            checkpoint=folder,
            file=foreign[0].name,
        )
    return CheckpointError(
        "The folder {checkpoint} holds no weights (*.safetensors); download the checkpoint again.",
        checkpoint=folder,
    )


def file_header(file: Path) -> Iterator[tuple[str, StoredTensor]]:
    """The tensors in a file's header. The file is not mapped, which fails if it is larger than the memory."""
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if not 0 < length < MAX_HEADER_BYTES:
                raise ValueError(length)
            header = json.loads(opened.read(length))
        header.pop("__metadata__", None)
        data = 8 + length
        found = {key: _stored_tensor(file, data, **entry) for key, entry in header.items()}
        end = 0
        for start, stop in sorted(entry["data_offsets"] for entry in header.values()):
            if start != end:
                raise ValueError(start)
            end = stop
        if not found or data + end != file.stat().st_size:
            raise ValueError(end)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _unreadable_file_error(file) from error
    yield from found.items()


def _stored_tensor(
    file: Path, data: int, *, dtype: str, shape: list[int], data_offsets: list[int]
) -> StoredTensor:
    """One tensor of a header. data: offset of the values. Raises `ValueError` if shape and byte range do not agree."""
    start, end = data_offsets
    # dtypes are BF16, F8_E4M3, BOOL ...
    bits = int("".join(filter(str.isdigit, dtype.partition("_")[0])) or 8)
    if 8 * (end - start) != bits * math.prod(shape):
        raise ValueError(data_offsets)
    return StoredTensor(file, tuple(shape), dtype, range(data + start, data + end))


def _unreadable_file_error(file: Path) -> CheckpointError:
    """The sentence for a file that is no safetensors file."""
    folder = file.parent
    try:
        with file.open("rb") as opened:
            pointer = opened.read(len(LFS_POINTER)) == LFS_POINTER
    except OSError as refused:
        reason = refused.strerror or type(refused).__name__
        return CheckpointError(
            "{file} in {checkpoint} cannot be read ({reason}); put it there and let this program read it.",
            file=file.name,
            checkpoint=folder,
            reason=reason,
        )
    if pointer:
        return CheckpointError(
            "{file} in {checkpoint} is a Git LFS pointer in place of the weights; run "
            "`git lfs pull` in that folder.",
            file=file.name,
            checkpoint=folder,
        )
    return damaged_file_error(file)
