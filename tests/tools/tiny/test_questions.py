"""What the tiny world asks and answers: in many wordings, none of which means two things."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys

import pytest

from tests.support.project import ROOT
from tools.tiny import abroad, answers, names, wordings
from tools.tiny.dialogue import make_dialogue, pick_grids
from tools.tiny.exchange import exchange
from tools.tiny.follow_ups import follow_up
from tools.tiny.questions import ask_about
from tools.tiny.scene import make_picture
from ui.text.chinese import CHINESE
from ui.text.korean import KOREAN

pytestmark = pytest.mark.slow

TALK = ("hello", "thanks", "bye", "self", "refuse")
QUESTIONS = ("describe", "colour", "colour_single", "shape", "shape_single", "count", "count_by", "where", "exists",
             "is_colour", "locate_all", "read", "background")  # fmt: skip


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


def test_what_counts_is_asked_more_often_where_there_is_more_to_count() -> None:
    rng = random.Random(3)
    asked: dict[int, list[bool]] = {1: [], 4: []}
    while len(asked[4]) < 300:
        scene = make_picture(6, 6, rng)
        if len(scene.shapes) in asked and not scene.photograph:
            kinds = [ask_about(scene, rng).kind for _ in range(10)]
            asked[len(scene.shapes)] += [kind == "count_by" for kind in kinds]
    few, many = (sum(hits) / len(hits) for hits in asked.values())
    assert many > 2 * few > 0


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


def test_a_seed_gives_the_same_questions_in_every_process() -> None:
    script = (
        "import random; from tools.tiny.scene import make_picture; "
        "from tools.tiny.several_questions import ask_about_several; rng = random.Random(5); "
        "scenes = [make_picture(6, 6, rng) for _ in range(4)]; "
        "print([ask_about_several(scenes, rng, 'which_picture').question for _ in range(40)])"
    )
    one, other = (
        subprocess.check_output(
            [sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed}, cwd=ROOT
        )
        for seed in ("1", "2")
    )
    assert one == other and b"?" in one


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


def test_a_list_points_at_its_next_thing_before_it_names_it() -> None:
    rng = random.Random(11)
    scene = next(s for s in (make_picture(8, 8, rng) for _ in range(100)) if len(s.things) == 3)
    spans = ask_about(scene, rng, "describe").spans
    leading = [(span.text, span.target and span.target.thing) for span in spans
               if span.text in (", ", " and ")]  # fmt: skip
    assert leading == [(", ", 1), (" and ", 2)]


def test_a_photograph_is_called_one_whatever_is_asked() -> None:
    rng = random.Random(3)
    talks = [make_dialogue("picture", pick_grids(rng, 36), rng) for _ in range(150)]
    photographs = [talk for talk in talks if talk.scenes[0].photograph]
    assert photographs
    for talk in photographs:
        for words in talk.branches:
            said = {words.text[a:b] for a, b, _ in words.answers if "<|im_end|>" not in words.text[a:b]}  # fmt: skip
            assert said == {answers.PHOTOGRAPH}


def test_it_names_how_to_load_a_full_checkpoint() -> None:
    for sentence in (answers.SELF, answers.REFUSAL, answers.PHOTOGRAPH):
        assert "--checkpoint-path Qwen/Qwen2-VL-2B-Instruct" in sentence
    assert names.plural("cross") == "crosses" and names.article("orange star") == "an orange star"
