"""What transformers before 4.52 called the parts of these models, as published files still do."""

from __future__ import annotations

import re

# A pattern at the beginning of an old name, and what stands there now; peft takes the table as it is.
RENAMED = {
    r"^visual\b": "model.visual",
    r"^model\.(?=(layers|embed_tokens|norm)\b)": "model.language_model.",
}


def now_called(name: str) -> str:
    for before, after in RENAMED.items():
        name = re.sub(before, after, name)
    return name
