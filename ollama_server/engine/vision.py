"""Images and sound, through llama.cpp's mtmd: files become runs of embeddings.

A projector encodes on a thread of its own, beside the engine's, so that running streams go on.
What it made is kept by the content's hash: the same picture is encoded once, in whatever request.
"""

from __future__ import annotations

import ctypes
import hashlib
import struct
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import llama_cpp.mtmd_cpp as lib
import numpy as np
from numpy.typing import NDArray

from . import protocol as p
from .batch import EmbeddingBatch
from .model import Model, ModelError

CACHE_BYTES = 256 << 20
TEXT_CHUNK = lib.MTMD_INPUT_CHUNK_TYPE_TEXT

Embeddings = NDArray[np.float32]
Positions = NDArray[np.int32]
# Files that are no image are tried as videos, by programs of this folder: there is none.
NO_PROGRAMS = b"/dev/null"


class MediaError(ValueError):
    """A file that the projector cannot read, or of a kind that it does not take."""


class Chunk:
    """A run of embeddings in a prompt.

    ``start`` is the index of its first token, ``count`` its tokens, ``positions`` how far it moves
    the position of what follows (not ``count`` in models with two-dimensional positions).
    ``whole`` says that its tokens see each other, also those behind them: it cannot be split.
    """

    __slots__ = ("_handle", "count", "embeddings", "key", "positions", "start", "whole")

    def __init__(
        self, handle: int, start: int, key: str, embeddings: Embeddings, *, whole: bool
    ) -> None:
        self._handle: int | None = handle
        self.whole = whole
        self.start = start
        self.key = key
        self.embeddings = embeddings
        self.count = int(lib.mtmd_input_chunk_get_n_tokens(handle))
        self.positions = int(lib.mtmd_input_chunk_get_n_pos(handle))

    @property
    def end(self) -> int:
        """The index of the first token behind the run."""
        return self.start + self.count

    @property
    def handle(self) -> int:
        """mtmd's own object."""
        assert self._handle is not None
        return self._handle

    def placeholders(self) -> list[int]:
        """Negative token ids that stand for the run: the same for the same content."""
        seed = hashlib.sha256(self.key.encode()).digest()
        (base,) = struct.unpack_from("<I", seed)
        return [-1 - ((base + i * 0x9E3779B1) & 0x3FFFFFFF) for i in range(self.count)]

    def __del__(self) -> None:
        if self._handle is not None:
            lib.mtmd_input_chunk_free(self._handle)
            self._handle = None


@dataclass(slots=True)
class MediaPrompt:
    """A prompt's tokens, with placeholders where ``chunks`` have their embeddings."""

    tokens: list[int]
    chunks: list[Chunk]


