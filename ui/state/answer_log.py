"""Log lines about answers: figures, and the texts only with `--log-messages`."""

from __future__ import annotations

import logging

from ui.state.tab.run import Run

log = logging.getLogger(__name__)


class AnswerLog:
    """One line per answer. `messages`: a second one with what was asked and answered."""

    def __init__(self, messages: bool = False) -> None:
        self.messages = messages

    def ended(self, run: Run) -> None:
        """Write down how an answer ended."""
        if run.finished:
            usage = run.finished.usage
            log.info(
                "Answer: %s after %d tokens; prompt of %d tokens, %d of them reused; first word after %.2f s, then %.1f tokens/s",
                usage.stop_reason, usage.new_tokens, usage.prompt_tokens, usage.reused_tokens, usage.ttft_s,
                usage.decode_tokens_per_s,
                extra={"fields": {"event": "answer", **usage.figures}},
            )  # fmt: skip
        else:
            kind = type(run.error).__name__
            fields = {"event": "answer", "stop_reason": "failed", "error": kind}
            log.info("Answer: failed (%s)", kind, extra={"fields": fields})
        if self.messages:
            asked = run.conversation.last_user_message
            log.info("Asked: %r", asked.text if asked else "")
            log.info("Answered: %r", run.text)
