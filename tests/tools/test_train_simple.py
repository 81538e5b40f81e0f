"""The simple training really trains: with the stock model, on answers alone, and what it saves can be loaded."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoModelForImageTextToText, AutoProcessor

from model.backend import Cancel, collected
from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.project import ROOT
from tools import train_simple

pytestmark = pytest.mark.slow


def test_the_loss_falls_within_a_few_steps() -> None:
    _, _, losses, _ = train_simple.train(minutes=1, steps=40, held_out=1)
    assert len(losses) == 40
    assert losses[-1] < 0.5 * losses[0]


def test_only_answers_are_learnt() -> None:
    processor = train_simple.build_processor(train_simple.build_tokenizer())
    batch = train_simple.make_batch(processor, random.Random(1), 6)
    decode = processor.tokenizer.decode
    for labels, ids in zip(batch["labels"], batch["input_ids"], strict=True):
        learnt = decode(labels[labels != train_simple.IGNORE])
        assert learnt.startswith(("The ", "It ")) and learnt.endswith(".<|im_end|>")
        assert decode(ids).replace("<|endoftext|>", "").endswith(f"assistant\n{learnt}")


def test_what_it_saves_answers_through_the_application(tmp_path: Path) -> None:
    folder = tmp_path / "simple"
    command = [
        sys.executable,
        "tools/train_simple.py",
        "--steps",
        "3",
        "--held-out",
        "2",
        "--output",
        str(folder),
    ]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "of 2 questions about new pictures" in said
    AutoProcessor.from_pretrained(folder)
    AutoModelForImageTextToText.from_pretrained(folder)
    picture = tmp_path / "circle.png"
    train_simple.draw("circle", "red", random.Random(2)).save(picture)
    backend = LocalBackend.load(folder, device="cpu")
    talk = Conversation().with_user_turn(Image(picture), Text("Which shape is it?"))
    settings = GenerationSettings(max_new_tokens=4)
    assert collected(backend.stream(talk, settings, Cancel()))[1].visual_tokens == 16
