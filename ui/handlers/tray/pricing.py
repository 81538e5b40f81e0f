"""What the message in the composer would cost, and how long its first word would take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from model.backend import Usage
from model.errors import DemoError
from ui.handlers.page_tab import tab_of
from ui.html import tray as tray_html
from ui.state.registry import Tabs


async def price(tabs: Tabs, key: str, text: str, settings: Mapping[str, Any]) -> str:
    """What the message in the composer would cost if it were sent now, or why it cannot be."""
    if not key:
        return ""  # the page has not opened its tab yet
    tab = tab_of(tabs, key)
    if not tab.draft.tray or tab.backend.status().state != "ready":
        return ""  # the price is shown only if something is attached
    try:
        chosen = tabs.chosen(settings, tab.backend)
        if asked := tab.drafted(text, chosen.vision):
            items = list(tab.draft.tray)
            usages = [answer.usage for answer in tab.chat.answers]
            tabs.rates.admit_look(tab.presence.asker.address)
            estimate = await tabs.background.run(
                tab, partial(tab.backend.estimate, asked, chosen.generation)
            )
            wait_s = _expected_wait(estimate.prompt_tokens, usages)
            return tray_html.cost(estimate, items, tab.texts, wait_s=wait_s, fit=tab.draft.fit)
    except DemoError as error:
        # After Send it is a notice already.
        if tab.texts.said(error.sentence) != tab.texts.said(tab.chat.notice):
            return tray_html.not_sendable(error.sentence, tab.texts)
    return ""


def _expected_wait(prompt_tokens: int, usages: Sequence[Usage | None]) -> float | None:
    """Seconds to the first word, without reading ahead."""
    last = usages[-1] if usages else None
    read_before = last.prompt_tokens + last.new_tokens if last else 0
    return seconds_to_first_word(usages, max(1, prompt_tokens - read_before))


def seconds_to_first_word(usages: Sequence[Usage | None], tokens: int) -> float | None:
    """Expected wait for a prompt of which `tokens` are new; None before two turns were measured.

    A line through the measured turns: what every turn costs, and what every token costs.
    """
    measured = [(usage.prefilled_tokens, usage.ttft_s) for usage in usages if usage]
    if len(measured) < 2:
        return None
    mean_tokens = sum(read for read, _ in measured) / len(measured)
    mean_s = sum(seconds for _, seconds in measured) / len(measured)
    spread = sum((read - mean_tokens) ** 2 for read, _ in measured)
    rise = sum((read - mean_tokens) * (seconds - mean_s) for read, seconds in measured)
    per_token = max(0.0, rise / spread) if spread else mean_s / max(1.0, mean_tokens)
    per_turn = max(0.0, mean_s - per_token * mean_tokens)
    return per_turn + per_token * tokens
