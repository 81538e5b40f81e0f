"""A turn can be answered again without this program: the printed script and Verify say the same."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as PillowImage

from model.backend import Cancel, Delta
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Image, Text, Video
from model.errors import DemoError
from model.local import LocalBackend
from model.reproduce import verify
from model.reproduce.client_scripts import curl_command
from model.reproduce.generation_record import VerifyResult
from model.reproduce.script import transformers_script
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files
from tests.support.patience import PATIENCE_S
from tests.support.schemas import FIELDS

ROOT = Path(__file__).parents[3]
GREEDY = GenerationSettings(max_new_tokens=24)
NUMBERED = GenerationSettings(max_new_tokens=24, vision_ids=True)
SMALL = VisionSettings(max_tokens=64, video_max_frames=6, video_max_tokens_per_frame=16)
EXACT = VisionSettings(resized_height=84, resized_width=224)
DRAWN = GenerationSettings(max_new_tokens=12, temperature=1.8, top_k=0, top_p=1.0, seed=7)
RUN_ALL = """
import contextlib, io, json, sys
said = []
for script in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(script, {"__name__": "__main__"})
    said.append(output.getvalue())
print(json.dumps(said))
"""
TYPED = "<|im_end|>\nWhat is <|image_pad|> this?<|vision_start|> \ue000"


@pytest.fixture(scope="module")
def tiny() -> LocalBackend:
    return LocalBackend.load(BUNDLED, device="cpu", cache_gb=0.5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader tries a script: the files lie here, and the bundled checkpoint in `assets`."""
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(backend: LocalBackend, talk: Conversation, settings: GenerationSettings) -> str:
    events = backend.stream(talk, settings, Cancel(), session="replay")
    return "".join(event.text for event in events if isinstance(event, Delta))


def printed(scripts: Sequence[str]) -> list[str]:
    """What scripts print, run as they are by a Python of their own, which imports transformers once."""
    run = subprocess.run(
        [sys.executable, "-c", RUN_ALL], input=json.dumps(scripts), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    said: list[str] = json.loads(run.stdout)
    return said


def verified(backend: LocalBackend, talk: Conversation, settings: GenerationSettings) -> str:
    """The answer, which stock transformers gives too."""
    reply = answer(backend, talk, settings)
    result = backend.verify(backend.generation_record(talk, settings), reply, Cancel())
    assert result and result.equal, result
    return reply


PLACE = Text("Picture 1: <|box_start|>(1,2),(300,400)<|box_end|>\n", pointing=True)


def conversations(folder: Path) -> dict[str, tuple[Conversation, GenerationSettings]]:
    one = Image(media_files.photo(folder / "one.png", (300, 180), seed=1), SMALL)
    other = Image(media_files.photo(folder / "other.png", (90, 200), seed=2), EXACT)
    clip = Video(media_files.clip(folder / "clip.mp4", 20), SMALL)
    asked = Conversation().with_user_turn(one, Text("What is in this picture?"))
    two = Conversation().with_user_turn(one, Text("Look:"), other, Text("Compare."))
    replied = asked.with_reply(
        "<|object_ref_start|>A<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>"
    )
    return {
        "a picture": (asked, GREEDY),
        "two pictures with vision ids": (two, NUMBERED),
        "follow-up turns": (
            replied.with_user_turn(other, Text("And\n\n'this' one?")).with_reply("Yes.").with_user_turn(Text("Sure?")),
            replace(GREEDY, system_prompt="Be \"brief\".", repetition_penalty=1.1),
        ),
        "a clip and a picture": (Conversation().with_user_turn(clip, one, Text("What happens?")), NUMBERED),
        "typed control tokens": (replied.with_user_turn(Text(TYPED), one, Text("<|im_end|>")), GREEDY),
        "a part of a picture": (Conversation().with_user_turn(one, PLACE, Text("What is here?")), GREEDY),
        "an answer as data": (asked, replace(GREEDY, max_new_tokens=300, json_schema=json.dumps(FIELDS))),
        "no picture": (Conversation().with_user_turn(Text("Hello")), replace(GREEDY, system_prompt="")),
    }  # fmt: skip


CASES = ("a picture", "two pictures with vision ids", "follow-up turns", "a clip and a picture", "typed control tokens", "a part of a picture", "an answer as data", "no picture")  # fmt: skip


@pytest.mark.slow
def test_scripts_as_printed_give_the_same_answers(tiny: LocalBackend, folder: Path) -> None:
    """Greedy ones, and one that is drawn with the same seed."""
    made = conversations(folder)
    cases = {case: made[case] for case in (*CASES[:5], CASES[6])} | {
        "drawn": (made["a picture"][0], DRAWN)
    }
    names = {str(folder / name): name for name in ("one.png", "other.png", "clip.mp4")}
    scripts = [
        transformers_script(tiny.generation_record(*case).renamed(names)) for case in cases.values()
    ]
    assert not any(str(folder) in script for script in scripts)
    expected = {case: answer(tiny, *cases[case]) + "\n" for case in cases}
    assert dict(zip(cases, printed(scripts), strict=True)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_stock_transformers_agrees(backend: LocalBackend, tmp_path: Path, case: str) -> None:
    """Random weights of both families: an error anywhere changes the answer."""
    talk, settings = conversations(tmp_path)[case]
    assert verified(backend, talk, settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    "typed", ["<tool_call>{}</tool_call>", "<|fim_prefix|>\ue000<tool_call>\ue001", "<tool_call>"]
)
def test_stock_transformers_agrees_where_somebody_typed_an_added_token(
    with_added_tokens: LocalBackend, typed: str
) -> None:
    asked = Conversation().with_user_turn(Text("What is "), Text(typed[:4]), Text(typed[4:]))
    talk = asked.with_reply(f"It is {typed}").with_user_turn(Text("And?"))
    verified(with_added_tokens, talk, GREEDY)
    record = with_added_tokens.generation_record(talk, GREEDY)
    assert record.has_escaped_control_tokens
    # A program for an engine sends the text as it was typed.
    assert typed in curl_command(record)


def test_the_prompt_is_the_backends_own(tiny: LocalBackend, folder: Path) -> None:
    talk, settings = conversations(folder)["two pictures with vision ids"]
    assert tiny.generation_record(talk, settings).prompt == tiny.prompt(talk, settings)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "CMYK", "1"])
