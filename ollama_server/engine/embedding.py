"""Embeddings and reranking: inputs of all waiting requests, packed into full batches."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from . import protocol as p
from .batch import Batch
from .errors import RequestError
from .model import Logits, Model

NO_EMBEDDINGS = (
    "this model does not support embeddings: use an embedding model, "
    "for example all-minilm or nomic-embed-text"
)
NO_RANKING = "this model does not support reranking: use a reranker model"
NO_TOKENS = "an input has no tokens"
TOO_LONG = "the input length exceeds the context length"


@dataclass(slots=True, eq=False)
class Job:
    """A request and what is computed of it so far, row by row."""

    id: int
    inputs: list[list[int]]
    rows: list[Logits | None] = field(default_factory=list)
    missing: int = 0


class Embedder:
    """Takes jobs, computes one batch a ``step``."""

    def __init__(self, model: Model, batch: Batch) -> None:
        self._model = model
        self._batch = batch
        self._todo: deque[tuple[Job, int]] = deque()

    @property
    def busy(self) -> bool:
        """Whether inputs wait."""
        return bool(self._todo)

    def add(self, message: p.Embed | p.Rerank) -> p.FromRunner | None:
        """Queue a request; an answer at once when there is nothing to compute or it is refused."""
        try:
            inputs = self._inputs(message)
        except RequestError as error:
            return p.Failed(message.id, str(error), error.status)
        if not inputs:
            return p.Embedded(message.id, self._width(), b"", [])
        job = Job(message.id, inputs, [None] * len(inputs), len(inputs))
        self._todo.extend((job, index) for index in range(len(inputs)))
        return None

    def cancel(self, request: int) -> None:
        """Forget what is not computed yet of a request."""
        self._todo = deque(item for item in self._todo if item[0].id != request)

    def step(self) -> list[p.FromRunner]:
        """Compute one batch; returns the requests that are answered by it."""
        taken = self._fill()
        status = self._model.decode(self._batch.raw)
        if status != 0:
            self._model.clear()
            failed = {job.id for job, _ in taken}
            for request in failed:
                self.cancel(request)
            return [p.Failed(i, f"llama_decode failed with status {status}") for i in failed]
        answers: list[p.FromRunner] = []
        row = 0
        for sequence, (job, index) in enumerate(taken):
            job.rows[index] = self._read(sequence, row, len(job.inputs[index]))
            row += len(job.inputs[index])
            job.missing -= 1
            if job.missing == 0:
                answers.append(self._answer(job))
        self._model.clear()
        return answers

    def _fill(self) -> list[tuple[Job, int]]:
        batch = self._batch
        batch.clear()
        taken: list[tuple[Job, int]] = []
        while self._todo and len(taken) < self._model.layout.sequences:
            job, index = self._todo[0]
            tokens = job.inputs[index]
            if taken and batch.size + len(tokens) > batch.capacity:
                break
            batch.add(tokens, 0, len(taken), outputs=1)
            taken.append(self._todo.popleft())
        batch.output_all()
        return taken

    def _read(self, sequence: int, row: int, count: int) -> Logits:
        width = self._width()
        if self._model.pooling != "none":
            return self._model.pooled_embedding(sequence, width)
        rows = [self._model.token_embedding(row + i, width) for i in range(count)]
        mean: Logits = np.mean(rows, axis=0, dtype=np.float32)
        return mean

    def _answer(self, job: Job) -> p.Embedded:
        vectors = np.stack([row for row in job.rows if row is not None]).astype(np.float32)
        counts = [len(tokens) for tokens in job.inputs]
        return p.Embedded(job.id, vectors.shape[1], vectors.tobytes(), counts)

    def _width(self) -> int:
        return self._model.embedding_width

    # --- inputs -----------------------------------------------------------------------------------

    def _inputs(self, message: p.Embed | p.Rerank) -> list[list[int]]:
        if not self._model.embedding:
            raise RequestError(NO_EMBEDDINGS, 501)
        if isinstance(message, p.Rerank):
            if self._model.pooling != "rank":
                raise RequestError(NO_RANKING, 501)
            return [self._pair(message.query, document) for document in message.documents]
        tokenize = self._model.tokenize
        texts = [tokenize(text, add_special=True, special=True) for text in message.inputs]
        ids = [self._model.known_tokens(tokens) for tokens in message.token_inputs]
        return [self._fit(tokens, message.truncate) for tokens in [*texts, *ids]]

    def _fit(self, tokens: list[int], truncate: bool) -> list[int]:
        """At most as many tokens as the context holds; the closing special token stays."""
        limit = self._model.layout.cells
        if not tokens:
            raise RequestError(NO_TOKENS)
        if len(tokens) <= limit:
            return tokens
        if not truncate:
            raise RequestError(TOO_LONG)
        closing = tokens[-1:] if tokens[-1] in self._model.closing_tokens else []
        return tokens[: limit - len(closing)] + closing

    def _pair(self, query: str, document: str) -> list[int]:
        """The reranker's input: BOS query EOS SEP document EOS, as llama.cpp's server builds it."""
        model = self._model
        ask = model.tokenize(query, add_special=False, special=False)
        told = model.tokenize(document, add_special=False, special=False)
        separator = [t for t in model.pair_tokens[1] if t >= 0]
        start = [t for t in model.pair_tokens[0] if t >= 0]
        end = [t for t in model.pair_tokens[2] if t >= 0]
        room = model.layout.cells - len(start) - len(separator) - len(end)
        ask = ask[: room // 2]
        pair = start + ask + separator + told[: room - len(ask)] + end
        if not pair:
            raise RequestError(NO_TOKENS)
        return pair
