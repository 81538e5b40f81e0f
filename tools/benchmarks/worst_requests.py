"""A stranger who posts one kind of request without a pause: `python -m tools.benchmarks.worst_requests KIND ADDRESS`.

Each kind is the most expensive request that the page accepts. It prints `ready` after the first one.
"""

from __future__ import annotations

import itertools
import os
import random
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from PIL import Image

from model.conversation import Image as Picture

JSON_BYTES = 15_000_000
CHARACTERS = 1_000_000
MAX_TURNS, MAX_ZIPS = 400, 8
TABLE = "| a | b |\n|---|---|\n" + "| 1 | **2** |\n" * 10
CODE = "```python\nprint(1)\n```"
PLACE = '{"bbox_2d": [1, 2, 30, 40], "label": "a"} and $x^2$'
TABLE = "| a | b |\n|---|---|\n" + "| 1 | **2** |\n" * 10
CODE = "```python\nprint(1)\n```"
PLACE = '{"bbox_2d": [1, 2, 30, 40], "label": "a"} and $x^2$'
PICTURE_PX = (9_900, 9_900)
ADDRESS = {"X-Forwarded-For": "198.51.100.7"}  # not that of the person who waits


class Stranger:
    """A client of the page at an address, with a folder for its files."""

    def __init__(self, address: str, folder: Path) -> None:
        self.client = httpx.Client(base_url=address, timeout=600, headers=ADDRESS)
        self.folder = folder

    def upload(self, file: Path) -> str:
        """Upload a file, and return its path on the server."""
        with file.open("rb") as content:
            answer = self.client.post("gradio_api/upload", files={"files": (file.name, content)})
        answer.raise_for_status()
        path: str = answer.json()[0]
        return path

    def call(self, endpoint: str, *data: object) -> str:
        """Call an endpoint of the API, and return its last result."""
        posted = {"data": data, "session_hash": secrets.token_hex(5)}
        answer = self.client.post(f"gradio_api/call/{endpoint}", json=posted)
        if answer.status_code != 200:
            return answer.text
        return self.client.get(f"gradio_api/call/{endpoint}/{answer.json()['event_id']}").text


def large_json(stranger: Stranger) -> Callable[[], object]:
    """Post many small values in one request."""
    content = b'{"data": [' + b"[]," * (JSON_BYTES // 3) + b'0], "fn_index": 1}'
    return lambda: stranger.client.post("gradio_api/queue/join", content=content)


def long_estimate(stranger: Stranger) -> Callable[[], object]:
    """Ask for the cost of a message of a million characters, which differs each time."""
    numbers = itertools.count()
    return lambda: stranger.call(
        "estimate", {"text": _words(next(numbers), CHARACTERS), "files": []}, {}
    )


def long_import(stranger: Stranger) -> Callable[[], object]:
    """Import conversations of as many turns as are allowed, each on a new page.

    There are so many that no cache contains one when it is imported again.
    """
    files = [_exported(stranger.folder / f"{n}.zip", n * MAX_TURNS) for n in range(MAX_ZIPS)]
    (opens, restores), turn = _functions(stranger), itertools.cycle(files)

    def open_it() -> None:
        file = next(turn)
        key, session = secrets.token_hex(16), secrets.token_hex(5)  # a page names its tab itself
        told = {"path": stranger.upload(file), "name": file.name}
        for function, data, event in ((opens, [key, "en", "", ""], {}), (restores, [key], told)):
            posted = {"data": data, "fn_index": function, "session_hash": session}
            posted |= {"event_data": event} if event else {}
            stranger.client.post("gradio_api/run/predict", json=posted).raise_for_status()

    return open_it


def large_picture(stranger: Stranger) -> Callable[[], object]:
    """Upload a small file with nearly as many pixels as are allowed."""
    file = stranger.folder / "large.png"
    Image.linear_gradient("L").resize(PICTURE_PX).save(file)

    def look() -> None:
        path = stranger.upload(file)
        message = {"text": "", "files": [{"path": path, "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}]}  # fmt: skip
        stranger.call("estimate", message, {})

    return look


KINDS = {
    "json": large_json,
    "estimate": long_estimate,
    "import": long_import,
    "picture": large_picture,
}


def _words(seed: int, characters: int) -> str:
    draw = random.Random(seed)
    words = [
        "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(1, 12)))
        for _ in range(1000)
    ]
    return " ".join(draw.choices(words, k=characters // 6))[:characters]


def _exported(target: Path, first: int) -> Path:
    """An export whose answers are full of tables, code and boxes, which a page must draw."""
    from model.backend import AnswerRecord
    from model.conversation import Conversation, Text
    from model.families import Geometry
    from model.prompt import visual_item
    from model.reproduce.archive import Archive, write
    from model.reproduce.generation_record import ModelInfo, processed_media
    from model.settings import MAX_TEXT_CHARACTERS, GenerationSettings

    Image.new("RGB", (56, 56)).save(picture := target.with_suffix(".png"))
    talk = Conversation().with_user_turn(Picture(picture), Text("What is this?"))
    media = tuple(map(processed_media, visual_item.plan(talk, Geometry())))
    for number in range(MAX_TURNS):
        piece = "\n\n".join([_words(first + number, 400), TABLE, CODE, PLACE])
        # The questions take some of the characters, too.
        answer = "\n\n".join([piece] * int(0.95 * MAX_TEXT_CHARACTERS / MAX_TURNS / len(piece)))
        talk = talk if not number else talk.with_user_turn(Text("And now?"))
        talk = talk.with_reply(answer)
    answers = (AnswerRecord(GenerationSettings(), None),) * MAX_TURNS
    write(Archive(talk, answers, media, ModelInfo("Qwen/Qwen2-VL-7B-Instruct")), target)
    return target


def _functions(stranger: Stranger) -> tuple[int, int]:
    """The numbers of the functions that the page calls when it opens, and for a zip file."""
    config: dict[str, Any] = stranger.client.get("config").json()
    (part,) = (c["id"] for c in config["components"] if c["props"].get("elem_id") == "reproduction")
    functions = config["dependencies"]
    (opens,) = (f["id"] for f in functions if "qwenVlChat.open()" in str(f["js"]))
    (restores,) = (f["id"] for f in functions if [part, "restore"] in map(list, f["targets"]))
    return int(opens), int(restores)


def main(arguments: list[str]) -> None:
    """Post until the process is ended."""
    kind, address = arguments
    os.nice(10)  # it stands for another machine
    with TemporaryDirectory() as name:
        post = KINDS[kind](Stranger(address, Path(name)))
        post()
        print("ready", flush=True)
        while True:
            post()


if __name__ == "__main__":
    main(sys.argv[1:])
