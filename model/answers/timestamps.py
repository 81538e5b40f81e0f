"""Finds times in an answer about a video: `1:23`, `00:01:23.5`, `83 s`, `1 min 23 s`, `0:10-0:20`, `第12秒`.

Answers are untrusted and full of what only looks like a moment. What could as well be a score, a ratio, the
time of day, a version or how long something lasts is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Characters around a time that are searched for words that say what it is.
CONTEXT_CHARACTERS = 40
# Not within a longer number, name or version, and not an amount of money.
_CLEAR = r"(?<![A-Za-z\d_.:：$€£¥₩#])(?<!\d,)(?<![$€£¥₩] )"
_NUMBER = r"\d{1,5}(?:\.\d{1,6})?"
_CLOCK = re.compile(
    rf"{_CLEAR}(?:(?P<h>\d{{1,2}})[:：](?P<hm>[0-5]\d)|(?P<m>\d{{1,3}}))[:：]"
    r"(?P<s>[0-5]\d(?:[.,]\d{3}(?!\d)|\.\d{1,6})?)(?![A-Za-z\d_:：%])(?!\.\d)"
)
_TO = r"(?:-|–|—|~|～|to|至|到|에서)"
_HOURS = r"(?:(?P<h>\d{1,2})\s?(?:h|hrs?|hours?|小时|시간)(?:,?\s(?:and\s)?)?)?"
_SECONDS = r"(?:s|secs?|seconds?|秒|초)(?![A-Za-z\d])"
_SPOKEN = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # "the 80s" are years
        rf"{_CLEAR}(?!(?<=the )\d0s){_HOURS}"
        rf"(?:(?P<m>\d{{1,3}})\s?(?:m|mins?|minutes?|分钟?|분)(?:,?\s(?:and\s)?)?)?"
        rf"(?P<s>{_NUMBER})\s?{_SECONDS}",
        rf"{_CLEAR}{_HOURS}(?P<m>\d{{1,3}})\s?(?:mins?|minutes?|分钟?|분)(?![A-Za-z\d秒초])(?!,?\s(?:and\s)?\d)",
        # Only the second of two times has a unit: "3 to 5 seconds".
        rf"{_CLEAR}(?P<s>{_NUMBER})(?=\s?{_TO}\s?{_NUMBER}\s?{_SECONDS})",
        rf"(?<=\bbetween )(?P<s>{_NUMBER})(?=\sand\s{_NUMBER}\s?{_SECONDS})",
    )
]
_ABOUT = r"(?:(?:about|around|approximately|roughly|nearly|almost|only|just|exactly|a|the|an)\s)*"
_FROM = rf"(?:{_NUMBER}\s?{_TO}\s?)?"
_LASTING = re.compile(
    r"(?:\b(?:for|lasts?|lasted|lasting|takes?|took|every|within|another|over|than|first|last|next|"
    r"final|(?:duration|length)(?:\s(?:of|is|was)|:)?)\s"
    rf"{_ABOUT}|(?:持续|时长|总长|长达|每|共)(?:了|为|约|大约)?\s?){_FROM}$",
    re.IGNORECASE,
)
_LONG = re.compile(
    rf"(?:\s?{_TO}\s?{_NUMBER}\s?{_SECONDS})?"
    r"(?:\s(?:long|later|earlier|ago|apart|each|before|after|clip|video|per|in\s(?:length|duration))\b"
    r"|\s?(?:钟|后|前|长|동안|간|후|뒤|전))",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"(?:\b(?:scores?|scored|ratio|aspect|scale|odds|won|lost|leads?|leading|chapter|verse)"
    r"(?:\s(?:is|was|of|by|at))?:?\s"
    r"|\b(?:clock|watch)\s(?:on\sthe\s\w+\s)?(?:shows?|reads?|says?)\s"
    r"|(?:比分|比例|比|점수|비율)[은는이가为是:：]?\s?"
    r"|\d{4}-\d\d-\d\d\s)$",
    re.IGNORECASE,
)
_COMPARISON = re.compile(
    r"\s?(?:[ap]\.?m\b|o'clock|uhr\b|UTC|GMT)"
    r"|[\s-](?:aspect|ratio|screen|display|monitor|format|scale|win|victory|loss|defeat|lead)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Timestamp:
    """A time in the video, written in `text[start:end]`."""

    seconds: float
    start: int
    end: int


def timestamps(text: str, duration_s: float) -> list[Timestamp]:
    """The times within `duration_s` that `text` names, in its order."""
    found: list[Timestamp] = []
    for moment in sorted(_moments(text), key=lambda moment: moment.start):
        apart = not found or moment.start >= found[-1].end
        if apart and moment.seconds <= duration_s:
            found.append(moment)
    return found


def _moments(text: str) -> Iterator[Timestamp]:
    for match in _CLOCK.finditer(text):
        if not _says(text, match, _COMPARED, _COMPARISON):
            yield _timestamp(match)
    for pattern in _SPOKEN:
        for match in pattern.finditer(text):
            if not _says(text, match, _LASTING, _LONG):
                yield _timestamp(match)


def _says(text: str, match: re.Match[str], before: re.Pattern[str], after: re.Pattern[str]) -> bool:
    start, end = match.span()
    return bool(before.search(text[max(0, start - CONTEXT_CHARACTERS) : start])) or bool(
        after.match(text[end : end + CONTEXT_CHARACTERS])
    )


def _timestamp(match: re.Match[str]) -> Timestamp:
    parts = match.groupdict()
    hours, minutes = parts.get("h") or 0, parts.get("hm") or parts.get("m") or 0
    seconds = (parts.get("s") or "0").replace(",", ".")
    return Timestamp(3600 * int(hours) + 60 * int(minutes) + float(seconds), *match.span())
