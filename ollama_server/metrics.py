"""Numbers for Prometheus (GET /metrics)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from ollama_server.engine.protocol import Stats
from ollama_server.errors import RunnerError
from ollama_server.generation.events import Chunk, Done
from ollama_server.runtime.pool import Loaded, Pool

# A second series for each counter, of the time it began, helps nobody here.
disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_RATES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_STATS_SECONDS = 1.0


class Metrics:
    """All counters of a server; per model where that tells something."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.requests = Counter(
            "ollama_http_requests_total",
            "HTTP requests by route and status.",
            ["method", "path", "status"],
            registry=registry,
        )
        self.prompt_tokens = Counter(
            "ollama_prompt_tokens_total",
            "Prompt tokens, cached ones included.",
            ["model"],
            registry=registry,
        )
        self.cached_tokens = Counter(
            "ollama_prompt_tokens_cached_total",
            "Prompt tokens that the prefix cache saved from being computed.",
            ["model"],
            registry=registry,
        )
        self.cache_hits = Counter(
            "ollama_prefix_cache_hits_total",
            "Generations that found a part of their prompt in the prefix cache.",
            ["model"],
            registry=registry,
        )
        self.generated_tokens = Counter(
            "ollama_generated_tokens_total", "Generated tokens.", ["model"], registry=registry
        )
        self.generations = Counter(
            "ollama_generations_total",
            "Finished generations by why they ended.",
            ["model", "reason"],
            registry=registry,
        )
        self.first_token = Histogram(
            "ollama_time_to_first_token_seconds",
            "From the request's arrival to its first output, loading included.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.rate = Histogram(
            "ollama_tokens_per_second",
            "Speed of generation of each answer.",
            ["model"],
            buckets=_RATES,
            registry=registry,
        )
        self.in_flight = Gauge(
            "ollama_generations_running", "Generations in progress.", registry=registry
        )
        self._add_pool_gauges()

    def _add_pool_gauges(self) -> None:
        registry = self.registry
        self._queue = Gauge(
            "ollama_queue_length", "Requests that wait for a model to load.", registry=registry
        )
        self._models = Gauge("ollama_models_loaded", "Loaded models.", registry=registry)
        self._memory = Gauge(
            "ollama_model_memory_bytes",
            "Memory of a loaded model by place.",
            ["model", "place"],
            registry=registry,
        )
        self._sequences = Gauge(
            "ollama_sequences",
            "Sequences of a loaded model by state.",
            ["model", "state"],
            registry=registry,
        )
        self._cells = Gauge(
            "ollama_kv_cells",
            "Cells of a loaded model's KV cache, in use and in total.",
            ["model", "state"],
            registry=registry,
        )

        self._guesses = Gauge(
            "ollama_draft_tokens",
            "Tokens that a model's draft model has guessed since it was loaded, by what they were.",
            ["model", "state"],
            registry=registry,
        )

    async def watched(
        self, model: str, arrived_ns: int, events: AsyncGenerator[Chunk | Done, None]
    ) -> AsyncGenerator[Chunk | Done, None]:
        """The same events, counted."""
        waiting = True
        self.in_flight.inc()
        try:
            async for event in events:
                if waiting:
                    waiting = False
                    seconds = (time.perf_counter_ns() - arrived_ns) / 1e9
                    self.first_token.labels(model).observe(seconds)
                if type(event) is Done:
                    self._count(model, event)
                yield event
        finally:
            self.in_flight.dec()

    def _count(self, model: str, done: Done) -> None:
        self.generations.labels(model, done.reason).inc()
        self.prompt_tokens.labels(model).inc(done.prompt_tokens)
        self.cached_tokens.labels(model).inc(done.cached_tokens)
        self.generated_tokens.labels(model).inc(done.eval_tokens)
        if done.cached_tokens:
            self.cache_hits.labels(model).inc()
        if done.eval_ns and done.eval_tokens > 1:
            # The first token belongs to the prompt's time.
            self.rate.labels(model).observe((done.eval_tokens - 1) / done.eval_ns * 1e9)

    async def render(self, pool: Pool) -> bytes:
        """Everything in Prometheus' text format; asks each runner what it holds."""
        loaded = pool.loaded()
        self._queue.set(pool.waiting)
        self._models.set(len(loaded))
        for gauge in (self._memory, self._sequences, self._cells, self._guesses):
            gauge.clear()
        stats = await asyncio.gather(*map(_ask, loaded))
        for model, held in zip(loaded, stats, strict=True):
            self._show(model, held)
        return generate_latest(self.registry)

    def _show(self, loaded: Loaded, stats: Stats | None) -> None:
        name, info = loaded.model.name.short, loaded.runner.info
        self._memory.labels(name, "vram").set(info.size_vram)
        self._memory.labels(name, "ram").set(info.size - info.size_vram)
        if stats is None:
            return
        self._sequences.labels(name, "running").set(stats.running)
        self._sequences.labels(name, "waiting").set(stats.waiting)
        self._sequences.labels(name, "retained").set(stats.retained)
        self._cells.labels(name, "used").set(stats.cells_used)
        self._cells.labels(name, "total").set(stats.cells_total)
        if stats.guessed_tokens:
            self._guesses.labels(name, "guessed").set(stats.guessed_tokens)
            self._guesses.labels(name, "accepted").set(stats.accepted_tokens)


async def _ask(loaded: Loaded) -> Stats | None:
    """A runner's statistics; none from one that is busy or dying."""
    try:
        return await asyncio.wait_for(loaded.runner.stats(), _STATS_SECONDS)
    except (TimeoutError, RunnerError):
        return None