@pytest.mark.slow
def test_pictures_of_every_mode_are_seen_alike(
    qwen2_vl: LocalBackend, tmp_path: Path, mode: str
) -> None:
    photo = PillowImage.open(media_files.photo(tmp_path / "a.png", (150, 120), seed=3))
    if mode in ("RGBA", "LA"):
        photo.putalpha(PillowImage.linear_gradient("L").resize(photo.size))
    suffix = "jpg" if mode == "CMYK" else "png"
    photo.convert(mode).save(tmp_path / f"b.{suffix}")
    talk = Conversation().with_user_turn(Image(tmp_path / f"b.{suffix}", SMALL), Text("What?"))
    verified(qwen2_vl, talk, GREEDY)


@pytest.mark.slow
def test_an_upright_picture_is_seen_upright(qwen2_vl: LocalBackend, tmp_path: Path) -> None:
    photo = PillowImage.open(media_files.photo(tmp_path / "a.png", (150, 90), seed=4))
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "b.jpg", exif=exif)
    talk = Conversation().with_user_turn(Image(tmp_path / "b.jpg", SMALL), Text("What?"))
    verified(qwen2_vl, talk, GREEDY)


@pytest.mark.slow
def test_a_clip_that_is_trimmed_is_seen_alike(qwen2_vl: LocalBackend, tmp_path: Path) -> None:
    part = replace(SMALL, video_start_s=0.7, video_end_s=1.9, video_fps=4.0)
    clip = Video(media_files.clip(tmp_path / "a.mp4", 60), part)
    verified(qwen2_vl, Conversation().with_user_turn(clip, Text("What?")), GREEDY)


def test_an_answer_that_was_cut_off_is_compared_as_far_as_it_goes(
    qwen2_vl: LocalBackend, tmp_path: Path
) -> None:
    talk, _ = conversations(tmp_path)["a picture"]
    verified(qwen2_vl, talk, replace(GREEDY, max_new_tokens=3))


@pytest.mark.parametrize("changed", [0, 4, 9])
def test_the_first_token_that_differs_is_shown(qwen2_vl: LocalBackend, changed: int) -> None:
    tokenizer = qwen2_vl.processor.tokenizer
    ids = tokenizer("The circle is red and the square is blue.")["input_ids"]
    pieces = [tokenizer.decode([token]) for token in ids]
    reply = "".join([*pieces[:changed], "§", *pieces[changed + 1 :]])
    result = verify.compared(tokenizer, ids, reply)
    assert (result.equal, result.first_difference, result.tokens) == (False, changed, len(ids))
    assert result.recorded.startswith("§") and result.stock.startswith(pieces[changed])


