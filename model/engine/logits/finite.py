"""Ends an answer whose numbers are not finite."""

from __future__ import annotations

import torch
from transformers import LogitsProcessor

from model.errors import DemoError


def not_finite_error() -> DemoError:
    return DemoError(
        "The model's numbers are not finite, so the answer was ended; "
        "whoever runs this page should start it with --dtype bfloat16 or float32."
    )


class FiniteLogitsProcessor(LogitsProcessor):  # type: ignore[misc]  # transformers ships no types for it
    """Ends the answer at the first logits that are NaN or infinite, and does not change finite ones.

    Greedy decoding would repeat token 0, and sampling would fail a device-side assertion, after which the process
    cannot use the GPU. Only `failed` waits for the device.
    """

    def __init__(self, end_token: int) -> None:
        self._end_token = end_token
        # () bool, on the device: whether all logits so far were finite.
        self._finite: torch.Tensor | None = None

    @property
    def failed(self) -> bool:
        return self._finite is not None and not bool(self._finite)

    def __call__(self, _ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """scores: (rows, vocabulary) float. In a row that is not finite, only the end token remains possible."""
        # The maximum of NaN is NaN. -inf is allowed: it excludes a token.
        finite = scores.amax(dim=-1, keepdim=True).isfinite()
        self._finite = finite.all() if self._finite is None else self._finite & finite.all()
        ending = torch.full_like(scores, -torch.inf)
        ending[:, self._end_token] = 0.0
        return torch.where(finite, scores, ending)
