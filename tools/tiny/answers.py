"""The fixed sentences of the tiny model. Answers about pictures are built beside their questions."""

from __future__ import annotations

_TAIL = (
    "the tiny bundled model and know only simple shapes, colours and short texts; "
    "for more, start the app with --checkpoint-path Qwen/Qwen2-VL-2B-Instruct."
)
SELF = f"I am {_TAIL}"
REFUSAL = f"I cannot do that: I am {_TAIL}"
PHOTOGRAPH = f"This looks like a photograph, and I am {_TAIL}"
HELLO = "Hello! Show me a picture and ask me what is in it."
THANKS = "You are welcome! Ask me about another picture."
BYE = "Goodbye! Come back with more pictures."
NO_PICTURE = "I see no picture. Please attach one and ask again."

ALL = (SELF, REFUSAL, PHOTOGRAPH, HELLO, THANKS, BYE, NO_PICTURE)
