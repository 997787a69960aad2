"""From logits to a token: llama.cpp's sampler chain over as few candidates as it needs.

The chain is built in llama.cpp's default order: penalties, top-k, typical, top-p, min-p,
temperature, then the draw. Two short cuts give the same token for less work: greedy sampling is an
argmax, and top-k first narrows the vocabulary to the blocks that can hold the k best.
"""

from __future__ import annotations

import ctypes
import math
import secrets
from functools import lru_cache
from typing import Any

import llama_cpp.llama_cpp as lib
import numpy as np
from numpy.typing import NDArray

from .protocol import Logprob, Sampling, TokenLogprob

CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
# Blocks of the vocabulary and blocks of those: few enough values to sort, found by vector code.
FINE = 32
COARSE = 16
NARROW_UP_TO = 256
# Candidates that a narrowed vocabulary seldom exceeds.
POOL = 512
# Temperatures below this one divide logits into infinity: the likeliest token it is.
COLDEST = 1e-6
# A bias above this one, far from any logit, would be infinity as well.
STRONGEST = 1e6

Logits = NDArray[np.float32]
Ids = NDArray[np.integer]


class SamplingError(ValueError):
    """A sampler setting is out of range, or logits are no numbers; the message says which."""


def check(sampling: Sampling) -> None:
    """Refuse values that llama.cpp's samplers cannot work with."""
    if not (math.isfinite(sampling.repeat_penalty) and sampling.repeat_penalty > 0):
        raise SamplingError("repeat_penalty must be finite and greater than 0")
    for name in ("temperature", "top_p", "min_p", "typical_p"):
        if not math.isfinite(getattr(sampling, name)):
            raise SamplingError(f"{name} must be finite")
    for name in ("presence_penalty", "frequency_penalty"):
        if not math.isfinite(getattr(sampling, name)):
            raise SamplingError(f"{name} must be finite")


class Sampler:
    """The sampler of one sequence; ``close`` frees the native chain."""

    def __init__(self, sampling: Sampling, n_vocab: int, context_size: int) -> None:
        check(sampling)
        self.seed = sampling.seed & 0xFFFFFFFF if sampling.seed >= 0 else secrets.randbits(32)
        self.greedy = sampling.temperature < COLDEST
        # llama.cpp makes room for all of them, and more than the context never count.
        asked = context_size if sampling.repeat_last_n < 0 else sampling.repeat_last_n
        last_n = min(asked, context_size)
        self._penalized = last_n > 0 and (
            sampling.repeat_penalty != 1.0
            or sampling.presence_penalty != 0.0
            or sampling.frequency_penalty != 0.0
        )
        self._last_n = last_n
        self._top_k = sampling.top_k
        biases = sampling.logit_bias.items()
        self._bias = [(t, min(b, STRONGEST)) for t, b in biases if 0 <= t < n_vocab]
        self._chain = self._build(sampling, n_vocab)
        self._pool = Pool(POOL)
        self._shortlist = shortlist(n_vocab)

    def _build(self, sampling: Sampling, n_vocab: int) -> Any:
        chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        parts = []
        if self._penalized:
            parts.append(
                lib.llama_sampler_init_penalties(
                    n_vocab,
                    self._last_n,
                    sampling.repeat_penalty,
                    sampling.frequency_penalty,
                    sampling.presence_penalty,
                )
            )
        parts += [
            lib.llama_sampler_init_top_k(sampling.top_k),
            lib.llama_sampler_init_typical(sampling.typical_p, 0),
            lib.llama_sampler_init_top_p(sampling.top_p, 0),
            lib.llama_sampler_init_min_p(sampling.min_p, 0),
            lib.llama_sampler_init_temp_ext(0.0 if self.greedy else sampling.temperature, 0.0, 1.0),
            lib.llama_sampler_init_dist(self.seed),
        ]
        for part in parts:
            lib.llama_sampler_chain_add(chain, part)
        return chain

    def close(self) -> None:
        """Free the native chain; the sampler is not usable after this."""
        if self._chain:
            lib.llama_sampler_free(self._chain)
            self._chain = None

    def remember(self, prompt: list[int]) -> None:
        """Let the penalties see the end of the prompt."""
        if self._penalized:
            for token in prompt[-self._last_n :]:
                if token >= 0:
                    self.accept(token)

    def accept(self, token: int) -> None:
        """Let the penalties see a token of the answer."""
        if self._penalized:
            lib.llama_sampler_accept(self._chain, token)

    def bias(self, logits: Logits) -> None:
        """Add the request's logit biases to a row, in place."""
        for token, value in self._bias:
            logits[token] += value

    def sample(self, logits: Logits, allowed: Ids | None = None) -> int:
        """Choose a token from a row of shape (n_vocab,), among ``allowed`` ids where given."""
        if self.greedy and not self._penalized:
            if allowed is None:
                return int(logits.argmax())
            return int(allowed[logits[allowed].argmax()])
        return self._draw(logits, self._candidate_ids(logits, allowed))

    def _candidate_ids(self, logits: Logits, allowed: Ids | None) -> Ids | None:
        if allowed is not None:
            return allowed
        if not self._penalized and 0 < self._top_k <= NARROW_UP_TO:
            return self._shortlist.best(logits, self._top_k)
        return None

    def _draw(self, logits: Logits, ids: Ids | None) -> int:
        pool = self._pool
        size = len(logits) if ids is None else len(ids)
        if size > len(pool.ids):
            pool = Pool(size)
        pool.fill(logits, ids)
        lib.llama_sampler_apply(self._chain, pool.reference)
        return int(pool.ids[pool.array.selected])


