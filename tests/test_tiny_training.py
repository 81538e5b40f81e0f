"""The training forward must be the real model: same ids, positions, pixels and logits."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from tools.tiny import abroad, answers, names, wordings
from tools.tiny.checkpoint import (
    load_model,
    load_tokenizer,
    with_vocabulary,
    write_random_checkpoint,
)
from tools.tiny.dialogue import Dialogue, Words, make_dialogue, pick_grids
from tools.tiny.encoding import CLASSES, IGNORE, Dense, encode, encode_words, patches
from tools.tiny.exchange import exchange
from tools.tiny.follow_ups import follow_up
from tools.tiny.forward import forward
from tools.tiny.model_card import write_training
from tools.tiny.questions import ask_about
from tools.tiny.scene import FULL, Thing, make_clip, make_picture
from tools.tiny.schedule import Schedule
from tools.tiny.second_renderer import draw_scene
from tools.tiny.tokenizer import train_tokenizer, with_cased_words
from tools.tiny.training import Plan, train
from ui.texts import CHINESE, KOREAN

_WIDE = Thing("circle", "red", (0.0, 0.0, 999.0, 999.0))
TALK = ("hello", "thanks", "bye", "self", "refuse")
QUESTIONS = ("describe", "colour", "colour_single", "shape", "shape_single", "count", "count_by", "where", "exists",
             "is_colour", "locate_all", "read", "background")  # fmt: skip


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


@pytest.mark.parametrize("kind", ["picture", "several", "clip", "later", "talk"])
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
            own = (batch.branch == 0) | (batch.branch == index + 1)
            spots = ((batch.dialogue == number) & own).nonzero()[:, 0]
            assert batch.ids[spots].tolist() == inputs["input_ids"][0].tolist()
            if dialogue.scenes:
                positions, _ = model.model.get_rope_index(
                    inputs["input_ids"], inputs["mm_token_type_ids"], inputs.get("image_grid_thw"),
                    inputs.get("video_grid_thw"), inputs["attention_mask"],
                )  # fmt: skip
                assert torch.equal(batch.positions[:, spots], positions[:, 0])
            torch.testing.assert_close(logits[spots], expected, atol=2e-4, rtol=1e-3)


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
    assert torch.equal(batch.ids[batch.label_spots + 1], batch.labels)
    learnt = processor.tokenizer.decode(batch.labels)
    for words in dialogue.branches:
        for start, end, _ in words.answers:
            assert words.text[start:end] in learnt


def test_tokenizer_round_trips_any_text(processor: Any) -> None:
    for text in (
        "Wo ist der Kreis? Größe 12 px",
        "圆是什么颜色?",
        "🙂 a\n\n\tb  c",
        "AB12 KLMN",
        "<b>&amp;</b>",
    ):
        ids = processor.tokenizer(text)["input_ids"]
        assert processor.tokenizer.decode(ids, skip_special_tokens=False) == text


def test_digits_and_capitals_are_single_tokens(processor: Any) -> None:
    tokens = processor.tokenizer.tokenize('The text says "AB12KL".')
    assert [token for token in tokens if re.fullmatch(r"[A-Z0-9]", token)] == list("AB12KL")
    for token in processor.tokenizer.get_vocab():
        # After a space it may be a word: texts stand in quotation marks.
        assert token.startswith(("<|", "\u0120")) or not re.search(r"[A-Z]{2}|\d\d", token)
        assert not re.search(r"\d\d", token)


def test_a_shouted_question_is_about_as_long_as_another(processor: Any) -> None:
    asked = "Please tell me what colour the circle in the picture has?"
    usual, title, shouted = (
        len(processor.tokenizer.tokenize(text)) for text in (asked, asked.title(), asked.upper())
    )
    assert title == usual and shouted < usual + 6  # its first word is spelt


def test_a_tokenizer_that_learns_cased_words_reads_all_else_as_before() -> None:
    plain, cased = train_tokenizer(0), train_tokenizer()
    rng = random.Random(6)
    texts = [*answers.ALL, *(ask_about(make_picture(4, 5, rng), rng).answer for _ in range(200))]
    for text in texts:
        assert plain.tokenize(text) == cased.tokenize(text)
    assert with_cased_words(cased).get_vocab() == cased.get_vocab()


def test_a_model_keeps_what_it_knows_when_its_vocabulary_grows(tmp_path: Path) -> None:
    plain, cased = train_tokenizer(0), train_tokenizer()
    old = load_model(write_random_checkpoint(tmp_path, tokenizer=plain))
    new = with_vocabulary(old, plain, cased)
    text = "<|im_start|>user\nwhere is the circle?<|im_end|>"
    before, after = (model(**tok(text, return_tensors="pt")).logits[0] for model, tok in ((old, plain), (new, cased)))  # fmt: skip
    known = [cased.get_vocab()[token] for token in plain.convert_ids_to_tokens(range(len(plain)))]
    torch.testing.assert_close(after[:, known], before)
    rows = new.get_input_embeddings().weight
    quiet, loud = (rows[cased.convert_tokens_to_ids(f"\u0120{word}")] for word in ("circle", "CIRCLE"))  # fmt: skip
    torch.testing.assert_close(loud, 0.8 * quiet)


def test_every_question_has_ten_wordings() -> None:
    rng = random.Random(0)
    for kind in wordings.TRAINING:
        seen = {
            wordings.ask(
                kind, rng, x="circle", xs="circles", c="red", pic="picture 2", n="1", m="2"
            )
            for _ in range(300)
        }
        assert len(seen) >= 10, kind
        assert not any(mark in text for text in seen for mark in "{}[]|"), kind


def _meanings(kind: str) -> set[str]:
    """Everything that a kind of question can be worded as, but for case and punctuation."""
    found = set()
    for template in wordings.TRAINING[kind]:
        while macro := re.search(r"\[(\w+)\]", template):
            template = template.replace(macro[0], wordings.MACROS[macro[1]])
        found |= {re.sub(r"\s+", " ", text.lower()).strip(" .?!") for text in _choices(template)}
    return found


def _choices(template: str) -> set[str]:
    group = re.search(r"\(([^()]*)\)", template)
    if group is None:
        return {template}
    before, after = template[: group.start()], template[group.end() :]
    return set().union(*(_choices(before + one + after) for one in set(group[1].split("|"))))


@pytest.mark.parametrize(
    "kinds",
    [
        (*QUESTIONS, "locate", "point", *TALK),  # about one picture
        ("pick_describe", "pick_colour", "pick_shape", "pick_count", "pick_read", "which_picture", "describe_all",
         "count_pictures", *TALK),  # about several
        ("describe_clip", "direction", "colour", "shape", "count", "exists"),  # about a clip
        # After another question, where "what colour is it" is the same whichever list it comes from.
        (*wordings.FOLLOW_UPS, "locate", "point", *(kind for kind in QUESTIONS if kind != "colour_single")),
    ],
)  # fmt: skip
def test_no_question_means_two_things(kinds: tuple[str, ...]) -> None:
    asked: dict[str, str] = {}
    for kind in kinds:
        for text in _meanings(kind):
            assert asked.setdefault(text, kind) == kind, text


def test_the_pages_examples_are_asked_in_its_other_languages_too() -> None:
    rng, heard = random.Random(4), set[str]()
    for _ in range(4000):
        scene = make_picture(4, 4, rng)
        heard.add(abroad.question_of(ask_about(scene, rng), rng))
    star = exchange("which_picture", "Which one has the star?", "Picture 2 has the star.")
    circle = exchange("direction", "Where does it go?", "The circle moves to the right.")
    cat = exchange("photograph", "Where is the cat?", answers.PHOTOGRAPH)
    for asked in (star, circle, cat) * 400:
        heard.add(abroad.question_of(asked, rng))
    for texts in (CHINESE, KOREAN):
        assert set(texts.examples.values()) <= heard


def test_scenes_are_the_same_for_the_same_seed() -> None:
    one, other = (make_picture(5, 6, random.Random(3)) for _ in range(2))
    assert np.array_equal(one.frames, other.frames) and one.things == other.things


def test_boxes_lie_inside_and_answers_name_colour_and_shape() -> None:
    rng = random.Random(1)
    for _ in range(60):
        scene = make_picture(5, 5, rng)
        for thing in scene.things:
            x1, y1, x2, y2 = thing.box
            assert 0 <= x1 < x2 <= scene.width and 0 <= y1 < y2 <= scene.height
        if scene.photograph:
            continue
        described = ask_about(scene, rng, "describe").answer
        assert all(f"{thing.colour} {thing.kind}" in described for thing in scene.things)


def test_follow_up_about_the_other_one() -> None:
    rng = random.Random(2)
    found = 0
    for _ in range(400):
        scene = make_picture(5, 5, rng)
        kinds = {thing.kind for thing in scene.shapes}
        if len(scene.things) != 2 or len(kinds) != 2:
            continue
        first = ask_about(scene, rng, "colour")
        after = follow_up(scene, first, rng)
        if after and after.kind == "follow_up" and "other" in after.question.lower():
            other = next(thing for thing in scene.shapes if thing.kind not in first.answer)
            assert after.answer == f"The {other.kind} is {other.colour}."
            found += 1
    assert found


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


def test_each_character_of_an_answer_is_told_where_it_is(processor: Any) -> None:
    rng = random.Random(8)
    scene = next(s for s in (make_picture(6, 8, rng) for _ in range(200)) if s.text and len(s.text.text) == 4)  # fmt: skip
    words = Words("<|vision_start|><|image_pad|><|vision_end|>").answer(ask_about(scene, rng, "read"))  # fmt: skip
    row, *_ = encode_words(words, [scene], processor.tokenizer, 0, 0)
    assert scene.text
    letters = processor.tokenizer.convert_tokens_to_ids(list(scene.text.text))
    start = next(k for k in range(len(row.ids)) if row.ids[k : k + 4] == letters)
    sides = np.asarray((scene.width, scene.height) * 2)
    for number, (_, box) in enumerate(scene.text.characters):
        assert row.boxes[start + number] * sides == pytest.approx(box, abs=0.01)
    assert row.boxes[start + 4] * sides == pytest.approx(scene.text.box, abs=0.01)  # the end


def test_the_vision_tower_is_told_how_things_move_within_a_pair_of_frames() -> None:
    rng = random.Random(0)
    clips = [make_clip(1, 5, 5, rng) for _ in range(60)]
    ways = {(-1, 0): "left", (1, 0): "right", (0, -1): "up", (0, 1): "down", (0, 0): "still"}
    for clip in clips:
        moves = Dense.of(clip).moves
        moves = moves[~np.isnan(moves[:, 0])]
        furthest = moves[np.abs(moves).sum(-1).argmax()]
        x, y = (int(np.sign(side)) if abs(side) > 0.05 else 0 for side in furthest)
        assert ways[x, y] == clip.motion
    assert np.isnan(Dense.of(make_picture(5, 5, rng)).moves).all()


def test_the_vision_tower_is_told_the_characters_of_a_text_that_moves() -> None:
    rng, world = random.Random(5), replace(FULL, clip_texts=1.0)
    for clip in (make_clip(2, 6, 6, rng, world) for _ in range(20)):
        told = Dense.of(clip)
        kinds, boxes = told.kinds.reshape(2, 6, 6), told.boxes.reshape(2, 6, 6, 4)
        for pair in range(2):
            text = next(t for t in clip.frame_things[2 * pair + 1] if t.kind == "text")
            for character, (x1, y1, x2, y2) in text.characters:
                row, column = int((y1 + y2) / 2 // 28), int((x1 + x2) / 2 // 28)
                if x2 - x1 > 28 and y2 - y1 > 28:  # else a neighbour may cover more of the token
                    assert kinds[pair, row, column] == CLASSES[character]
                    middle = np.asarray([column, row, column, row]) + 0.5
                    assert (boxes[pair, row, column] + middle) * 28 == pytest.approx((x1, y1, x2, y2), abs=0.01)  # fmt: skip


def test_where_something_only_was_is_not_called_background() -> None:
    rng = random.Random(1)
    clip = next(c for c in (make_clip(1, 6, 6, rng) for _ in range(100))
                if len(c.things) == 1 and c.motion == "right" and c.frame_things[0][0].box[2] < c.frame_things[1][0].box[0] - 56)  # fmt: skip
    x1, y1, x2, y2 = clip.frame_things[0][0].box
    kinds = Dense.of(clip).kinds.reshape(6, 6)
    assert kinds[int((y1 + y2) / 2 // 28), int((x1 + x2) / 2 // 28)] == IGNORE


def test_pictures_of_one_conversation_have_sizes_of_their_own() -> None:
    rng = random.Random(2)
    talks = [make_dialogue("several", pick_grids(rng), rng, branches=2) for _ in range(20)]
    sizes = [{scene.grid for scene in talk.scenes} for talk in talks]
    assert sum(len(grids) > 1 for grids in sizes) > 10


def test_a_photograph_is_called_one_whatever_is_asked() -> None:
    rng = random.Random(3)
    talks = [make_dialogue("picture", pick_grids(rng, 36), rng) for _ in range(150)]
    photographs = [talk for talk in talks if talk.scenes[0].photograph]
    assert photographs
    for talk in photographs:
        for words in talk.branches:
            said = {words.text[a:b] for a, b, _ in words.answers if "<|im_end|>" not in words.text[a:b]}  # fmt: skip
            assert said == {answers.PHOTOGRAPH}


def test_training_draws_a_little_more_than_is_asked_about() -> None:
    rng = random.Random(4)
    narrow = [min(t.box[2] - t.box[0] for t in make_picture(3, 3, rng, world=world).shapes or [_WIDE])
              for world in (FULL, FULL.practised()) for _ in range(150)]  # fmt: skip
    assert min(narrow[150:]) < min(narrow[:150])
    flat, long = (
        [pick_grids(rng, world=world).picture for _ in range(400)]
        for world in (FULL, FULL.practised())
    )
    stretched = [
        sum(max(a, b) >= 2 * min(a, b) for a, b in grids if a * b > 20) for grids in (flat, long)
    ]
    assert stretched[0] < 8 and stretched[1] > 16


def test_it_names_how_to_load_a_full_checkpoint() -> None:
    for sentence in (answers.SELF, answers.REFUSAL, answers.PHOTOGRAPH):
        assert "--checkpoint-path Qwen/Qwen2-VL-2B-Instruct" in sentence
    assert names.plural("cross") == "crosses" and names.article("orange star") == "an orange star"


def test_training_resumes_after_a_kill_and_writes_a_checkpoint(tmp_path: Path) -> None:
    plan = Plan(
        tmp_path / "out", tmp_path / "state", steps=5, minutes=None, processes=1, batch_scale=0.1
    )
    train(plan)
    first = torch.load(plan.state / "state.pt", weights_only=True)
    assert first["step"] == 5
    train(replace(plan, steps=7))
    assert torch.load(plan.state / "state.pt", weights_only=True)["step"] == 7
    assert (plan.output / "model.safetensors").stat().st_size < 10_000_000


def test_texts_are_whole_and_lie_on_nothing() -> None:
    rng = random.Random(0)
    scenes = [make_picture(*pick_grids(rng).picture, rng) for _ in range(300)]
    scenes += [draw_scene(["text"], rng) for _ in range(300)]
    texts = [(scene, scene.text) for scene in scenes if scene.text]
    assert len(texts) > 350
    for scene, text in texts:
        x1, y1, x2, y2 = text.box
        assert 0 <= x1 < x2 <= scene.width and 0 <= y1 < y2 <= scene.height
        assert all(box[2] - box[0] > 2 for _, box in text.characters)
        assert not any(
            x1 < other.box[2] and other.box[0] < x2 and y1 < other.box[3] and other.box[1] < y2
            for other in scene.shapes
        )
