"""The training forward must be the real model: same ids, positions, pixels and logits."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from model.checkpoint.choose import BUNDLED
from tests.conftest import Times
from tests.support.patience import wait_until
from tests.support.project import ROOT
from tools.tiny.batches import Batches
from tools.tiny.checkpoint import (
    load_tokenizer,
    write_random_checkpoint,
)
from tools.tiny.dialogue import Dialogue, MarkedText, make_dialogue, pick_grids
from tools.tiny.encoding import encode, encode_words, patches
from tools.tiny.forward import forward
from tools.tiny.model_card import write_accuracy, write_training
from tools.tiny.questions import ask_about
from tools.tiny.scene import make_picture
from tools.tiny.schedule import Schedule
from tools.tiny.score import Score
from tools.tiny.tokenizer import train_tokenizer
from tools.tiny.training import Plan, StateError, Trainer, train
from tools.tiny.world import WORLDS

pytestmark = pytest.mark.slow

# Saves after every step.
TRAINING = """
import sys
from pathlib import Path
from tools.tiny.training import Plan, train
from tools.tiny.world import WORLDS
train(Plan(Path(sys.argv[1]), Path(sys.argv[2]), steps=10, minutes=None, processes=1, batch_scale=0.02, save_minutes=0,
           world=WORLDS["simple"]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def processor(folder: Path) -> Any:
    return AutoProcessor.from_pretrained(folder)


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()


def _stock_inputs(processor: Any, dialogue: Dialogue, text: str) -> Any:
    pictures = [scene.frames[0] for scene in dialogue.scenes if not scene.is_clip]
    clips = [scene.frames for scene in dialogue.scenes if scene.is_clip]
    return processor(
        text=[text], images=pictures or None, videos=clips or None, return_tensors="pt"
    )


@pytest.mark.parametrize("kind", ["picture", "several", "clip", "later", "tools", "talk"])
def test_training_forward_equals_processor_and_model(kind: str, processor: Any, model: Any) -> None:
    rng = random.Random(kind)
    grids = pick_grids(rng, largest=36)
    dialogues = [make_dialogue(kind, grids, rng, branches=4) for _ in range(2)]
    batch = encode(dialogues, processor.tokenizer)
    with torch.no_grad():
        outputs = forward(model, batch)
    logits = outputs.final @ model.model.language_model.embed_tokens.weight.T
    for number, dialogue in enumerate(dialogues):
        for index, words in enumerate(dialogue.branches):
            inputs = _stock_inputs(processor, dialogue, dialogue.prefix.text + words.text)
            with torch.no_grad():
                expected = model(**inputs).logits[0]
            own = (batch.branch[number] == 0) | (batch.branch[number] == index + 1)
            spots = own.nonzero()[:, 0]
            assert batch.ids[number, spots].tolist() == inputs["input_ids"][0].tolist()
            if dialogue.scenes:
                positions, _ = model.model.get_rope_index(
                    inputs["input_ids"], inputs["mm_token_type_ids"], inputs.get("image_grid_thw"),
                    inputs.get("video_grid_thw"), inputs["attention_mask"],
                )  # fmt: skip
                assert torch.equal(batch.positions[:, number, spots], positions[:, 0])
            torch.testing.assert_close(
                logits.view(*batch.ids.shape, -1)[number, spots], expected, atol=2e-4, rtol=1e-3
            )


@pytest.mark.parametrize("kind", ["picture", "clip"])
def test_training_pixels_equal_the_processors(kind: str, processor: Any) -> None:
    rng = random.Random(kind)
    dialogue = make_dialogue(kind, pick_grids(rng, largest=36), rng, branches=4)
    inputs = _stock_inputs(processor, dialogue, dialogue.prefix.text)
    expected = inputs["pixel_values" if kind == "picture" else "pixel_values_videos"]
    mine = patches(encode([dialogue], processor.tokenizer).frames[0]).flatten(0, 1)
    torch.testing.assert_close(mine, expected, atol=2e-6, rtol=0)


def test_only_answers_are_learnt(processor: Any) -> None:
    rng = random.Random(5)
    dialogue = make_dialogue("picture", pick_grids(rng, largest=36), rng, branches=4)
    batch = encode([dialogue], processor.tokenizer)
    assert len(batch.labels) == len(batch.label_spots)
    assert torch.equal(batch.ids.flatten()[batch.label_spots + 1], batch.labels)
    learnt = processor.tokenizer.decode(batch.labels)
    for words in dialogue.branches:
        for start, end, _ in words.answers:
            assert words.text[start:end] in learnt


def test_after_one_of_a_list_or_a_text_it_is_learnt_whether_another_follows(processor: Any) -> None:
    rng = random.Random(6)
    grids, seen = pick_grids(rng, largest=36), set()
    for _ in range(40):
        batch = encode([make_dialogue("picture", grids, rng)], processor.tokenizer)
        for token, more in zip(batch.labels.tolist(), batch.told["more"].tolist(), strict=True):
            if more in (0, 1):
                seen.add((bool(more), processor.tokenizer.decode(token)))
    ends, goes_on = ({token for more, token in seen if more is which} for which in (False, True))
    assert {".", ":", '"'} <= ends and {",", " and", "A"} <= goes_on and not ends & goes_on


def test_a_new_training_leaves_no_old_figures_in_the_card(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    write_training(tmp_path, "Trained for a minute.")
    write_accuracy(tmp_path, [("generator", "count_by", Score(97, 100))])
    assert "Trained for a minute." in card.read_text() and "97/100" in card.read_text()
    write_training(tmp_path, "Trained for an hour.")
    assert "97/100" not in card.read_text() and "minute" not in card.read_text()


def test_one_mistake_is_not_rounded_away_in_the_card(tmp_path: Path) -> None:
    write_training(tmp_path, "Trained for a minute.")
    write_accuracy(tmp_path, [("generator", "colour", Score(299, 300))])
    assert "| colour | 299/300 |" in (tmp_path / "README.md").read_text()


def test_schedule_ends_early_with_a_decay() -> None:
    schedule = Schedule(steps=None, minutes=100)
    assert schedule.vision_only(0.1) and not schedule.vision_only(0.3)
    before = schedule.rate(0.6)
    schedule.finish_from = 0.6
    assert schedule.rate(0.6) == pytest.approx(before, rel=0.01)
    assert schedule.rate(0.649) < 0.1 * before
    assert schedule.done(0.65) and not schedule.done(0.64)


def test_a_training_that_goes_on_is_gentle_and_lets_the_new_heads_learn_first() -> None:
    schedule = Schedule(steps=100, minutes=None, further=True)
    assert not any(schedule.vision_only(k / 100) for k in range(100))
    assert schedule.model_rate(0.02) == 0 and schedule.rate(0.02) > 0.9
    assert max(schedule.model_rate(k / 100) for k in range(100)) == pytest.approx(0.4)


def test_a_training_goes_on_from_a_finished_checkpoint(folder: Path, tmp_path: Path) -> None:
    write_training(folder, "These weights are random.")
    plan = Plan(tmp_path / "out", tmp_path / "state", further=folder, steps=2, minutes=None, processes=1,
                batch_scale=0.1)  # fmt: skip
    train(plan)
    before, after = (load_file(place / "model.safetensors") for place in (folder, plan.output))
    changed = False
    for name, weight in before.items():
        apart = float((weight.float() - after[name].float()).abs().max())
        changed |= apart > 0
        assert apart < 0.05, name
    assert changed
    one, other = (load_tokenizer(place).get_vocab() for place in (folder, plan.output))
    assert one == other  # there was nothing to add
    card = (plan.output / "README.md").read_text()
    assert card.index("These weights are random") < card.index("Then trained further")


def test_workers_draw_what_a_training_draws_itself(folder: Path, tmp_path: Path) -> None:
    write_training(folder, "These weights are random.")
    trained = []
    for workers in (0, 2):
        plan = Plan(tmp_path / f"out{workers}", tmp_path / f"state{workers}", further=folder, steps=4, minutes=None,
                    processes=1, workers=workers, batch_scale=0.1)  # fmt: skip
        train(plan)
        trained.append(load_file(plan.output / "model.safetensors"))
    for name, weight in trained[0].items():
        torch.testing.assert_close(trained[1][name], weight)


def test_pictures_without_questions_are_few_enough_to_be_drawn_in_time(processor: Any) -> None:
    """They are the slowest to draw: a GPU that learnt from as many of them as of dialogues would wait."""
    usual, large = (Batches(processor.tokenizer, 0, 0, scale) for scale in (1.0, 7.0))
    counts = [[len(batches[number, True].ids) for batches in (usual, large)] for number in range(3)]
    assert all(many <= 3.5 * few for few, many in counts)
    few, many = (len(batches[0, False].ids) for batches in (usual, large))
    assert many > 5 * few


def test_each_character_of_an_answer_is_told_where_it_is(processor: Any) -> None:
    rng = random.Random(8)
    scene = next(s for s in (make_picture(6, 8, rng) for _ in range(200)) if s.text and len(s.text.text) == 4)  # fmt: skip
    words = MarkedText("<|vision_start|><|image_pad|><|vision_end|>").answer(ask_about(scene, rng, "read"))  # fmt: skip
    row, *_ = encode_words(words, [scene], processor.tokenizer, 0, 0)
    assert scene.text
    letters = processor.tokenizer.convert_tokens_to_ids(list(scene.text.text))
    start = next(k for k in range(len(row.ids)) if row.ids[k : k + 4].tolist() == letters)
    sides = np.asarray((scene.width, scene.height) * 2)
    for number, (_, box) in enumerate(scene.text.characters):
        assert row.targets[start + number] * sides == pytest.approx(box, abs=0.01)
    assert row.targets[start + 4] * sides == pytest.approx(scene.text.box, abs=0.01)  # the end


def _changed(file: Path) -> int:
    """When it was written, in nanoseconds; 0 where there is none."""
    return file.stat().st_mtime_ns if file.exists() else 0


@pytest.mark.timeout(900)  # three processes, each of which imports torch
def test_a_training_that_is_killed_again_and_again_ends_with_the_same_weights(
    tmp_path: Path, times: Times
) -> None:
    """With SIGKILL, which leaves no time to tidy up, at moments that nobody chose."""
    kills, rng, most = 0, random.Random(7), times(1, nightly=4)
    for run in ("whole", "killed"):
        state = tmp_path / f"state-{run}" / "state.pt"
        while not (tmp_path / run).exists():
            command = [sys.executable, "-c", TRAINING, str(tmp_path / run), str(state.parent)]
            with subprocess.Popen(command, cwd=ROOT) as process:
                if run == "killed" and kills < most:
                    before = _changed(state)
                    wait_until(lambda: process.poll() is not None or _changed(state) != before)  # noqa: B023
                    time.sleep(rng.uniform(0, 0.6))
                    process.kill()
                    kills += process.wait() == -signal.SIGKILL
                assert process.wait() in (0, -signal.SIGKILL)
    assert kills == most
    whole, killed = (load_file(tmp_path / run / "model.safetensors") for run in ("whole", "killed"))
    assert all(torch.equal(weight, killed[name]) for name, weight in whole.items())


def test_a_resumed_training_takes_back_what_it_logged_of_lost_steps(killed: Plan) -> None:
    log = killed.state / "log.jsonl"
    log.write_text('{"step": 5}\n{"step": 30}\n{"step": 5')
    _resumed(killed)
    assert log.read_text() == '{"step": 5}\n'


@pytest.fixture
def killed(tmp_path: Path) -> Plan:
    """A training of five steps that was killed before it wrote its checkpoint."""
    plan = Plan(
        tmp_path / "out", tmp_path / "state", steps=5, minutes=None, processes=1, batch_scale=0.1
    )
    plan.state.mkdir()
    run = Trainer(0, plan, train_tokenizer(), torch.device("cpu"), torch.float32)
    run.schedule.finish_from = 0.99
    run.loop()
    return plan


def _resumed(plan: Plan) -> Trainer:
    run = Trainer(0, plan, train_tokenizer(), torch.device("cpu"), torch.float32)
    run.resume()
    return run


def test_training_resumes_after_a_kill_and_writes_a_checkpoint(killed: Plan) -> None:
    assert torch.load(killed.state / "state.pt", weights_only=True)["step"] == 5
    train(replace(killed, steps=7))
    assert torch.load(killed.state / "finished.pt", weights_only=True)["step"] == 7
    assert (killed.output / "model.safetensors").stat().st_size < 10_000_000


def test_a_resumed_training_knows_its_losses_and_its_final_decay(killed: Plan) -> None:
    resumed = _resumed(killed)
    assert resumed.recent["things"] > 0
    assert resumed.schedule.finish_from == 0.99
    assert _resumed(replace(killed, steps=7)).schedule.finish_from is None


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"seed": 1}, "--seed"),
        ({"world": WORLDS["simple"]}, "--world"),
        ({"batch_scale": 0.2}, "--batch-scale"),
        ({"further": BUNDLED}, "--further"),
    ],
)
def test_an_unfinished_training_is_not_taken_for_another(
    change: dict[str, Any], flag: str, killed: Plan
) -> None:
    before = (killed.state / "state.pt").read_bytes()
    with pytest.raises(StateError, match=f"another {flag};"):
        train(replace(killed, **change))
    assert (killed.state / "state.pt").read_bytes() == before and not killed.output.exists()


def test_after_a_finished_training_the_same_folder_trains_anew(
    folder: Path, tmp_path: Path
) -> None:
    write_training(folder, "These weights are random.")
    plan = Plan(tmp_path / "out", tmp_path / "state", further=folder, steps=2, minutes=None, processes=1,
                batch_scale=0.1)  # fmt: skip
    plan.state.mkdir()
    (plan.state / "finish").touch()  # by hand, for an early end
    train(plan)
    assert not (plan.state / "finish").exists() and not (plan.state / "state.pt").exists()
    train(replace(plan, further=plan.output, output=tmp_path / "more", steps=4))
    one, other = (load_file(to / "model.safetensors") for to in (plan.output, tmp_path / "more"))
    assert any(not torch.equal(weight, other[name]) for name, weight in one.items())