class Pool:
    """Room for candidates as llama.cpp's samplers take them, made once and filled every step.

    A step streams all weights through the caches, so what Python does after it is slow by what it
    touches: this has fewer objects than making the arrays anew.
    """

    __slots__ = ("_items", "array", "ids", "logits", "reference")

    def __init__(self, size: int) -> None:
        self._items = np.zeros(size, dtype=CANDIDATE)
        self.ids = self._items["id"]
        self.logits = self._items["logit"]
        self.array = lib.llama_token_data_array(
            data=self._items.ctypes.data_as(lib.llama_token_data_p), size=size
        )
        self.reference = ctypes.byref(self.array)

    def fill(self, logits: Logits, ids: Ids | None) -> None:
        """Hold the given ids with their logits, the whole vocabulary for None."""
        count = len(logits) if ids is None else len(ids)
        self.ids[:count] = np.arange(count, dtype=np.int32) if ids is None else ids
        self.logits[:count] = logits if ids is None else logits[ids]
        self.array.size = count
        self.array.selected = -1
        self.array.sorted = False


class Shortlist:
    """Finds the highest logits of a vocabulary's rows; for one thread.

    Seen as rows of a matrix, the vocabulary's columns are blocks. The highest logits of some
    different blocks are a floor below which none of as many best can lie, and the blocks that do
    not reach it need no look. Blocks of blocks give nearly the same floor for less sorting.

    Behind a step the caches hold weights, and every call costs a multiple of what it computes:
    hence the few calls, into arrays that are there.
    """

    __slots__ = ("_groups", "_peaks", "_size", "_tops", "_width")

    def __init__(self, n_vocab: int) -> None:
        self._size = n_vocab // (FINE * COARSE) * (FINE * COARSE)
        self._width = self._size // FINE
        self._peaks = np.empty(self._width, dtype=np.float32)
        self._groups = self._peaks.reshape(COARSE, self._width // COARSE)
        self._tops = np.empty(self._width // COARSE, dtype=np.float32)

    def best(self, logits: Logits, count: int) -> Ids:
        """The ids with the ``count`` highest logits, in no order, and few others.

        Raises SamplingError where logits are not comparable.
        """
        size, width = self._size, self._width
        if width <= 2 * count:
            return np.arange(len(logits))
        head = logits[:size].reshape(FINE, width)
        floor = self._floor(head, count)
        blocks = (self._peaks >= floor).nonzero()[0]
        rows, columns = (head.take(blocks, 1) >= floor).nonzero()
        ids: Ids = rows * width + blocks[columns]
        tail = (logits[size:] >= floor).nonzero()[0]
        if len(tail):
            ids = np.concatenate((ids, tail + size))
        if not len(ids):
            raise SamplingError("the model computed logits that are not numbers")
        return ids

    def _floor(self, head: Logits, count: int) -> np.float32:
        """A logit that at least ``count`` reach; afterwards ``_peaks`` are the blocks' highest."""
        highest = np.maximum.reduce
        highest(head, axis=0, out=self._peaks)
        tops = self._tops
        if len(tops) > 2 * count:
            highest(self._groups, axis=0, out=tops)
        else:
            tops = self._peaks.copy()
        tops.partition(len(tops) - count)
        floor: np.float32 = tops[len(tops) - count]
        return floor


@lru_cache(maxsize=4)
def shortlist(n_vocab: int) -> Shortlist:
    """The one of all samplers of a vocabulary: they sample one after the other."""
    return Shortlist(n_vocab)


def logprob(logits: Logits, token: int, top: int) -> Logprob:
    """Natural-log probabilities of ``token`` and the ``top`` likeliest; pieces are left empty."""
    peak = float(logits.max())
    total = peak + math.log(float(np.exp(logits - peak, dtype=np.float32).sum(dtype=np.float64)))
    likely: list[TokenLogprob] = []
    if top > 0:
        ids = np.argpartition(logits, -top)[-top:]
        ids = ids[np.argsort(-logits[ids], kind="stable")]
        likely = [TokenLogprob(int(i), b"", float(logits[i]) - total) for i in ids]
    return Logprob(token, b"", float(logits[token]) - total, likely)
