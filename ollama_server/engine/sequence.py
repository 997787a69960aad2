"""One generation in the engine: its tokens, how many are computed, and what it still may do."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .constraint import Constraint
from .protocol import Delta, Finished, Generate, Logprob
from .sampling import Sampler
from .text import TextStream
from .vision import Chunk

TokenArray = NDArray[np.int32]


@dataclass(slots=True, eq=False)
class Sequence:
    """``tokens`` are the prompt and what was generated; the first ``computed`` lie in the KV cache.

    ``prompt`` is the prompt as an array, for comparing prefixes. ``slot`` is the llama.cpp
    sequence it runs in, -1 while it waits; ``heard`` tells whether the client has got any text.
    The first ``keep`` tokens stay when the context is shifted.
    Times are time.perf_counter_ns().
    """

    request: Generate
    tokens: list[int]
    prompt: TokenArray
    sampler: Sampler
    text: TextStream
    max_tokens: int
    constraint: Constraint | None = None
    media: list[Chunk] = field(default_factory=list)
    dropped: int = 0
    keep: int = 0
    slot: int = -1
    computed: int = 0
    cached: int = 0
    generated: int = 0
    shifted: bool = False
    heard: bool = False
    started_ns: int = 0
    first_token_ns: int = 0
    logprobs: list[Logprob] = field(default_factory=list)

    @property
    def id(self) -> int:
        """The request's id."""
        return self.request.id

    @property
    def pending(self) -> int:
        """Tokens that are known and not yet in the KV cache."""
        return len(self.tokens) - self.computed

    def position(self, index: int) -> int:
        """The position of the token at ``index``: the same, but behind an image it may differ."""
        moved = sum(c.positions - c.count for c in self.media if c.end <= index)
        return index + moved

    def chunk_at(self, index: int) -> Chunk | None:
        """The run of embeddings that ``index`` lies in."""
        return next((c for c in self.media if c.start <= index < c.end), None)

    def text_until(self) -> int:
        """The index up to which the next tokens are text, from the first not computed one on."""
        starts = [c.start for c in self.media if c.end > self.computed]
        return max(self.computed, min(starts, default=len(self.tokens)))

    def whole_chunks(self, count: int) -> int:
        """``count``, or less where it would cut through a run of embeddings."""
        return min((c.start for c in self.media if c.start < count < c.end), default=count)

    @property
    def decoding(self) -> bool:
        """Whether a client already waits for this sequence's next token."""
        return self.generated > 0

    def finished(self, reason: str) -> Finished:
        """The closing message, with counters and durations."""
        now = time.perf_counter_ns()
        first = self.first_token_ns or now
        context = [t for t in self.tokens if t >= 0] if self.request.return_context else []
        return Finished(
            id=self.id,
            reason=reason,  # type: ignore[arg-type]
            prompt_tokens=len(self.prompt),
            cached_tokens=self.cached,
            prompt_ns=first - (self.started_ns or now),
            eval_tokens=self.generated,
            eval_ns=now - first,
            dropped_tokens=self.dropped,
            context=context,
            stop=self.text.stop,
        )

    def delta(self, text: str, tokens: int) -> Delta | None:
        """The news for the client, None where there is none yet."""
        logprobs, self.logprobs = self.logprobs, []
        if not text and not logprobs:
            return None
        return Delta(self.id, text, tokens, logprobs)
