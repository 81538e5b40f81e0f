"""Boxes come out of every format as they went in."""

from __future__ import annotations

import json

import pytest

from model.grounding import Box, Point
from model.reproduce.annotations.boxes import AnnotatedImage, coco, label_studio, yolo

BOATS = AnnotatedImage(
    "1-boats.png",
    (640, 480),
    (Box("red boat", 64, 96, 192, 192), Point("mast", 320, 120), Box("", 0, 0, 640, 480)),
)
EMPTY = AnnotatedImage("2-sea.png", (100, 50), (Box("red boat", 10, 10, 10, 40),))
DOGS = AnnotatedImage(
    "3-dogs.png", (100, 50), (Box('a "dog": 狗', 1, 2, 4, 7), Box("red boat", 0, 0, 1, 1))
)
IMAGES = (BOATS, EMPTY, DOGS)


def test_coco_has_boxes_by_their_left_upper_corner_and_size() -> None:
    made = json.loads(json.dumps(coco(IMAGES)))
    names = {category["id"]: category["name"] for category in made["categories"]}
    files = {image["id"]: image for image in made["images"]}
    assert [image["file_name"] for image in made["images"]] == [image.name for image in IMAGES]
    assert (files[1]["width"], files[1]["height"]) == (640, 480)
    assert len({one["id"] for one in made["annotations"]}) == 4
    back = []
    for one in made["annotations"]:
        left, top, width, height = one["bbox"]
        assert one["area"] == width * height and one["iscrowd"] == 0
        back.append(
            (one["image_id"], Box(names[one["category_id"]], left, top, left + width, top + height))
        )
    assert back == [
        (1, Box("red boat", 64, 96, 192, 192)),
        (1, Box("object", 0, 0, 640, 480)),
        (3, Box('a "dog": 狗', 1, 2, 4, 7)),
        (3, Box("red boat", 0, 0, 1, 1)),
    ]


def test_yolo_has_boxes_by_their_middle_as_shares_of_the_image() -> None:
    files = yolo(IMAGES)
    head = json.loads(files["data.yaml"])
    assert files["data.yaml"].isascii() and head["nc"] == len(head["names"])
    assert head["names"] == ["red boat", "object", 'a "dog": 狗']
    assert files["labels/2-sea.txt"] == "", "an image without boxes is one, too"
    for image in (BOATS, DOGS):
        lines = files[f"labels/{image.name[:-4]}.txt"].splitlines()
        for line, box in zip(lines, image.boxes, strict=True):
            category, *shares = line.split()
            x, y, width, height = map(float, shares)
            assert head["names"][int(category)] == (box.label or "object")
            sides = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            found = [side * whole for side, whole in zip(sides, image.size * 2, strict=True)]
            assert found == pytest.approx([box.x1, box.y1, box.x2, box.y2], abs=1e-3)


def test_label_studio_has_places_in_percent() -> None:
    task = json.loads(json.dumps(label_studio(IMAGES)))[0]
    assert task["data"] == {"image": "1-boats.png"}
    box, point, _ = task["predictions"][0]["result"]
    assert (box["original_width"], box["original_height"], box["type"]) == (
        640,
        480,
        "rectanglelabels",
    )
    assert box["value"] == {
        "x": 10, "y": 20, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["red boat"]
    }  # fmt: skip
    assert (point["type"], point["value"]["x"], point["value"]["y"]) == ("keypointlabels", 50, 25)
    assert point["value"]["keypointlabels"] == ["mast"]


def test_nothing_found_is_a_valid_file() -> None:
    assert coco([]) == {"images": [], "categories": [], "annotations": []}
    assert list(yolo([])) == ["data.yaml"] and label_studio([]) == []
