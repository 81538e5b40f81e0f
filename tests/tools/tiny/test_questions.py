"""What the tiny world asks and answers: in many wordings, none of which means two things."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys

import numpy as np
import pytest

from tests.support.project import ROOT
from tools.tiny import names
from tools.tiny.dialogue import make_dialogue, pick_grids
from tools.tiny.exam import people
from tools.tiny.lettering import some_word
from tools.tiny.other_questions import (
    OFFERED,
    ask_a_tool,
    ask_about_clip,
    follow_up,
    tool_offer,
)
from tools.tiny.questions import ask_about, possible
from tools.tiny.references import foremost
from tools.tiny.scene import Scene, Thing, make_clip, make_picture
from tools.tiny.several_questions import ask_about_several
from tools.tiny.wordings import ENGLISH, LANGUAGES, language
from ui.text.chinese import CHINESE
from ui.text.korean import KOREAN

pytestmark = pytest.mark.slow

FOLLOW_UPS = tuple(ENGLISH.table["follow_ups"])
TALK = ("hello", "thanks", "bye", "self", "refuse")
QUESTIONS = ("describe", "colour", "colour_single", "shape", "shape_single", "count", "count_by", "where", "exists",
             "is_colour", "locate_all", "read", "background", "colours", "colour_word", "shape_word", "left_of", "right_of",
             "above", "below", "leftmost", "rightmost", "topmost", "bottommost", "biggest", "smallest")  # fmt: skip


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_question_has_several_wordings(name: str) -> None:
    rng, words = random.Random(0), language(name)
    slots = {"x": words.name("circle"), "xs": "circles", "c": words.name("red"), "pic": "picture 2", "n": "1", "m": "2"}  # fmt: skip
    for kind in words.questions:
        seen = {words.ask(kind, rng, **slots) for _ in range(300)}
        assert len(seen) >= 10, kind
        assert not any(mark in text for text in seen for mark in "{}[]|"), kind


def _meanings(kind: str, name: str = "english") -> set[str]:
    """Everything that a kind of question can be worded as, but for case and punctuation."""
    words, found = language(name), set()
    for template in words.questions[kind]:
        while macro := re.search(r"\[(\w+)\]", template):
            template = template.replace(macro[0], words.table["macros"][macro[1]])
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
        (*QUESTIONS, "locate", "get_date", "crop"),  # where tools are offered
        # After another question, where "what colour is it" is the same whichever list it comes from.
        (*FOLLOW_UPS, "locate", "point", *(kind for kind in QUESTIONS if kind != "colour_single")),
    ],
)  # fmt: skip
def test_no_question_means_two_things(kinds: tuple[str, ...]) -> None:
    asked: dict[str, str] = {}
    for kind in kinds:
        for text in _meanings(kind):
            assert asked.setdefault(text, kind) == kind, text


@pytest.mark.parametrize("name", LANGUAGES[1:])
def test_no_question_means_two_things_in_another_language(name: str) -> None:
    asked: dict[str, str] = {}
    for kind in language(name).questions:
        # Asked of a photograph, the answer says that it is one.
        for text in _meanings(kind, name) if kind != "photograph" else ():
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
    rng = random.Random(4)
    for texts, name in ((CHINESE, "chinese"), (KOREAN, "korean")):
        words, heard = language(name), set[str]()
        names_asked = {"which_picture": "star", "direction": "circle"}
        for kind in ("photograph", "which_picture", "direction"):
            x = words.name(names_asked.get(kind, "star"))
            heard |= {words.ask(kind, rng, x=x) for _ in range(1500)}
        # The others are in English there, or for larger checkpoints.
        assert {texts.examples[name] for name in ("cat", "which", "clip")} <= heard


SCRIPTS = {"chinese": r"[\u4e00-\u9fff]", "korean": r"[\uac00-\ud7a3]"}


@pytest.mark.parametrize("name", LANGUAGES[1:])
def test_a_question_is_answered_in_its_language(name: str) -> None:
    rng, words = random.Random(name), language(name)
    scenes = [make_picture(7, 8, rng) for _ in range(60)]
    drawn = [scene for scene in scenes if not scene.photograph]
    said = [ask_about(scene, rng, language=words) for scene in scenes for _ in range(8)]
    said += [ask_about_clip(make_clip(2, 5, 5, rng), rng, language=words) for _ in range(40)]
    said += [ask_about_several(drawn[:3], rng, "which_picture", language=words) for _ in range(20)]
    for exchange in said:
        assert re.search(SCRIPTS[name], exchange.question), exchange
        assert re.search(SCRIPTS[name], exchange.answer), exchange
        assert not re.search(r"[a-z]", exchange.answer), exchange
    assert len({exchange.kind for exchange in said}) > 10


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_answer_can_be_said(name: str) -> None:
    words = language(name)
    keys = set(ENGLISH.answers) if words.english else set(words.questions) & set(ENGLISH.answers)
    assert keys - {"direction"} <= set(words.answers)
    for key in words.answers:
        said = words.say(key, x="x", y="y", c="c", n=2, xs="xs", place="p")
        assert "{" not in "".join(said)


def _scene(*things: tuple[str, str, tuple[float, float, float, float]]) -> Scene:
    """A picture of 200 by 200 pixels with (shape, colour, box) in it."""
    placed = tuple(Thing(kind, colour, box) for kind, colour, box in things)
    return Scene(np.zeros((1, 196, 196, 3), np.uint8), placed)


LEFT, RIGHT, LOW = (10, 60, 60, 110), (120, 60, 190, 130), (60, 140, 100, 180)


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("left_of", {"The red circle is left of the square.", "The red circle is left of the blue square.",
                     "The red circle is left of the blue shape.", "There is nothing there."}),
        ("right_of", {"The blue square is right of the circle.", "The blue square is right of the red circle.",
                      "The blue square is right of the red shape.", "There is nothing there."}),
        ("leftmost", {"The red circle is furthest to the left."}),
        ("rightmost", {"The blue square is furthest to the right."}),
        ("biggest", {"The blue square is the biggest."}),
        ("smallest", {"The red circle is the smallest."}),
        ("colours", {"The colours are red and blue."}),
        ("colour_word", {"Red.", "Blue."}),
    ],
)  # fmt: skip
def test_what_lies_where_and_how_large_it_is(kind: str, answers: set[str]) -> None:
    scene, rng = _scene(("circle", "red", LEFT), ("square", "blue", RIGHT)), random.Random(kind)
    assert kind in possible(scene)
    assert {ask_about(scene, rng, kind).answer for _ in range(60)} == answers


def test_above_and_below_are_asked_where_they_are_clear() -> None:
    beside = _scene(("circle", "red", LEFT), ("square", "blue", RIGHT))
    assert foremost(beside, "topmost") is None and "topmost" not in possible(beside)
    below = _scene(("circle", "red", LEFT), ("star", "green", LOW))
    assert (
        ask_about(below, random.Random(1), "bottommost").answer
        == "The green star is at the bottom."
    )
    assert "below" in possible(below)
    several = _scene(("circle", "red", LEFT), ("square", "blue", RIGHT), ("star", "green", LOW))
    answers = {ask_about(several, random.Random(k), "above").answer for k in range(40)}
    assert not any("star." in answer for answer in answers)  # two things lie above it


def test_a_tool_is_called_in_the_familys_format_when_it_is_offered() -> None:
    rng, called = random.Random(9), set[str]()
    scene = _scene(("circle", "red", LEFT), ("square", "blue", RIGHT))
    for _ in range(60):
        offer, offered = tool_offer(rng)
        assert all(f'"name": "{name}"' in offer for name in offered) and set(offered) & set(OFFERED)
        asked = ask_a_tool(scene, rng, offered)
        assert asked is not None
        call = json.loads(asked.answer.removeprefix("<tool_call>\n").removesuffix("\n</tool_call>"))
        assert call["name"] in offered
        called.add(call["name"])
        if call["name"] == "crop":
            assert call["arguments"]["bbox_2d"] in ([51, 306, 306, 561], [612, 306, 969, 663])
        else:
            assert call["arguments"] == {}
    assert called == set(OFFERED)


def test_words_are_as_long_as_there_is_room_and_none_that_is_examined() -> None:
    rng = random.Random(5)
    examined = {
        word for kind in ("words_5", "words_6_8", "two_words") for word in people.texts(kind)
    }
    assert not examined & set(ENGLISH.table["words"].split())
    for most in range(1, 14):
        words = [some_word(most, rng) for _ in range(200)]
        assert all(len(word) <= min(most, names.MAX_CHARACTERS) for word in words)
        assert (most < 3) is not any(words)
    assert any(" " in word for word in words) and any(len(word) == 8 for word in words)


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
    photograph = {language(name).say("photograph") for name in LANGUAGES}
    for talk in photographs:
        for words in talk.branches:
            said = {words.text[a:b] for a, b, _ in words.answers if "<|im_end|>" not in words.text[a:b]}  # fmt: skip
            assert said <= photograph and said


def test_it_names_how_to_load_a_full_checkpoint() -> None:
    assert "--checkpoint-path Qwen/Qwen2-VL-2B-Instruct" in ENGLISH.say("self")


def test_what_it_cannot_do_it_says_in_one_short_sentence() -> None:
    for name in LANGUAGES:
        for key in ("refuse", "photograph"):
            said = language(name).say(key)
            assert len(re.findall(r"[.。]", said)) == 1 and len(said.split()) <= 20


def test_articles_and_particles_fit_the_word_beside_them() -> None:
    assert ENGLISH.say("a_thing", c="orange", x="star") == "an orange star"
    korean = language("korean")
    assert korean.say("exists", x="별") == "네, 별이 있습니다."
    assert korean.say("exists", x="십자") == "네, 십자가 있습니다."