def test_an_answer_that_is_longer_or_shorter_than_stocks_is_not_equal(
    qwen2_vl: LocalBackend,
) -> None:
    tokenizer = qwen2_vl.processor.tokenizer
    ids = tokenizer("The circle is red.")["input_ids"]
    longer = verify.compared(tokenizer, ids, "The circle is red. Yes.")
    assert longer == VerifyResult(len(ids), len(ids), " Yes.", "")
    shorter = verify.compared(tokenizer, ids, "The circle")
    assert (shorter.equal, shorter.recorded) == (False, "") and shorter.stock.endswith("red.")


def test_a_character_of_several_tokens_is_compared_whole(qwen2_vl: LocalBackend) -> None:
    tokenizer = qwen2_vl.processor.tokenizer
    ids = tokenizer("数 🙂!")["input_ids"]
    assert verify.compared(tokenizer, ids, "数 🙂!").equal
    result = verify.compared(tokenizer, ids, "数 🙃!")
    assert (
        not result.equal
        and result.first_difference is not None
        and 0 < result.first_difference < len(ids)
    )


def test_what_was_drawn_by_lot_is_not_verified(qwen2_vl: LocalBackend) -> None:
    talk = Conversation().with_user_turn(Text("Hi"))
    record = qwen2_vl.generation_record(talk, GenerationSettings(temperature=0.5))
    with pytest.raises(DemoError, match="temperature 0"):
        qwen2_vl.verify(record, "Hi", Cancel())


def test_verifying_can_be_cancelled(qwen2_vl: LocalBackend) -> None:
    record = qwen2_vl.generation_record(Conversation().with_user_turn(Text("Hi")), GREEDY)
    cancel = Cancel()
    cancel.set()
    assert qwen2_vl.verify(record, "Hi", cancel) is None


@pytest.mark.slow
def test_verifying_gives_way_to_people_and_is_done_afterwards(
    qwen2_vl: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Conversation().with_user_turn(Text("Tell me a long story."))
    settings = GenerationSettings(max_new_tokens=300)
    reply = answer(qwen2_vl, talk, settings)
    record = qwen2_vl.generation_record(talk, settings)
    results: list[VerifyResult | None] = []
    begun, attempts, replay = threading.Event(), [], verify.replay

    def slowly(*given: Any) -> VerifyResult:
        """The first attempt is still under way when somebody asks."""
        attempts.append(given)
        begun.set()
        until = time.monotonic() + 60 * (len(attempts) == 1)
        while not given[4][0](torch.zeros(1, 1), None).all() and time.monotonic() < until:
            time.sleep(0.01)
        return replay(*given)

    monkeypatch.setattr(verify, "replay", slowly)
    verifying = threading.Thread(
        target=lambda: results.append(qwen2_vl.verify(record, reply, Cancel()))
    )
    verifying.start()
    assert begun.wait(PATIENCE_S)
    assert answer(qwen2_vl, talk, GREEDY)
    verifying.join(PATIENCE_S)
    assert len(attempts) == 2, "the first one was given up"
    assert results[0] and results[0].equal


def emptied(path: Path) -> None:
    path.write_text("no picture")


def test_why_stock_code_cannot_read_a_file_is_told_and_logged(
    qwen2_vl: LocalBackend, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = media_files.photo(tmp_path / "a.png", (56, 56))
    record = qwen2_vl.generation_record(
        Conversation().with_user_turn(Image(path), Text("Hi")), GREEDY
    )
    for damage, said in (
        (emptied, r"cannot decode a\.png \(UnidentifiedImageError\)"),
        (Path.unlink, r"a\.png cannot be opened any more \(No such file"),
    ):
        damage(path)
        with pytest.raises(DemoError, match=said):
            qwen2_vl.verify(record, "Hi", Cancel())
        assert str(path) in caplog.text and "Traceback" in caplog.text
        caplog.clear()


def test_a_bug_in_reading_a_file_is_not_blamed_on_the_file(
    qwen2_vl: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = media_files.photo(tmp_path / "a.png", (56, 56))
    record = qwen2_vl.generation_record(
        Conversation().with_user_turn(Image(path), Text("Hi")), GREEDY
    )
    monkeypatch.setattr("model.reproduce.stock.resize", lambda *_: [][0])
    with pytest.raises(IndexError):
        qwen2_vl.verify(record, "Hi", Cancel())
