"""What the tiny world draws, and what the vision tower is told about it."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from tools.tiny import names
from tools.tiny.canvas import Pen, draw_polygon
from tools.tiny.dense import CLASSES, IGNORE, MAX_THINGS, NOTHING, Dense
from tools.tiny.dialogue import make_dialogue, pick_grids
from tools.tiny.exam.second_renderer import draw_scene
from tools.tiny.questions import ask_about
from tools.tiny.scene import FULL, Scene, Thing, make_clip, make_picture
from tools.tiny.world import WORLDS

pytestmark = pytest.mark.slow

FIRST = WORLDS["first"]
_WIDE = Thing("circle", "red", (0.0, 0.0, 999.0, 999.0))


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


def test_the_vision_tower_is_told_how_things_move_within_a_pair_of_frames() -> None:
    rng = random.Random(0)
    clips = [make_clip(1, 5, 5, rng, FIRST) for _ in range(60)]
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
        kinds, boxes = told.things.reshape(2, 6, 6), told.boxes.reshape(2, 6, 6, 4)
        for pair in range(2):
            text = next(t for t in clip.frame_things[2 * pair + 1] if t.kind == "text")
            for character, (x1, y1, x2, y2) in text.characters:
                row, column = int((y1 + y2) / 2 // 28), int((x1 + x2) / 2 // 28)
                if x2 - x1 > 28 and y2 - y1 > 28:  # else a neighbour may cover more of the token
                    assert kinds[pair, row, column] == CLASSES[character]
                    middle = np.asarray([column, row, column, row]) + 0.5
                    assert (boxes[pair, row, column] + middle) * 28 == pytest.approx((x1, y1, x2, y2), abs=0.01)  # fmt: skip


def test_in_a_clip_nothing_covers_anything_and_things_are_named_from_left_to_right() -> None:
    rng, world = random.Random(6), replace(FULL, clip_company=1.0)
    clips = [make_clip(pairs, 5, 5, rng, world) for pairs in (1, 2, 4) for _ in range(60)]
    pairs = [clip for clip in clips if len(clip.things) == 2]
    assert len(pairs) > 150
    for clip in pairs:
        assert clip.things[0].centre[0] < clip.things[1].centre[0]
        for one, other in clip.frame_things:
            (a1, b1, a2, b2), (c1, d1, c2, d2) = one.box, other.box
            assert a2 <= c1 or c2 <= a1 or b2 <= d1 or d2 <= b1
        still = [{frame[index].box for frame in clip.frame_things} for index in (0, 1)]
        assert len(still[1 - clip.mover]) == 1
        assert (len(still[clip.mover]) > 1) is (clip.motion != "still")


def test_where_something_only_was_is_not_called_background() -> None:
    rng = random.Random(1)
    clip = next(c for c in (make_clip(1, 6, 6, rng) for _ in range(600))
                if len(c.things) == 1 and c.motion == "right" and c.frame_things[0][0].box[2] < c.frame_things[1][0].box[0] - 56)  # fmt: skip
    x1, y1, x2, y2 = clip.frame_things[0][0].box
    kinds = Dense.of(clip).things.reshape(6, 6)
    assert kinds[int((y1 + y2) / 2 // 28), int((x1 + x2) / 2 // 28)] == IGNORE


def test_pictures_of_one_conversation_have_sizes_of_their_own() -> None:
    rng = random.Random(2)
    talks = [make_dialogue("several", pick_grids(rng), rng, branches=2) for _ in range(20)]
    sizes = [{scene.grid for scene in talk.scenes} for talk in talks]
    assert sum(len(grids) > 1 for grids in sizes) > 10


def test_training_draws_a_little_more_than_is_asked_about() -> None:
    rng = random.Random(4)
    narrow = [min(t.box[2] - t.box[0] for t in make_picture(3, 3, rng, world=world).shapes or [_WIDE])
              for world in (FULL, FULL.practised()) for _ in range(150)]  # fmt: skip
    assert (
        sum(width < 20 for width in narrow[:150]) < 12 < sum(width < 20 for width in narrow[150:])
    )
    lost = [min(t.box[2] - t.box[0] for t in make_picture(14, 14, rng, world=world).shapes or [_WIDE])
            for world in (FULL, FULL.practised()) for _ in range(150)]  # fmt: skip
    assert sum(width < 55 for width in lost[:150]) < 12 < sum(width < 55 for width in lost[150:])
    flat, long = (
        [pick_grids(rng, world=world).picture for _ in range(400)]
        for world in (FULL, FULL.practised())
    )
    stretched = [
        sum(max(a, b) >= 2 * min(a, b) for a, b in grids if a * b > 20) for grids in (flat, long)
    ]
    assert stretched[0] < 8 and stretched[1] > 16
    large = [sum(a * b > 110 for a, b in grids) for grids in (flat, long)]
    assert large[0] < 28 < large[1]
    alone, beside = (
        sum(len(make_clip(2, 4, 4, rng, world=world).things) == 2 for _ in range(300))
        for world in (FULL, FULL.practised())
    )
    assert alone < 120 < beside


def test_training_draws_more_photographs() -> None:
    rng = random.Random(8)
    drawn, taken = (
        [make_picture(3, 3, rng, world=world).photograph for _ in range(50)]
        for world in (replace(FULL, photographs=0.0), replace(FULL, photographs=1.0))
    )
    assert not any(drawn) and all(taken)
    assert FULL.photographs < FULL.practised().photographs


def test_training_draws_more_pictures_whose_shapes_are_of_two_kinds_at_most() -> None:
    rng = random.Random(7)
    different, alike = (
        [len({t.kind for t in make_picture(6, 6, rng, world=world).shapes}) for _ in range(100)]
        for world in (replace(FULL, alike=0.0), replace(FULL, alike=1.0))
    )
    assert max(alike) == 2 < max(different)
    assert FULL.alike < FULL.practised().alike


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


def test_the_vision_tower_is_told_which_from_the_left_everything_is() -> None:
    rng = random.Random(7)
    scenes = [make_picture(8, 9, rng) for _ in range(60)]
    for scene in scenes:
        told = Dense.of(scene)
        shown = told.orders != IGNORE
        assert np.array_equal(shown, told.colours != IGNORE)
        across = told.boxes[:, [0, 2]].sum(-1) / 2 + np.tile(np.arange(9), 8)  # the middle of each
        middles = [across[told.orders == k].min() for k in range(MAX_THINGS) if (told.orders == k).any()]  # fmt: skip
        texts = {k for k, thing in enumerate(scene.things) if thing.kind == "text"}
        if not texts:
            assert middles == sorted(middles)
        assert np.array_equal(told.letters != IGNORE, np.isin(told.orders, list(texts)))
    text = next(s for s in scenes if s.text and len(s.things) == 1 and len(s.text.text) == 4)
    told = Dense.of(text)
    named = [CLASSES[character] for character in text.text.text] if text.text else []
    for number, kind in zip(told.letters, told.things, strict=True):
        assert number == IGNORE or kind == named[number]


def test_a_thing_grows_or_shrinks_where_it_is() -> None:
    rng, world = random.Random(3), replace(FULL, growing=1.0, clip_texts=0.0)
    clips = [make_clip(3, 5, 5, rng, world) for _ in range(30)]
    assert {clip.motion for clip in clips} == {"grow", "shrink"}
    for clip in clips:
        shown = [frame[clip.mover] for frame in clip.frame_things]
        areas = [thing.area for thing in shown]
        assert areas == sorted(areas, reverse=clip.motion == "shrink")
        assert max(areas) > 1.8 * min(areas)
        (x1, y1), (x2, y2) = shown[0].centre, shown[-1].centre
        assert abs(x1 - x2) < 3 and abs(y1 - y2) < 3
    assert make_clip(3, 5, 5, rng, FIRST).motion not in ("grow", "shrink")


def _overlap(one: Thing, other: Thing) -> float:
    """Of the smaller box, how much lies in the other; 0 to 1."""
    wide = min(one.box[2], other.box[2]) - max(one.box[0], other.box[0])
    tall = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    return max(0.0, wide) * max(0.0, tall) / min(one.area, other.area)


def test_one_thing_may_cover_a_part_of_another_but_not_most_of_it() -> None:
    rng = random.Random(4)
    apart, over = (
        [max(_overlap(a, b) for a, b in combinations(s.things, 2))
         for s in (make_picture(6, 6, rng, world=world) for _ in range(300)) if len(s.shapes) > 1]
        for world in (replace(FULL, overlaps=0.0), replace(FULL, overlaps=1.0))
    )  # fmt: skip
    assert max(apart) < 0.05
    assert sum(part > 0.05 for part in over) > 25 and max(over) < 0.5


def test_shapes_on_a_photograph_are_a_drawing() -> None:
    rng, world = random.Random(5), replace(FULL, on_photographs=1.0, photographs=0.0, texts=False)
    scenes = [make_picture(6, 6, rng, world=world) for _ in range(30)]
    shown = [scene for scene in scenes if scene.things]
    assert len(shown) > 20 and not any(scene.photograph or scene.background for scene in shown[:5])


def test_the_wider_world_has_more_colours_more_things_and_words() -> None:
    rng = random.Random(6)
    for world, colours, most in ((FULL, names.COLOURS, 6), (FIRST, names.FIRST_COLOURS, 4)):
        scenes = [make_picture(9, 9, rng, world=world) for _ in range(400)]
        assert {thing.colour for scene in scenes for thing in scene.things} == set(colours)
        assert max(len(scene.shapes) for scene in scenes) == most
        assert all(scene.palette == colours for scene in scenes if not scene.photograph)
        texts = [scene.text.text for scene in scenes if scene.text]
        assert (max(map(len, texts)) > 5) is (world is FULL) is any(" " in text for text in texts)


def test_the_vision_tower_is_told_o_as_0_and_nothing_of_the_space_between_words() -> None:
    thing = Thing("text", "red", (0, 0, 140, 28), "NO I", tuple(
        (character, (28.0 * k, 0.0, 28.0 * k + 28, 28.0)) for k, character in enumerate("NO I")))  # fmt: skip
    told = Dense.of(Scene(np.zeros((1, 28, 112, 3), np.uint8), (thing,)))
    assert told.things.tolist() == [CLASSES["N"], CLASSES["0"], NOTHING, CLASSES["1"]]


def test_a_scribble_leaves_paper_between_its_lines_and_a_ball_is_lit_from_one_side() -> None:
    def painted(pen: Pen) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        pixels = np.full((120, 120, 3), 255, np.float32)
        square = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
        draw_polygon(pixels, square, 60, 60, 40, pen)
        return pixels[30:90, 30:90, 1]  # red paint has no green

    red = (200, 0, 0)
    assert (painted(Pen(red, None, 0.0, True)) < 50).all()
    scribbled = painted(Pen(red, None, 0.0, True, hatch=(0.7, 10.0, 5.0)))
    assert 0.3 < (scribbled < 50).mean() < 0.55 < (scribbled < 250).mean() < 0.8
    ball = painted(Pen(red, None, 0.0, True, shading=70, ball=True))
    assert ball[:30, :30].mean() > ball[30:, 30:].mean() + 10
