"""What goes into the next batch: a run of tokens for each sequence, within a budget of time.

Decoding sequences come first, with one token each or the few that a grammar forces. What is left
of the budget goes to prompts, in order of arrival. While somebody is being streamed to, the budget
is what the machine computes in ``STALL_SECONDS``, by the speed that was measured so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .sequence import Sequence
from .tiles import TILE

# Running streams wait at most about this long for another request's prompt.
STALL_SECONDS = 0.1
# With nobody waiting for a token, a step may take this long: short enough to notice a hang-up.
IDLE_SECONDS = 0.5
FIRST_CHUNK = 128
SMALLEST_CHUNK = 16
# A part of a tile that is worth being computed as a whole one.
NEARLY_TILE = 0.6


@dataclass(slots=True)
class Run:
    """``count`` tokens of a sequence, from its first not yet computed one on, and guesses."""

    sequence: Sequence
    count: int
    guesses: list[int] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether the run reaches the sequence's last known token, so that the next is sampled."""
        return self.count == self.sequence.pending


class Scheduler:
    """Plans runs and learns the speed of prefill from the steps it planned.

    With ``split`` llama.cpp computes the first token of every sequence in a batch together and the
    rest of a longer run by itself, so that such a run has to be one token longer than its tiles.
    """

    def __init__(self, max_tokens: int, *, split: bool = True) -> None:
        self._max_tokens = max_tokens
        self._split = split
        self._decode_seconds = 0.0
        self._tiled_seconds = 0.0
        self._loose_seconds = 0.0

    @property
    def seconds_per_token(self) -> float:
        """Of prefill, by the better of the measured ways; 0 as long as nothing was measured."""
        known = [seconds for seconds in (self._tiled_seconds, self._loose_seconds) if seconds]
        return min(known, default=0.0)

    def plan(self, live: Iterable[Sequence], embeddings: Sequence | None = None) -> list[Run]:
        """Runs for the next batch, ordered by slot; empty when nothing is pending.

        While somebody is being streamed to, one prompt at a time has the budget: ``embeddings``
        is a sequence that needs it for its next run of embeddings, which is no part of a batch.
        """
        decoding: list[Run] = []
        prompts: list[Sequence] = []
        room = self._max_tokens
        for sequence in live:
            if sequence.decoding:
                count = min(sequence.pending, room)
                if count > 0:
                    decoding.append(Run(sequence, count))
                    room -= count
            else:
                prompts.append(sequence)
        if not prompts:
            return decoding
        streaming = bool(decoding)
        if streaming and embeddings is not None:
            prompts = [s for s in prompts if s.started_ns < embeddings.started_ns]
        runs = decoding + self._fill(prompts, min(room, self._budget(streaming)), streaming)
        runs.sort(key=lambda run: run.sequence.slot)
        return runs

    def _budget(self, streaming: bool) -> int:
        """Tokens of prompts that the next step may compute."""
        per_token = self.seconds_per_token
        if not per_token:
            return FIRST_CHUNK if streaming else self._max_tokens
        seconds = STALL_SECONDS - self._decode_seconds if streaming else IDLE_SECONDS
        tokens = int(seconds / per_token)
        if tokens < NEARLY_TILE * TILE:
            loose = int(seconds / (self._loose_seconds or per_token))
            return max(SMALLEST_CHUNK, loose)
        return self._tiles(max(TILE, tokens), streaming)

    def _tiles(self, tokens: int, streaming: bool) -> int:
        """The whole tiles in ``tokens``, which are at least one."""
        return tokens // TILE * TILE + (streaming and self._split)

    def embeddings(self, wanted: int, runs: list[Run]) -> int:
        """How many of ``wanted`` embeddings to compute behind a step of ``runs``."""
        if not any(run.sequence.decoding for run in runs):
            return min(wanted, self._max_tokens)
        if any(not run.sequence.decoding for run in runs):
            return 0  # the step has used the budget
        tokens = self._budget(True)
        if tokens >= TILE:
            tokens = tokens // TILE * TILE  # a run by itself needs no token beside its tiles
        return min(wanted, tokens, self._max_tokens)

    def _fill(self, prompts: list[Sequence], budget: int, streaming: bool) -> list[Run]:
        runs: list[Run] = []
        for sequence in sorted(prompts, key=lambda s: (s.pending > SMALLEST_CHUNK, s.started_ns)):
            wanted = sequence.text_until() - sequence.computed
            count = min(wanted, budget)
            if TILE <= count < wanted:
                count = min(count, self._tiles(count, streaming))
            elif count < min(wanted, TILE) and any(run.count >= TILE for run in runs):
                break  # what another prompt has left of the budget is not worth an untiled run
            if count > 0:
                runs.append(Run(sequence, count))
                budget -= count
        return runs

    def measured(self, runs: list[Run], seconds: float) -> None:
        """Learn from a step that took ``seconds``."""
        prefill = total = 0
        for run in runs:
            total += run.count
            if not run.sequence.decoding:
                prefill += run.count
        if prefill == 0:
            self._decode_seconds = blend(self._decode_seconds, seconds)
        elif prefill >= SMALLEST_CHUNK:
            decoding = self._decode_seconds if prefill < total else 0.0
            per_token = max(seconds - decoding, seconds / 4) / prefill
            if prefill >= TILE:
                self._tiled_seconds = blend(self._tiled_seconds, per_token)
            else:
                self._loose_seconds = blend(self._loose_seconds, per_token)


def blend(old: float, new: float) -> float:
    """A moving average that starts with the first value."""
    return new if old == 0.0 else 0.7 * old + 0.3 * new
