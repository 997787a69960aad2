"""Which llama.cpp sequence holds which tokens, and what of it the next request can use again.

A slot is one llama.cpp sequence. A free slot keeps ("retains") the tokens of its last generation,
so that the next turn of that conversation starts where it ended; the least recently used slot is
overwritten first. The live slots are kept side by side, because llama.cpp computes only
neighbouring sequences together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .model import Model
from .sequence import Sequence
from .tiles import TILE

TokenArray = NDArray[np.int32]
# Below this many tokens a copy of a prefix costs more than it saves.
MIN_SHARED = 32
# A retained conversation is continued in place when the request repeats at least this part of it;
# otherwise it is left alone where there is another slot, and only its beginning is copied. With an
# empty slot at hand, leaving it alone costs nothing.
SAME_CONVERSATION = 0.5
SAME_CONVERSATION_WITH_ROOM = 0.9
# Bytes per second of copying cells within memory: a low guess, so that copies are rather avoided.
COPY_SPEED = 4e9


@dataclass(slots=True, eq=False)
class Slot:
    """``cached`` are the tokens whose cells are valid while the slot is free."""

    index: int
    cached: TokenArray = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    sequence: Sequence | None = None
    used: int = 0

    @property
    def tokens(self) -> TokenArray:
        """The tokens in the cells, as far as they are fit for another request."""
        sequence = self.sequence
        if sequence is None:
            return self.cached
        if sequence.shifted:
            return sequence.prompt[: sequence.keep]
        return sequence.prompt[: sequence.computed]


class Slots:
    """All slots of a context."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._slots = [Slot(i) for i in range(model.layout.sequences)]
        self._clock = 0
        self._copy_seconds = model.kv_bytes / max(1, len(self._slots)) / COPY_SPEED
        if model.layout.unified:
            self._copy_seconds = 0.0
        self._work = model.prefill_work()
        self.seconds_per_token = 0.0

    @property
    def live(self) -> list[Sequence]:
        """Sequences that own a slot, in slot order."""
        return [slot.sequence for slot in self._slots if slot.sequence is not None]

    @property
    def free(self) -> int:
        """Slots without a sequence."""
        return sum(1 for slot in self._slots if slot.sequence is None)

    @property
    def retained(self) -> int:
        """Free slots that still hold tokens."""
        return sum(1 for slot in self._slots if slot.sequence is None and len(slot.cached))

    @property
    def cells_used(self) -> int:
        """Cells that hold something."""
        return sum(
            len(slot.cached) if slot.sequence is None else slot.sequence.computed
            for slot in self._slots
        )

    def leader(self, sequence: Sequence) -> Sequence | None:
        """A live sequence that is about to compute a beginning that this one shares.

        None where waiting for it gains nothing over what is computed already.
        """
        if self._model.recurrent:
            return None
        best, leader = 0, None
        for slot in self._slots:
            live = slot.sequence
            if live is None or live.shifted or live.computed >= len(live.prompt):
                continue
            shared = common_prefix(sequence.prompt, live.prompt)
            if shared > best and live.computed < shared:
                best, leader = shared, live
        if leader is None or best < MIN_SHARED:
            return None
        ready = max((self._shared(sequence, slot) for slot in self._slots), default=0)
        return leader if best - ready >= MIN_SHARED else None

    def place(self, sequence: Sequence) -> bool:
        """Give the sequence a slot with as much of its prompt computed as can be had.

        False where no slot is free.
        """
        free = [slot for slot in self._slots if slot.sequence is None]
        if not free:
            return False
        source = max(self._slots, key=lambda slot: self._fitness(sequence, slot, free))
        shared = self._shared(sequence, source)
        shared -= self._tokens_to_repeat(sequence, shared)
        target = self._choose(free, source, shared)
        reused = self._reuse(sequence, source, target, shared)
        target.sequence = sequence
        target.cached = np.empty(0, dtype=np.int32)
        self._clock += 1
        target.used = self._clock
        sequence.slot = target.index
        sequence.computed = sequence.cached = reused
        return True

    def release(self, sequence: Sequence) -> None:
        """Free the sequence's slot and retain what lies in it."""
        slot = self._slots[sequence.slot]
        tokens = np.array(sequence.tokens[: sequence.computed], dtype=np.int32)
        if sequence.shifted:
            keep = min(sequence.keep, len(tokens))
            tokens = tokens[:keep] if self._model.forget(slot.index, keep) else tokens[:0]
        if not len(tokens):
            self._model.forget(slot.index)
        slot.sequence = None
        slot.cached = tokens
        sequence.slot = -1

    def forget_all(self) -> None:
        """Drop every cell; the caller has ended the live sequences."""
        self._model.clear()
        for slot in self._slots:
            slot.sequence = None
            slot.cached = np.empty(0, dtype=np.int32)

    def forget_retained(self) -> bool:
        """Drop the least recently used retained tokens; False where there are none."""
        retained = [s for s in self._slots if s.sequence is None and len(s.cached)]
        if not retained:
            return False
        slot = min(retained, key=lambda slot: slot.used)
        self._model.forget(slot.index)
        slot.cached = np.empty(0, dtype=np.int32)
        return True

    def close_gaps(self) -> None:
        """Move one live sequence into a gap between the others, if there is one."""
        if self._model.layout.unified or self._model.recurrent:
            return
        live = [slot for slot in self._slots if slot.sequence is not None]
        if len(live) < 2 or live[-1].index - live[0].index + 1 == len(live):
            return
        outer = live[-1]
        gaps = [s for s in self._slots[live[0].index : outer.index] if s.sequence is None]
        gap = min(gaps, key=lambda slot: slot.used)
        sequence = outer.sequence
        if sequence is None:
            return
        end = sequence.position(sequence.computed)
        gap.cached = np.empty(0, dtype=np.int32)
        if not self._model.copy(outer.index, gap.index, end):
            return
        self._model.forget(outer.index)
        gap.sequence, outer.sequence = sequence, None
        gap.used, outer.used = outer.used, 0
        outer.cached = np.empty(0, dtype=np.int32)
        sequence.slot = gap.index

    def _shared(self, sequence: Sequence, slot: Slot) -> int:
        """Tokens of the prompt that the slot has computed; one token always stays to compute."""
        most = sequence.keep if sequence.shifted else len(sequence.prompt) - 1
        shared = min(common_prefix(sequence.prompt, slot.tokens), most)
        return sequence.whole_chunks(shared)

    def _fitness(self, sequence: Sequence, slot: Slot, free: list[Slot]) -> tuple[int, int, int]:
        """Sorts slots by what they save; what is shared but not worth a copy saves nothing."""
        shared = self._shared(sequence, slot)
        saves = self._continues(slot, shared, free) or self._worth_copying(shared)
        return shared if saves else 0, shared, -len(slot.tokens)

    def _continues(self, slot: Slot, shared: int, free: list[Slot]) -> bool:
        """Whether a request that shares so much with a slot is computed in that slot."""
        if slot.sequence is not None or shared == 0:
            return False
        room = any(not len(slot.cached) for slot in free)
        part = SAME_CONVERSATION_WITH_ROOM if room else SAME_CONVERSATION
        return len(free) == 1 or shared >= part * len(slot.cached)

    def _tokens_to_repeat(self, sequence: Sequence, shared: int) -> int:
        """Shared tokens that are better computed again, so that the new ones fill a tile."""
        count = len(sequence.prompt) - shared
        if self._work is None or sequence.media or not self._work.worth_a_tile(count, shared):
            return 0
        # Beside other sequences the first token of a run is not computed with the rest of it.
        beside = not self._model.layout.unified and bool(self.live)
        return min(shared, TILE - count + beside)

    def _choose(self, free: list[Slot], source: Slot, shared: int) -> Slot:
        if self._continues(source, shared, free):
            return source
        live = [slot.index for slot in self._slots if slot.sequence is not None]

        def cost(slot: Slot) -> tuple[bool, bool, int, int]:
            beside = not live or any(abs(slot.index - i) == 1 for i in live)
            return (slot is source, not beside, slot.used if len(slot.cached) else 0, slot.index)

        return min(free, key=cost)

    def _reuse(self, sequence: Sequence, source: Slot, target: Slot, shared: int) -> int:
        """Bring the shared prefix into the target slot; returns how many tokens it holds."""
        model = self._model
        end = sequence.position(shared)
        if model.recurrent and shared != len(source.tokens):
            shared = 0  # the state cannot be taken back to an earlier token
        if source is not target:
            copied = self._worth_copying(shared) and model.copy(source.index, target.index, end)
            shared = shared if copied else 0
        elif shared < len(target.cached) and not model.forget(target.index, end):
            shared = 0
        if shared and model.n_swa:
            first = model.first_position(target.index)
            if first < 0 or first > max(0, end - model.n_swa):
                shared = 0  # the window before the shared prefix's end is gone
        if not shared:
            model.forget(target.index)
        return shared

    def _worth_copying(self, shared: int) -> bool:
        if shared < MIN_SHARED or self._model.recurrent:
            return False
        if not self.seconds_per_token:
            return True
        return shared * self.seconds_per_token > 2 * self._copy_seconds


def common_prefix(one: TokenArray, other: TokenArray) -> int:
    """How many tokens two arrays have in common from the start."""
    size = min(len(one), len(other))
    if not size or one[0] != other[0]:
        return 0
    different = np.flatnonzero(one[:size] != other[:size])
    return int(different[0]) if len(different) else size
