"""The llama_batches that steps fill: their arrays seen through numpy, allocated once."""

from __future__ import annotations

import ctypes

import llama_cpp.llama_cpp as lib
import numpy as np
from numpy.typing import NDArray


class Batch:
    """Room for ``capacity`` tokens; ``add`` appends a run of one sequence, ``clear`` empties it."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.raw = lib.llama_batch_init(capacity, 0, 1)
        as_array = np.ctypeslib.as_array
        self._token: NDArray[np.int32] = as_array(self.raw.token, shape=(capacity,))
        self._pos: NDArray[np.int32] = as_array(self.raw.pos, shape=(capacity,))
        self._output: NDArray[np.int8] = as_array(self.raw.logits, shape=(capacity,))
        as_array(self.raw.n_seq_id, shape=(capacity,))[:] = 1
        # seq_id is an array of pointers to one id each: one block of ids, and the pointers into it.
        self._seq = np.zeros(capacity, dtype=np.int32)
        pointer = ctypes.POINTER(lib.llama_seq_id)
        base = self._seq.ctypes.data
        for i in range(capacity):
            self.raw.seq_id[i] = ctypes.cast(base + 4 * i, pointer)
        self.rows = 0

    @property
    def size(self) -> int:
        """Tokens in the batch."""
        return int(self.raw.n_tokens)

    def clear(self) -> None:
        """Start an empty batch."""
        self.raw.n_tokens = 0
        self.rows = 0

    def add(self, tokens: list[int], start: int, sequence: int, *, outputs: int) -> None:
        """Append ``tokens`` at positions from ``start``; the last ``outputs`` give logits."""
        begin = self.raw.n_tokens
        end = begin + len(tokens)
        if len(tokens) == 1:
            self._token[begin] = tokens[0]
            self._pos[begin] = start
            self._seq[begin] = sequence
            self._output[begin] = outputs
        else:
            self._token[begin:end] = tokens
            self._pos[begin:end] = np.arange(start, start + len(tokens), dtype=np.int32)
            self._seq[begin:end] = sequence
            self._output[begin:end] = 0
            self._output[end - outputs : end] = 1
        self.rows += outputs
        self.raw.n_tokens = end

    def output_all(self) -> None:
        """Ask for the output of every token (pooled embeddings need it)."""
        self._output[: self.size] = 1


class EmbeddingBatch:
    """A run of embeddings of one sequence, of at most ``capacity``; nothing of it is sampled."""

    def __init__(self, capacity: int) -> None:
        self._n_seq = np.ones(capacity, dtype=np.int32)
        self._seq = np.zeros(1, dtype=np.int32)
        # seq_id is an array of pointers to lists of ids: here to one and the same.
        self._seq_pointers = np.full(capacity, self._seq.ctypes.data, dtype=np.uintp)
        self._output = np.zeros(capacity, dtype=np.int8)
        self._kept: tuple[NDArray[np.float32], NDArray[np.int32]] | None = None

    def fill(
        self, embeddings: NDArray[np.float32], positions: NDArray[np.int32], sequence: int
    ) -> lib.llama_batch:
        """A batch of ``embeddings``, shape (count, width), at ``positions``, (kinds, count).

        It points into both arrays, and is good until the next call.
        """
        self._kept = np.ascontiguousarray(embeddings), np.ascontiguousarray(positions)
        self._seq[0] = sequence
        made, places = self._kept
        batch = lib.llama_batch()
        batch.n_tokens = len(made)
        batch.embd = made.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        batch.pos = places.ctypes.data_as(ctypes.POINTER(lib.llama_pos))
        batch.n_seq_id = self._n_seq.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        ids = ctypes.POINTER(ctypes.POINTER(lib.llama_seq_id))
        batch.seq_id = self._seq_pointers.ctypes.data_as(ids)
        batch.logits = self._output.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))
        return batch
