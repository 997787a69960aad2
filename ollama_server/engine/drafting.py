"""Guesses by a smaller model, which the model then checks all at once (speculative decoding).

Where reading the weights is what a step's time goes into, checking some tokens costs little more
than computing one, and each guess that the model would have chosen itself is a step saved. A wrong
guess costs time and never changes the answer: only what the sampler draws is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from .batch import Batch
from .model import MAX_DRAFTED, Model, ModelError
from .protocol import Load
from .sequence import Sequence

# The most tokens of prompts that the draft model takes in between two steps.
CATCH_UP = 256
# After guesses that were all wrong, guess again only after 1, 2, 4, ... more tokens.
LONGEST_PAUSE = 64
# Vocabularies of a family differ in some unused tokens at their ends.
MAX_SIZE_DIFFERENCE = 128
COMPARED_TOKENS = 1000


@dataclass(slots=True, eq=False)
class Lane:
    """A llama.cpp sequence of the draft model; its cells hold ``tokens``.

    The first ``agreed`` of them are known to be the sequence's, too. ``length`` tokens are guessed
    next, unless the sequence has fewer than ``resume`` tokens.
    """

    index: int
    length: int
    tokens: list[int] = field(default_factory=list)
    sequence: Sequence | None = None
    agreed: int = 0
    misses: int = 0
    resume: int = 0


class Drafter:
    """Guesses up to ``most`` tokens at a time for up to ``MAX_DRAFTED`` sequences."""

    def __init__(self, draft: Model, target: Model, most: int) -> None:
        self._model = draft
        self._most = most
        self._vocabulary = min(draft.n_vocab, target.n_vocab)
        self._ends = draft.end_tokens | target.end_tokens
        self._cells = min(draft.layout.cells, target.layout.cells)
        self._batch = Batch(CATCH_UP)
        self._lanes = [Lane(i, most) for i in range(MAX_DRAFTED)]
        self.guessed = self.accepted = 0
        info = draft.info()
        self.size, self.size_vram = info.size, info.size_vram
        check_vocabularies(draft, target)

    def guess(self, sequences: list[Sequence]) -> dict[Sequence, list[int]]:
        """Tokens that may come next, for those of the sequences where guessing is worth it."""
        for lane in self._lanes:
            if lane.sequence is not None and lane.sequence.slot < 0:
                lane.sequence = None
        if len(sequences) > MAX_DRAFTED:
            return {}
        wanted = {}
        for sequence in sequences:
            room = self._room(sequence)
            found = self._lane(sequence) if room > 0 else None
            if found and found.length > 0 and len(sequence.tokens) >= found.resume:
                wanted[found] = min(found.length, room)
        guesses: dict[Sequence, list[int]] = {lane.sequence: [] for lane in wanted if lane.sequence}
        current = self._catch_up(wanted)
        while current:
            current = self._extend(current, wanted, guesses)
        return {sequence: tokens for sequence, tokens in guesses.items() if tokens}

    def checked(self, sequence: Sequence, guessed: int, accepted: int) -> None:
        """Learn from how many of the guesses were right."""
        self.guessed += guessed
        self.accepted += accepted
        lane = next((lane for lane in self._lanes if lane.sequence is sequence), None)
        if lane is None:
            return
        lane.length = min(self._most, accepted + 1 + (accepted == guessed))
        lane.misses = 0 if accepted else lane.misses + 1
        if lane.misses > 1:
            lane.resume = len(sequence.tokens) + min(LONGEST_PAUSE, 1 << (lane.misses - 2))

    def close(self) -> None:
        """Free the draft model."""
        self._model.close()

    def _room(self, sequence: Sequence) -> int:
        """The most guesses that could be kept."""
        if sequence.shifted or sequence.media or sequence.constraint is not None:
            return 0
        room = min(self._cells - len(sequence.tokens), sequence.max_tokens - sequence.generated)
        return room - 1

    def _lane(self, sequence: Sequence) -> Lane | None:
        """The sequence's lane: its own, or the free one that holds most of its beginning.

        None where all are taken: by sequences that are still live, but not in this step.
        """
        for lane in self._lanes:
            if lane.sequence is sequence:
                return lane
        free = [lane for lane in self._lanes if lane.sequence is None]
        if not free:
            return None
        lane = max(free, key=lambda lane: agreement(lane.tokens, sequence.tokens, 0))
        lane.sequence = sequence
        lane.length, lane.agreed, lane.misses, lane.resume = self._most, 0, 0, 0
        return lane

    def _catch_up(self, wanted: dict[Lane, int]) -> dict[Lane, int]:
        """Compute what lanes lack of their sequences; the likeliest next token of those done."""
        batch, ready = self._batch, []
        batch.clear()
        for lane in wanted:
            assert lane.sequence is not None
            known = lane.sequence.tokens
            agreed = agreement(lane.tokens, known, lane.agreed)
            lane.agreed = min(agreed, len(known) - 1)
            if lane.agreed < len(lane.tokens):
                self._model.forget(lane.index, lane.agreed)
                del lane.tokens[lane.agreed :]
            missing = known[lane.agreed : lane.agreed + batch.capacity - batch.size]
            if not missing:
                continue
            done = lane.agreed + len(missing) == len(known)
            batch.add(missing, lane.agreed, lane.index, outputs=int(done))
            lane.tokens += missing
            if done:
                ready.append(lane)
        return self._decode(ready)

    def _extend(
        self, current: dict[Lane, int], wanted: dict[Lane, int], guesses: dict[Sequence, list[int]]
    ) -> dict[Lane, int]:
        """Note a guess for each lane, and compute it where another one is wanted behind it."""
        batch, going = self._batch, []
        batch.clear()
        for lane, token in current.items():
            assert lane.sequence is not None
            found = guesses[lane.sequence]
            if token in self._ends or token >= self._vocabulary:
                continue
            found.append(token)
            if len(found) < wanted[lane]:
                batch.add([token], len(lane.tokens), lane.index, outputs=1)
                lane.tokens.append(token)
                going.append(lane)
        return self._decode(going)

    def _decode(self, lanes: list[Lane]) -> dict[Lane, int]:
        """Compute the batch; the likeliest token behind each of the lanes that have a row."""
        if not self._batch.size:
            return {}
        if self._model.decode(self._batch.raw) != 0:
            self._model.clear()
            for lane in self._lanes:
                lane.tokens, lane.agreed = [], 0
            return {}
        if not lanes:
            return {}
        logits = self._model.logits(self._batch.rows)
        return {lane: int(logits[row].argmax()) for row, lane in enumerate(lanes)}


def load_drafter(load: Load, target: Model) -> Drafter | None:
    """The drafter of a model, if it has one and it can be used. Raises ModelError."""
    if not load.draft or load.draft_tokens <= 0 or target.recurrent or target.embedding:
        return None
    own = msgspec.structs.replace(
        load,
        model=load.draft,
        num_ctx=target.layout.cells,
        parallel=MAX_DRAFTED,
        layers=0,
        num_batch=CATCH_UP,
        overrides=load.draft_overrides,
        draft="",
        projectors=[],
        adapters=[],
        end_tokens=[],
    )
    draft = Model(own, lambda _: None, target.log)
    if draft.recurrent or draft.embedding:
        draft.close()
        raise ModelError("the draft model cannot draft: it needs a plain text model")
    return Drafter(draft, target, load.draft_tokens)


def check_vocabularies(draft: Model, target: Model) -> None:
    """Raise ModelError when the two models do not mean the same by their tokens."""
    size = min(draft.n_vocab, target.n_vocab)
    step = max(1, size // COMPARED_TOKENS)
    if abs(draft.n_vocab - target.n_vocab) > MAX_SIZE_DIFFERENCE or any(
        draft.piece(token) != target.piece(token) for token in range(0, size, step)
    ):
        raise ModelError(
            "the draft model has another vocabulary than the model: "
            "use a smaller model of the same family"
        )


def agreement(cached: list[int], known: list[int], start: int) -> int:
    """How many tokens two lists have in common, of which the first ``start`` are known to be."""
    end = min(len(cached), len(known))
    at = start
    while at < end and cached[at] == known[at]:
        at += 1
    return at
