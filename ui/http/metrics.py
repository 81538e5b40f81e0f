"""Metrics for Prometheus: counts, sizes and times, and no content.

They are always counted, which costs nothing, and served with `--metrics`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model import VERSION
from model.backend import CacheFigures, Finished, Status, Usage

STATES = ("loading", "queued", "reading", "answering")
FIRST_WORD_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Page(Protocol):
    """The state that is read when the metrics are requested, on the event loop and without waiting."""

    @property
    def states(self) -> Iterable[str]:
        """The `Run.state` of each answer that is being written."""
        ...

    @property
    def conversations(self) -> int: ...

    @property
    def pages(self) -> int: ...

    def status(self) -> Status: ...

    def cache_figures(self) -> CacheFigures | None: ...


class Metrics:
    """Counters since the start."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # fmt: off
        self._answers = self._counter("answers", "Answers by how they ended.", "reason")
        self._refused = self._counter("refusals", "Messages that were not taken, by why.", "reason")
        self._responses = self._counter("http_responses", "Responses by their HTTP status.", "status")
        self._tokens = self._counter("tokens", "Tokens: of prompts, of these reused and visual, and answered.", "kind")
        self._media = self._counter("media", "Pictures and videos encoded, pictures and frames decoded, for answers.", "work")
        self._uploads = self._counter("uploads", "Files that were attached.")
        self._upload_bytes = self._counter("upload_bytes", "Bytes of the files that were attached.")
        # fmt: on
        self._first_word = Histogram(
            "qwen_vl_first_word_seconds",
            "From asking to the first token of the answer, waiting included.",
            buckets=FIRST_WORD_S,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(f"qwen_vl_{name}", help, labels, registry=self.registry)

    def watch(self, page: Page) -> None:
        """Add the state of `page`, read at each request."""
        self.registry.register(_State(page))

    def ended(self, finished: Finished | None) -> None:
        """Count an answer. finished: its last event; None if it failed."""
        if not finished:
            self._answers.labels("failed").inc()
            return
        usage = finished.usage
        self._answers.labels(usage.stop_reason).inc()
        if usage.new_tokens and usage.ttft_s:
            self._first_word.observe(usage.ttft_s)
        self._count(usage)

    def _count(self, usage: Usage) -> None:
        for kind, tokens in (
            ("prompt", usage.prompt_tokens),
            ("reused", usage.reused_tokens),
            ("visual", usage.visual_tokens),
            ("answer", usage.new_tokens),
        ):
            self._tokens.labels(kind).inc(max(0, tokens))  # a server may report any number
        self._media.labels("encoded").inc(usage.vision_encodes)
        self._media.labels("decoded").inc(usage.decoded_frames)

    def refused(self, reason: str) -> None:
        """Count a message that was refused. reason: one of a few words."""
        self._refused.labels(reason).inc()

    def uploaded(self, paths: Sequence[str]) -> None:
        """Count uploaded files."""
        for path in paths:
            with suppress(OSError):
                self._upload_bytes.inc(Path(path).stat().st_size)
            self._uploads.inc()

    def responded(self, status: int) -> None:
        self._responses.labels(str(status)).inc()


class _State(Collector):
    """Metrics that are read at each request."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def collect(self) -> Iterator[Metric]:
        page, status = self._page, self._page.status()
        states = list(page.states)
        running = GaugeMetricFamily(
            "qwen_vl_answers_running",
            "Answers in the making, by how far they are.",
            labels=["state"],
        )
        for state in STATES:
            running.add_metric([state], states.count(state))
        yield running
        yield _gauge("conversations", "Conversations in memory.", page.conversations)
        yield _gauge("pages", "Pages that are open in a browser.", page.pages)
        yield _gauge("ready", "Whether a model answers.", status.state == "ready")
        info = GaugeMetricFamily("qwen_vl_info", "What runs.", labels=["version", "model"])
        info.add_metric([VERSION, str(status.label)], 1)
        yield info
        if figures := page.cache_figures():
            yield from _cache(figures)


def _cache(figures: CacheFigures) -> Iterator[Metric]:
    yield _gauge("cache_bytes", "Kept between turns.", figures.used_bytes)
    yield _gauge("cache_limit_bytes", "What may be kept between turns.", figures.budget_bytes)
    evicted = CounterMetricFamily(
        "qwen_vl_cache_evictions",
        "What had to make room in memory, by what it was.",
        labels=["kind"],
    )
    evicted.add_metric(["conversation"], figures.evicted_conversations)
    evicted.add_metric(["features"], figures.evicted_features)
    yield evicted


def _gauge(name: str, help: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"qwen_vl_{name}", help, value)


class CountedResponses:
    """ASGI middleware: counts all responses by their status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.metrics.responded(message["status"])
            await send(message)

        await self.app(scope, receive, send_counted)
