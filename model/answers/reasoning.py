"""Splits a model's text into its reasoning and its answer while the text arrives.

Many servers send both as one text, with a tag such as `</think>` after the reasoning. The tag before it may be
missing, because many chat templates write it into the prompt.
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
# What the chat template of a checkpoint that always thinks writes before its answer.
OPENED = "<think>"
# Characters that are searched at once.
STEP = 4096
# Characters of end tokens that are held back at most.
MAX_ENDED = 1000
END_TOKENS = ("<|im_end|>", "<|endoftext|>")
# Closing tags whose opening tag may be in the prompt. After a backtick the answer quotes the tag.
_ALONE = re.compile(r"(?<!`)(?:</think>|◁/think▷)")
_OPENER = re.compile(rf"\s*({'|'.join(map(re.escape, MARKS))})")
_CLOSER_FIRST = re.compile(rf"\s*(?:{'|'.join(map(re.escape, MARKS.values()))})")
_ENDED = re.compile(rf"(?:(?:{'|'.join(map(re.escape, END_TOKENS))})\s*)+\Z")
_EVERY_MARK = (*MARKS, *MARKS.values(), *END_TOKENS)


@dataclass(frozen=True)
class Part:
    """More text. thought: it is reasoning; all_before: what was passed on as the answer until here was reasoning too."""

    text: str
    thought: bool
    all_before: bool = False


class Splitter:
    """Call `add` with every piece, and `end` after the last. Tags and end tokens may be spread over pieces."""

    def __init__(self) -> None:
        # Text that waits, because it may be the beginning of a tag, and the character before it.
        self._left = ""
        self._before = ""
        # White space before the answer's first word.
        self._blank: list[str] = []
        # The tag that ends the reasoning that is open, or an empty text.
        self._closer = ""
        self._thought = False
        self._said = False

    def thought(self) -> None:
        """Note that the server sent the reasoning in a field of its own, so the pieces are the answer."""
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
        """Yield the rest, without end-of-turn tokens."""
        self._left = "".join((*self._blank, _ENDED.sub("", self._left)))
        self._blank.clear()
        yield from self._part(len(self._left))

    def _set_blank_aside(self) -> None:
        """Move leading white space to `_blank`: before a reasoning it is no part of the answer."""
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
        """Yield the text before a tag, and open or close the reasoning."""
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
        """Yield the next `length` characters."""
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
        """The number of characters at the end that may belong to a tag or to end tokens."""
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


def answer_in(text: str, *, thinks: bool) -> str:
    """The answer in a whole text of the model. thinks: the text begins inside a reasoning."""
    if not thinks:
        return text
    splitter, answer = Splitter(), ""
    for part in (*splitter.add(f"{OPENED}{text}"), *splitter.end()):
        answer = "" if part.all_before else answer
        answer += "" if part.thought else part.text
    return answer
