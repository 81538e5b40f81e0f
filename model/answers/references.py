"""Finds the image or video that a text refers to: "Picture 2", "the second image", "视频1", "두 번째 사진".

Numbers are those of the vision ids: images and videos apart, over the whole conversation, from 1.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from model.conversation import Conversation, Image, Video

Kind = Literal["image", "video"]
# Characters at the end of a question that are searched.
MAX_QUESTION_CHARACTERS = 4_000

_ORDINALS = {
    word: number
    for words in (
        "first second third fourth fifth sixth seventh eighth ninth tenth",
        "一 二 三 四 五 六 七 八 九 十",
        "첫 두 세 네 다섯 여섯 일곱 여덟 아홉 열",
    )
    for number, word in enumerate(words.split(), 1)
}
_NUMBER = rf"(?P<number>\d{{1,3}}|{'|'.join(_ORDINALS)})"
_NOUNS = [
    ("picture", "image", "photo", "video", "clip"),
    ("图片", "图像", "照片", "图", "视频"),
    ("사진", "그림", "이미지", "동영상", "영상", "비디오"),
]
_ENGLISH, _CHINESE, _KOREAN = (f"(?P<noun>{'|'.join(nouns)})" for nouns in _NOUNS)
_TYPES: dict[Kind, type[Image | Video]] = {"image": Image, "video": Video}
_CLIPS = ("video", "clip", "视频", "동영상", "영상", "비디오")
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # "In this picture 2 dogs" counts dogs; "image 1920x1080" and "video 1:23" name nothing either.
        rf"(?<!\bthis )(?<!\beach )\b{_ENGLISH}\s?(?:no\.|number|#)?\s?(?P<number>\d{{1,3}})\b(?![x×%]|[.,:]\d)",
        rf"\b{_NUMBER}(?:st|nd|rd|th)?\s{_ENGLISH}\b",
        rf"{_CHINESE}\s?{_NUMBER}(?![\d%]|[:：]\d)",
        rf"第\s?{_NUMBER}\s?[张个幅段]\s?{_CHINESE}",
        rf"{_KOREAN}\s?(?P<number>\d{{1,3}})(?![\d%]|:\d)",
        rf"{_NUMBER}\s?번(?:째)?\s?{_KOREAN}",
    )
]


@dataclass(frozen=True)
class Reference:
    """A reference to an item, written in `text[start:end]`. The item may not exist."""

    kind: Kind
    number: int
    start: int
    end: int


def references(text: str) -> list[Reference]:
    """Every image and video that a text names, in its order."""
    lower = text.lower()
    if not any(noun in lower for nouns in _NOUNS for noun in nouns):
        return []  # as good as always in a long list of boxes, and quicker
    found = (match for pattern in _PATTERNS for match in pattern.finditer(text))
    return [_reference(match) for match in sorted(found, key=lambda match: match.start())]


def _reference(match: re.Match[str]) -> Reference:
    number = match["number"].lower()
    return Reference(
        "video" if match["noun"].lower() in _CLIPS else "image",
        int(number) if number.isdecimal() else _ORDINALS[number],
        *match.span(),
    )


def spoken_of(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[Reference | None]:
    """Return the reference that each of these parts of `text` belongs to, in order."""
    named = references(text)
    if not named:
        yield from (None for _ in spans)
        return
    starts, ends = [r.start for r in named], [r.end for r in named]
    lines = [0, *(newline.end() for newline in re.finditer("\n", text)), len(text) + 1]
    for start, end in spans:
        line, line_end = lines[bisect_right(lines, start) - 1], lines[bisect_right(lines, end)]
        first = spans[bisect_left(spans, (line, 0))]
        leads = _nth(named, bisect_left(starts, line))
        within = _nth(named, bisect_left(starts, start))
        after = _nth(named, bisect_left(starts, end))
        if within and within.end <= end:
            yield within
        # The next one on a line that begins with one of the parts and not with a reference.
        elif after and after.end < line_end and leads and leads.start >= first[1]:
            yield after
        else:
            yield _nth(named, bisect_right(ends, start) - 1)


def _nth(named: Sequence[Reference], place: int) -> Reference | None:
    return named[place] if 0 <= place < len(named) else None


def subject(conversation: Conversation, kind: Kind) -> int | None:
    """The number of the picture or clip that the latest question is about, if there is one."""
    return next(reversed(subjects(conversation, kind)), None)


def subjects(conversation: Conversation, kind: Kind) -> list[int | None]:
    """Return, for each message, the number of the item that the latest question until then is about."""
    found: list[int | None] = []
    shown, latest = 0, None
    for message in conversation.messages:
        if message.role == "user":
            brought = sum(isinstance(item, _TYPES[kind]) for item in message.media)
            shown += brought
            named = [
                r.number for r in _asked(message.text[-MAX_QUESTION_CHARACTERS:]) if r.kind == kind
            ]
            if known := [number for number in named if 1 <= number <= shown]:
                latest = known[-1]
            elif brought:
                latest = shown
            elif kind == "image" and message.media:
                latest = None
        found.append(latest)
    return found


@lru_cache(maxsize=1024)
def _asked(text: str) -> tuple[Reference, ...]:
    """Questions stay as they are, and are read again at each update of an answer."""
    return tuple(references(text))
