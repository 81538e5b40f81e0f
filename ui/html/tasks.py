"""What people most often ask about something attached, as buttons that write the question into the composer."""

from __future__ import annotations

import html
from typing import get_args

from model.grounding import Convention
from ui.text.texts import Texts

# The bundled checkpoint knows no documents.
BEYOND_THE_DEMO = ("extract",)
# Those that lead to the settings where an answer becomes data.
LEADS = ("extract",)


def tasks(texts: Texts, demo: bool) -> str:
    """The buttons. Where the wording depends on the family, each has a question for every convention of places.

    A script (assets/js/composer/tasks.js) selects the `…` of a question. demo: the bundled checkpoint answers.
    """
    names = [name for name in texts.tasks if not (demo and name in BEYOND_THE_DEMO)]
    buttons = "".join(_button(name, texts) for name in names)
    return f'<div role="group" aria-label="{html.escape(texts.tasks_label)}">{buttons}</div>'


def _button(name: str, texts: Texts) -> str:
    questions = "".join(
        f' data-{convention.replace("_", "-")}="{html.escape(_question(name, convention, texts))}"'
        for convention in get_args(Convention)
    )
    leads = " data-leads" if name in LEADS else ""
    return f'<button type="button"{leads}{questions}>{html.escape(texts.tasks[name])}</button>'


def _question(name: str, convention: Convention, texts: Texts) -> str:
    return texts.find_questions[convention] if name == "find" else texts.task_questions[name]
