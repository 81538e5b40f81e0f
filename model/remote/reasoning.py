"""Parts an answer that arrives in pieces into what the model thinks and what it says.

Servers that do not do this themselves send both as one text, with a mark at the end of the reasoning. The mark at
its beginning may be missing: many chat templates write it into the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MARKS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "◁think▷": "◁/think▷",
    "[THINK]": "[/THINK]",
}
STEP = 4096  # characters that are looked at at once
MAX_ENDED = 1000  # characters of tokens that end a turn
END_TOKENS = ("<|im_end|>", "<|endoftext|>")
# Those that stand alone where the prompt has the other one. Within backticks they are spoken of.
_ALONE = re.compile(r"(?<!`)(?:</think>|◁/think▷)")
_OPENER = re.compile(rf"\s*({'|'.join(map(re.escape, MARKS))})")
_CLOSER_FIRST = re.compile(rf"\s*(?:{'|'.join(map(re.escape, MARKS.values()))})")
_ENDED = re.compile(rf"(?:(?:{'|'.join(map(re.escape, END_TOKENS))})\s*)+\Z")
_EVERY_MARK = (*MARKS, *MARKS.values(), *END_TOKENS)


@dataclass(frozen=True)
class Part:
    """More of what is thought or said. all_before: what seemed to be said until here was thought."""

    text: str
    thought: bool
    all_before: bool = False


class Splitter:
    """Give it every piece, and at last `end`. Marks and end tokens may be spread over pieces."""

    def __init__(self) -> None:
        self._left = ""  # of the pieces: may be the beginning of a mark
        self._blank: list[str] = []  # white space before it, if nothing has been said
        self._before = ""  # the character that stood before it
        self._closer = ""  # of the reasoning that is open
        self._thought = False
        self._said = False

    def thought(self) -> None:
        """There was a reasoning apart from the pieces: only what is said comes in them."""
        self._thought = True

    def add(self, piece: str) -> Iterator[Part]:
        for start in range(0, len(piece), STEP):
            self._left += piece[start : start + STEP]
            self._set_blank_aside()
            while (mark := self._mark()) is not None:
                yield from self._passed(mark)
                self._set_blank_aside()
            ready = len(self._left) - self._held()
            yield from self._part(ready)

    def end(self) -> Iterator[Part]:
        """The rest, without the tokens that end a turn."""
        self._left = "".join((*self._blank, _ENDED.sub("", self._left)))
        self._blank.clear()
        yield from self._part(len(self._left))

    def _set_blank_aside(self) -> None:
        """White space before a reasoning is no answer, and there may be any amount of it."""
        if not self._closer and not self._said:
            said = self._left.lstrip()
            self._blank.append(self._left[: len(self._left) - len(said)])
            self._left = said

    def _mark(self) -> re.Match[str] | None:
        if self._closer:
            return re.compile(re.escape(self._closer)).search(self._left)
        if not self._said:
            first = _OPENER if (found := _OPENER.match(self._left)) else _CLOSER_FIRST
            if found or (found := first.match(self._left)):
                return found
        if self._thought:
            return None
        found = _ALONE.search(self._left)
        return None if found and found.start() == 0 and self._before == "`" else found

    def _passed(self, mark: re.Match[str]) -> Iterator[Part]:
        """Everything up to the mark, and what the mark means."""
        opens = not self._closer and mark.re is _OPENER
        if opens:
            self._closer = MARKS[mark[1]]
        else:
            yield from self._part(mark.start())
            if not self._closer and self._said:
                yield Part("", thought=True, all_before=True)
            self._closer, self._thought, self._said = "", True, False
        self._blank.clear()
        self._before, self._left = "", self._left[mark.end() - (0 if opens else mark.start()) :]

    def _part(self, length: int) -> Iterator[Part]:
        """The next `length` characters."""
        text, self._left = self._left[:length], self._left[length:]
        self._before = text[-1:] or self._before
        if self._closer:
            if text:
                yield Part(text, thought=True)
            return
        if text and self._blank:
            text = "".join((*self._blank, text))
            self._blank.clear()
        if self._thought and not self._said:
            text = text.lstrip()
        self._said = self._said or bool(text.strip())
        if text:
            yield Part(text, thought=False)

    def _held(self) -> int:
        """How many characters at the end must wait for more."""
        text = self._left
        kept = len(text)
        longest = max(map(len, _EVERY_MARK)) - 1
        for start in range(max(0, kept - longest), kept):
            if any(mark.startswith(text[start:]) for mark in _EVERY_MARK):
                kept = start
                break
        if ended := _ENDED.search(text, max(0, kept - MAX_ENDED), kept):
            kept = ended.start()
        return len(text) - kept
