"""Embeddings, reranking, and the tokenizer: everything a runner does besides generating."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ollama_server.errors import BadRequest
from ollama_server.generation import options as option_values
from ollama_server.generation.catalog import Catalog, Installed
from ollama_server.runtime.pool import Pool
from ollama_server.runtime.runner import Runner, Vectors

_SMALLEST_NORM = 1e-12


@dataclass(frozen=True, slots=True)
class Embeddings:
    """``vectors`` (inputs, width) in the order of the inputs; ``counts`` are prompt tokens."""

    vectors: Vectors
    counts: list[int]
    total_ns: int
    load_ns: int


@dataclass(frozen=True, slots=True)
class Use:
    """A loaded model for one request; ``load_ns`` counts from the request's arrival."""

    installed: Installed
    runner: Runner
    load_ns: int


class EmbeddingService:
    """Embeds, ranks, tokenizes and detokenizes with models loaded on demand."""

    def __init__(self, catalog: Catalog, pool: Pool) -> None:
        self._catalog = catalog
        self._pool = pool

    async def embed(
        self,
        model: str,
        inputs: list[str],
        *,
        token_inputs: list[list[int]] | None = None,
        truncate: bool = True,
        dimensions: int = 0,
        normalize: bool = True,
        options: Mapping[str, Any] | None = None,
        keep_alive: float | None = None,
    ) -> Embeddings:
        """A vector for each input, unit length unless ``normalize`` is off.

        Without inputs the model is only loaded. With ``dimensions`` the vectors are cut to so many
        values. Raises BadRequest for an input that is too long, with ``truncate`` off, and for
        vectors that are not finite; Unsupported for models that do not embed.
        """
        started = time.perf_counter_ns()
        async with self.use(model, options, keep_alive) as use:
            load_ns = time.perf_counter_ns() - started
            if not inputs and not token_inputs:
                return Embeddings(np.zeros((0, 0), np.float32), [], 0, 0)
            vectors, counts = await use.runner.embed(
                inputs, truncate=truncate, token_inputs=token_inputs
            )
            if not np.isfinite(vectors).all():
                raise BadRequest("embedding contains NaN or Inf values")
            if normalize or use.runner.info.normalize_embeddings:
                vectors = unit_length(vectors)
            if 0 < dimensions < vectors.shape[1]:
                vectors = unit_length(vectors[:, :dimensions])
        return Embeddings(vectors, counts, time.perf_counter_ns() - started, load_ns)

    async def rerank(
        self,
        model: str,
        query: str,
        documents: list[str],
        *,
        options: Mapping[str, Any] | None = None,
        keep_alive: float | None = None,
    ) -> Embeddings:
        """How well each document answers the query; ``vectors`` has one column."""
        started = time.perf_counter_ns()
        async with self.use(model, options, keep_alive) as use:
            load_ns = time.perf_counter_ns() - started
            scores, counts = await use.runner.rerank(query, documents)
        return Embeddings(scores, counts, time.perf_counter_ns() - started, load_ns)

    async def tokenize(
        self,
        model: str,
        texts: list[str],
        *,
        add_special: bool = False,
        options: Mapping[str, Any] | None = None,
        keep_alive: float | None = None,
    ) -> list[list[int]]:
        """The tokens of each text."""
        async with self.use(model, options, keep_alive) as use:
            return await use.runner.tokenize(texts, add_special=add_special)

    async def detokenize(
        self,
        model: str,
        tokens: list[int],
        *,
        options: Mapping[str, Any] | None = None,
        keep_alive: float | None = None,
    ) -> str:
        """The text of the tokens."""
        async with self.use(model, options, keep_alive) as use:
            return await use.runner.detokenize(tokens)

    @asynccontextmanager
    async def use(
        self, model: str, options: Mapping[str, Any] | None, keep_alive: float | None
    ) -> AsyncIterator[Use]:
        """The model, loaded, for the length of the block."""
        installed = await self._catalog.find(model)
        resolved = option_values.resolve(
            installed.model.params,
            options or {},
            context_length=self._catalog.settings.context_length,
        )
        async with self._pool.acquire(installed.model, resolved.load, keep_alive) as lease:
            yield Use(installed, lease.runner, lease.load_ns)


def unit_length(vectors: Vectors) -> Vectors:
    """Rows scaled to length one; rows of zeros stay."""
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    scaled: Vectors = (vectors / np.maximum(norms, _SMALLEST_NORM)).astype(np.float32)
    return scaled
