"""Boxes of answers in the formats of COCO, YOLO and Label Studio. Points are in that of Label Studio only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from model.grounding import Box, Point

UNNAMED = "object"  # the category of boxes without a label
POINT_PERCENT = 0.5  # of the width: how large Label Studio shows a point


@dataclass(frozen=True)
class AnnotatedImage:
    """An image with what answers say of it. name: of its file; size: (width, height) in pixels, as it was attached."""

    name: str
    size: tuple[int, int]
    places: tuple[Box | Point, ...]

    @property
    def boxes(self) -> list[Box]:
        """Those with an area."""
        boxes = (place for place in self.places if isinstance(place, Box))
        return [box for box in boxes if box.x1 < box.x2 and box.y1 < box.y2]


def coco(images: Sequence[AnnotatedImage]) -> dict[str, Any]:
    """The object of an annotation file of COCO: ids count from 1, boxes are [left, top, width, height] in pixels."""
    names = categories(images)
    annotations = [
        {
            "image_id": number,
            "category_id": names.index(box.label or UNNAMED) + 1,
            "bbox": [box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1],
            "area": (box.x2 - box.x1) * (box.y2 - box.y1),
            "iscrowd": 0,
        }
        for number, image in enumerate(images, 1)
        for box in image.boxes
    ]
    return {
        "images": [
            {"id": n, "file_name": image.name, "width": image.size[0], "height": image.size[1]}
            for n, image in enumerate(images, 1)
        ],
        "categories": [{"id": n, "name": name} for n, name in enumerate(names, 1)],
        "annotations": [{"id": n} | annotation for n, annotation in enumerate(annotations, 1)],
    }


def yolo(images: Sequence[AnnotatedImage]) -> dict[str, str]:
    """The text files of a data set of YOLO, by name: `data.yaml`, and `labels/NAME.txt` for each image.

    A line is the category, from 0, with the middle, width and height of a box as shares of the image. The stems of the
    images' names must differ.
    """
    names = categories(images)
    # JSON is YAML, whatever characters a name has.
    head = {"path": ".", "train": "images", "val": "images", "nc": len(names), "names": names}
    files = {"data.yaml": json.dumps(head, ensure_ascii=True) + "\n"}
    for image in images:
        width, height = image.size
        lines = [
            f"{names.index(box.label or UNNAMED)} {(box.x1 + box.x2) / 2 / width:.6f} {(box.y1 + box.y2) / 2 / height:.6f} "
            f"{(box.x2 - box.x1) / width:.6f} {(box.y2 - box.y1) / height:.6f}\n"
            for box in image.boxes
        ]
        files[f"labels/{PurePosixPath(image.name).stem}.txt"] = "".join(lines)
    return files


def label_studio(images: Sequence[AnnotatedImage]) -> list[dict[str, Any]]:
    """Tasks to import into Label Studio, with the places as predictions, which people correct.

    They fit a labelling interface with `RectangleLabels name="box"` and `KeyPointLabels name="point"` for an
    `Image name="image"`. Places are in percent.
    """
    return [
        {
            "data": {"image": image.name},
            "predictions": [{"result": [_region(place, image.size) for place in image.places]}],
        }
        for image in images
    ]


def _region(place: Box | Point, size: tuple[int, int]) -> dict[str, Any]:
    width, height = size
    label = [place.label or UNNAMED]
    if isinstance(place, Point):
        name, kind = "point", "keypointlabels"
        value: dict[str, Any] = {
            "x": 100 * place.x / width,
            "y": 100 * place.y / height,
            "width": POINT_PERCENT,
        }
    else:
        name, kind = "box", "rectanglelabels"
        value = {
            "x": 100 * place.x1 / width,
            "y": 100 * place.y1 / height,
            "width": 100 * (place.x2 - place.x1) / width,
            "height": 100 * (place.y2 - place.y1) / height,
            "rotation": 0,
        }
    return {
        "from_name": name,
        "to_name": "image",
        "type": kind,
        "original_width": width,
        "original_height": height,
        "value": value | {kind: label},
    }


def categories(images: Sequence[AnnotatedImage]) -> list[str]:
    """The names of the boxes, each once, in the order in which they occur."""
    return list(dict.fromkeys(box.label or UNNAMED for image in images for box in image.boxes))
