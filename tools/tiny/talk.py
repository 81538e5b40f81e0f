"""Messages that are no questions about an image, and their replies."""

from __future__ import annotations

import random

from tools.tiny import answers, names
from tools.tiny.exchange import Exchange, exchange
from tools.tiny.wordings import ask


def small_talk(rng: random.Random, picture: bool, held_out: bool = False) -> Exchange:
    """A greeting, a thank-you, a question about itself, or something it cannot do."""
    kind = rng.choices(
        ("hello", "thanks", "bye", "self", "refuse", "blind"),
        (1.3, 0.7, 0.5, 1.5, 2.5, 0 if picture else 2),
    )[0]
    if kind == "blind":
        about = rng.choice(("describe", "colour", "shape", "count", "count_by", "where", "exists", "locate", "read",
                            "describe_all", "describe_clip", "which_picture"))  # fmt: skip
        name = rng.choice(names.SHAPES)
        question = ask(
            about, rng, held_out, x=name, xs=names.plural(name), c=rng.choice(names.COLOURS)
        )
        return exchange("no_picture", question, answers.NO_PICTURE)
    said = {
        "hello": answers.HELLO,
        "thanks": answers.THANKS,
        "bye": answers.BYE,
        "self": answers.SELF,
    }
    question = ask(kind, rng, held_out, n=str(rng.randint(2, 99)), m=str(rng.randint(2, 99)))
    return exchange(kind, question, said.get(kind, answers.REFUSAL))
