"""Files that strangers attach: hostile, damaged, mistaken or merely unusual, each made on the spot.

A `Case` says what is right: how the model sees the file, or what the person is told and when.
"""

from __future__ import annotations

from tests.support.hostile_files import advisories, clips, disguises, pictures
from tests.support.hostile_files.case import Case


def cases() -> list[Case]:
    return [
        *pictures.formats(),
        *pictures.turned(),
        *pictures.colours(),
        *pictures.animations(),
        *pictures.profiles(),
        *pictures.extreme_sizes(),
        *pictures.declared_sizes(),
        *disguises.wrong_names(),
        *pictures.damaged(),
        *pictures.bombs(),
        *disguises.strange_formats(),
        *clips.unusual(),
        *clips.turned(),
        *clips.lying(),
        *clips.damaged(),
        *clips.without_pictures(),
        *disguises.playlists(),
        *clips.bombs(),
        *advisories.cases(),
    ]