class Projector:
    """An mmproj file on top of a loaded model."""

    def __init__(self, path: str, model: Model, load: p.Load) -> None:
        self._model = model
        params = lib.mtmd_context_params_default()
        params.use_gpu = load.num_gpu != 0
        params.print_timings = False
        params.warmup = False
        params.n_threads = model.threads
        self._ctx = lib.mtmd_init_from_file(path.encode(), model.model_handle, params)
        if not self._ctx:
            raise ModelError(model.log_errors() or f"unable to load the projector {path}")
        self.vision = bool(lib.mtmd_support_vision(self._ctx))
        self.audio = bool(lib.mtmd_support_audio(self._ctx))
        self._width = model.input_width
        self._batch = EmbeddingBatch(model.layout.batch)
        self._two_dimensional = bool(lib.mtmd_decode_use_mrope(self._ctx))
        self._reading = lib.mtmd_helper_init_opt_default()
        self._reading.video_params.ffmpeg_bin_dir = NO_PROGRAMS
        self._cache: OrderedDict[str, Embeddings] = OrderedDict()
        self._cached_bytes = 0

    # --- prompts (on the media thread) ------------------------------------------------------------

    def prompt(self, parts: Sequence[p.PromptPart], *, add_special: bool) -> MediaPrompt:
        """Tokens and encoded media of a prompt; raises MediaError."""
        keep: list[object] = []  # what the native structures point to
        bitmaps: list[int] = []
        try:
            array = self._native_parts(parts, keep, bitmaps)
            chunks = lib.mtmd_input_chunks_init()
            try:
                status = lib.mtmd_tokenize_from_parts(
                    self._ctx, chunks, array, len(parts), add_special
                )
                if status != 0:
                    raise MediaError(f"the prompt's images could not be prepared ({status})")
                # Encoding takes long: what will not fit is refused before it.
                count, cells = int(lib.mtmd_helper_get_n_tokens(chunks)), self._model.layout.cells
                if count >= cells:
                    raise MediaError(too_long(count, cells))
                return self._collect(chunks)
            finally:
                lib.mtmd_input_chunks_free(chunks)
        finally:
            for bitmap in bitmaps:
                lib.mtmd_bitmap_free(bitmap)

    def _native_parts(
        self, parts: Sequence[p.PromptPart], keep: list[object], bitmaps: list[int]
    ) -> object:
        part_pointer = ctypes.POINTER(lib.mtmd_input_part)
        array = (part_pointer * len(parts))()
        media = 0
        for index, part in enumerate(parts):
            native = lib.mtmd_input_part()
            if isinstance(part, p.Media):
                media += 1
                native.bitmap = self._bitmap(part, media)
                bitmaps.append(native.bitmap)
            else:
                text = self._native_text(part)
                keep.append(text)
                native.text = ctypes.pointer(text)
            keep.append(native)
            array[index] = ctypes.pointer(native)
        keep.append(array)
        return array

    def _native_text(self, part: p.PromptPart) -> lib.mtmd_input_text:
        if isinstance(part, p.Tokens):
            ids = self._model.known_tokens(part.ids)
            data, special = self._model.detokenize(ids).encode(), True
        else:
            assert isinstance(part, p.Text)
            data, special = part.text.encode("utf-8", "replace"), part.special
        return lib.mtmd_input_text(data, len(data), False, special)

    def _bitmap(self, part: p.Media, number: int) -> int:
        if part.kind == "image" and not self.vision:
            raise MediaError("this model does not take images")
        if part.kind == "audio" and not self.audio:
            raise MediaError("this model does not take sound")
        buffer = (ctypes.c_uint8 * len(part.data)).from_buffer_copy(part.data)
        bitmap = lib.mtmd_helper_bitmap_init_from_buf(
            self._ctx, buffer, len(part.data), False, self._reading
        )
        if not bitmap:
            raise MediaError(f"{part.kind} {number} could not be read")
        lib.mtmd_bitmap_set_id(bitmap, hashlib.sha256(part.data).hexdigest().encode())
        return int(bitmap)

    def _collect(self, chunks: object) -> MediaPrompt:
        prompt = MediaPrompt([], [])
        seen: dict[str, int] = {}
        for index in range(lib.mtmd_input_chunks_size(chunks)):
            native = lib.mtmd_input_chunks_get(chunks, index)
            if lib.mtmd_input_chunk_get_type(native) == TEXT_CHUNK:
                prompt.tokens += _text_tokens(native)
                continue
            name = (lib.mtmd_input_chunk_get_id(native) or b"").decode()
            seen[name] = seen.get(name, -1) + 1
            # The same picture may stand in a prompt twice, and one picture may be many chunks.
            key = f"{name}/{seen[name]}/{lib.mtmd_input_chunk_get_n_tokens(native)}"
            embeddings = self._embeddings(key, native)
            handle = lib.mtmd_input_chunk_copy(native)
            whole = bool(lib.mtmd_decode_use_non_causal(self._ctx, native))
            chunk = Chunk(int(handle), len(prompt.tokens), key, embeddings, whole=whole)
            prompt.tokens += chunk.placeholders()
            prompt.chunks.append(chunk)
        if prompt.chunks and prompt.chunks[-1].end == len(prompt.tokens):
            # The answer starts from a token's logits, and embeddings give none.
            prompt.tokens += self._model.tokenize("\n", add_special=False, special=False)
        return prompt

    def _embeddings(self, key: str, chunk: object) -> Embeddings:
        cached = self._cache.get(key)
        if cached is not None:
            self._cache.move_to_end(key)
            return cached
        if lib.mtmd_encode_chunk(self._ctx, chunk) != 0:
            raise MediaError("an image could not be encoded")
        count = lib.mtmd_input_chunk_get_n_tokens(chunk)
        output = lib.mtmd_get_output_embd(self._ctx)
        made = np.ctypeslib.as_array(output, shape=(count, self._width)).copy()
        self._cache[key] = made
        self._cached_bytes += made.nbytes
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            _, oldest = self._cache.popitem(last=False)
            self._cached_bytes -= oldest.nbytes
        return made

    # --- decoding (on the engine's thread) --------------------------------------------------------

    def decode(self, chunk: Chunk, done: int, count: int, sequence: int, position: int) -> int:
        """Put ``count`` embeddings behind the first ``done`` into the KV cache.

        ``position`` is the chunk's own. Returns llama_decode's status.
        """
        embeddings = chunk.embeddings[done : done + count]
        positions = self._positions(chunk, position)[:, done : done + count]
        batch = self._batch.fill(embeddings, positions, sequence)
        if not chunk.whole:
            return self._model.decode(batch)
        return self._model.decode_whole(batch)

    def _positions(self, chunk: Chunk, position: int) -> Positions:
        """Shape (1, count), or (4, count) in models with positions in time and in the picture."""
        straight = np.arange(position, position + chunk.count, dtype=np.int32)
        if not self._two_dimensional:
            return straight[np.newaxis]
        image = lib.mtmd_input_chunk_get_tokens_image(chunk.handle)
        if not image:
            return np.tile(straight, (4, 1))
        places = (lib.mtmd_decoder_pos * chunk.count)()
        lib.mtmd_helper_image_get_decoder_pos(image, position, places)
        fields = np.frombuffer(places, dtype=np.int32).reshape(chunk.count, 4)
        return fields[:, [0, 2, 1, 3]].T  # t, x, y, z -> time, row, column, and the fourth

    def close(self) -> None:
        """Free the native context."""
        if self._ctx:
            lib.mtmd_free(self._ctx)
            self._ctx = None


def too_long(count: int, cells: int) -> str:
    """What is said of a prompt of ``count`` tokens that may not be cut."""
    return (
        f"request ({count} tokens) exceeds the available context size ({cells} tokens), "
        "try increasing it"
    )


def _text_tokens(chunk: object) -> list[int]:
    count = ctypes.c_size_t(0)
    ids = lib.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
    return list(ids[: count.value]) if count.value else []
