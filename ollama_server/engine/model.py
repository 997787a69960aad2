"""A llama.cpp model and its context, with the handful of calls the engine needs.

One thread owns the context. The vocabulary is immutable, so ``tokenize`` and ``piece`` may be
called from any thread while the owner decodes.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llama_cpp.llama_cpp as lib
import numpy as np
from numpy.typing import NDArray

from . import backends, overrides
from .errors import RequestError
from .layers import layers_to_try
from .log import NativeLog, is_host
from .protocol import Load, ModelInfo
from .threads import physical_cores
from .tiles import Work

POOLING = {-1: "", 0: "none", 1: "mean", 2: "cls", 3: "last", 4: "rank"}
KV_TYPES = {
    "f32": lib.GGML_TYPE_F32,
    "f16": lib.GGML_TYPE_F16,
    "bf16": 30,  # GGML_TYPE_BF16
    "q8_0": lib.GGML_TYPE_Q8_0,
    "q4_0": lib.GGML_TYPE_Q4_0,
    "q4_1": lib.GGML_TYPE_Q4_1,
    "iq4_nl": lib.GGML_TYPE_IQ4_NL,
    "q5_0": lib.GGML_TYPE_Q5_0,
    "q5_1": lib.GGML_TYPE_Q5_1,
}
FLOATS = ("", "f16", "f32")
MEMORY_ERRORS = ("out of memory", "failed to allocate", "unable to allocate", "cannot allocate")
# One sequence of the embedding batch per input; the pool of cells is shared, so many cost nothing.
EMBEDDING_SEQUENCES = 64
# With more sequences than these, batches make good use of every weight that is read, without help.
MAX_DRAFTED = 4
# Weights a thread reads in the time that a few of a step's barriers cost.
BYTES_PER_THREAD = 16 << 20
# llama.cpp makes no more, and aborts where it is asked to.
MOST_THREADS = 512
# A list of devices that ends at once.
NO_DEVICES = (ctypes.c_void_p * 1)()
# Views of the logits that are kept: llama.cpp puts them where they were before, nearly always.
MAX_VIEWS = 256

Logits = NDArray[np.float32]


class ModelError(Exception):
    """llama.cpp refused the model; ``kind`` is protocol.LoadFailed's."""

    def __init__(self, message: str, kind: str = "model") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Layout:
    """How the context's memory is cut: ``cells`` a sequence, ``sequences`` of them."""

    cells: int
    sequences: int
    batch: int
    unified: bool


class Model:
    """A loaded model; ``close`` frees everything llama.cpp holds."""

    def __init__(self, load: Load, progress: Callable[[float], None], log: NativeLog) -> None:
        self.log = log
        self._model: int | None = None
        self._ctx: int | None = None
        self._adapters: list[int] = []
        self._pieces: dict[int, bytes] = {}
        self._views: dict[tuple[int, int], Logits] = {}
        backends.start()
        self.num_gpu = self._load_with_fitting_layers(load, progress)
        self.vocab = lib.llama_model_get_vocab(self._model)
        self.n_vocab = int(lib.llama_vocab_n_tokens(self.vocab))
        self.kv_bytes = log.kv_bytes()
        self.memory = lib.llama_get_memory(self._ctx)
        # Whether positions may be moved at all, and whether llama.cpp can do it to these cells.
        self.movable = bool(self.memory) and bool(lib.llama_memory_can_shift(self.memory))
        self.can_shift = self.movable and not self.layout.unified and self._shifts_keys(load)
        self.recurrent = bool(
            lib.llama_model_is_recurrent(self._model) or lib.llama_model_is_hybrid(self._model)
        )
        self.n_swa = int(lib.llama_model_n_swa(self._model))
        self.pooling = POOLING.get(int(lib.llama_pooling_type(self._ctx)), "")
        self.end_tokens = self._end_tokens(load.end_tokens)
        self.suppressed = self._suppressed_tokens()
        self.adds_bos = bool(lib.llama_vocab_get_add_bos(self.vocab))
        self.closing_tokens = {
            int(t) for t in (lib.llama_vocab_eos(self.vocab), lib.llama_vocab_sep(self.vocab))
        }

    # --- loading ----------------------------------------------------------------------------------

    def _load_with_fitting_layers(self, load: Load, progress: Callable[[float], None]) -> int:
        """Load, with fewer layers on the GPU each time memory runs out; returns the layers used."""
        offload = bool(lib.llama_supports_gpu_offload())
        counts = layers_to_try(load.num_gpu, load.layers) if offload else [load.num_gpu]
        for count in counts:
            try:
                self._open(load, count, progress)
            except ModelError as error:
                self.close()
                if error.kind != "memory" or count == counts[-1]:
                    raise
            else:
                layers = int(lib.llama_model_n_layer(self._model)) + 1
                return (layers if count < 0 else min(count, layers)) if offload else 0
        raise AssertionError("the last attempt returns or raises")

    def _open(self, load: Load, num_gpu: int, progress: Callable[[float], None]) -> None:
        self.log.clear()
        self._model = self._open_model(load, num_gpu, progress)
        self.embedding = load.embedding or self._pooled()
        self.layout = self._choose_layout(load)
        self._ctx = lib.llama_init_from_model(self._model, self._context_params(load))
        if not self._ctx:
            raise self._error("failed to create the context")
        self._apply_adapters(load)

    def _open_model(self, load: Load, num_gpu: int, progress: Callable[[float], None]) -> int:
        params = lib.llama_model_default_params()
        params.n_gpu_layers = num_gpu
        if num_gpu == 0:
            # Where there are devices, long prompts would be computed on them all the same.
            params.devices = ctypes.addressof(NO_DEVICES)
        if load.main_gpu is not None:
            params.main_gpu = load.main_gpu
            params.split_mode = lib.LLAMA_SPLIT_MODE_NONE
        if load.use_mmap is not None:
            params.load_mode = 1 if load.use_mmap else 0
        if load.overrides:
            params.kv_overrides = overrides.native(load.overrides)

        def report(fraction: float, _: object) -> bool:
            progress(fraction)
            return True

        params.progress_callback = lib.llama_progress_callback(report)
        if not os.path.exists(load.model):
            raise ModelError(f"open {load.model}: no such file or directory")
        model = lib.llama_model_load_from_file(load.model.encode(), params)
        if not model:
            raise self._error("unable to load model")
        return int(model)

    def _choose_layout(self, load: Load) -> Layout:
        trained = int(lib.llama_model_n_ctx_train(self._model))
        cells = max(4, min(load.num_ctx, trained) if trained else load.num_ctx)
        if self.embedding:
            # llama.cpp aborts where a batch has no room for a token of each sequence.
            return Layout(cells, min(EMBEDDING_SEQUENCES, cells), cells, True)
        return Layout(cells, max(1, load.parallel), max(32, load.num_batch), load.kv_unified)

    def _context_params(self, load: Load) -> lib.llama_context_params:
        layout = self.layout
        params = lib.llama_context_default_params()
        params.n_ctx = layout.cells if self.embedding else layout.cells * layout.sequences
        params.n_seq_max = layout.sequences
        params.kv_unified = layout.unified
        params.n_batch = max(layout.batch, layout.sequences)
        params.n_ubatch = layout.batch
        self.threads_given = load.num_thread > 0
        most = min(os.cpu_count() or MOST_THREADS, MOST_THREADS)
        threads = min(load.num_thread, most) if self.threads_given else self._threads()
        params.n_threads = params.n_threads_batch = threads
        params.embeddings = self.embedding
        if not self.embedding:
            # Only the last row of a run is sampled, and the rows of guesses behind it.
            params.n_outputs_max = layout.sequences + MAX_DRAFTED * load.draft_tokens
        self.tiled_attention = load.flash_attention is not False and load.kv_cache_type in FLOATS
        if load.flash_attention is not None:
            params.flash_attn_type = 1 if load.flash_attention else 0
        kv_type = KV_TYPES.get(load.kv_cache_type or "f16")
        if kv_type is None:
            raise ModelError(
                f'unsupported KV cache type "{load.kv_cache_type}": use one of '
                + ", ".join(sorted(KV_TYPES)),
                "other",
            )
        params.type_k = params.type_v = kv_type
        params.no_perf = True
        return params

    def _shifts_keys(self, load: Load) -> bool:
        """Whether llama.cpp can turn keys of this type: it crashes where it cannot."""
        kind = load.kv_cache_type
        # Keys in few bits are turned in a rotated form, which not every size of a head has.
        return kind in FLOATS or (kind != "bf16" and self.log.rotates_keys())

    def _threads(self) -> int:
        """As many as have enough to do between two barriers, at most one a core."""
        useful = 1 + int(lib.llama_model_size(self._model)) // BYTES_PER_THREAD
        return min(physical_cores(), useful)

    def _apply_adapters(self, load: Load) -> None:
        if not load.adapters:
            return
        for adapter in load.adapters:
            handle = lib.llama_adapter_lora_init(self._model, adapter.path.encode())
            if not handle:
                raise self._error(f"unable to load the adapter {adapter.path}")
            self._adapters.append(handle)
        handles = (lib.llama_adapter_lora_p_ctypes * len(self._adapters))(*self._adapters)
        scales = (ctypes.c_float * len(self._adapters))(*(a.scale for a in load.adapters))
        if lib.llama_set_adapters_lora(self._ctx, handles, len(self._adapters), scales) != 0:
            raise self._error("the adapter does not fit this model")

    def _error(self, what: str) -> ModelError:
        text = self.log.errors() or what
        lowered = self.log.text().lower()
        kind = "memory" if any(mark in lowered for mark in MEMORY_ERRORS) else "model"
        return ModelError(text, kind)

    def close(self) -> None:
        """Free the context, the adapters and the model."""
        if self._ctx:
            lib.llama_free(self._ctx)
            self._ctx = None
        self._adapters.clear()  # freed with the model
        if self._model:
            lib.llama_model_free(self._model)
            self._model = None

    # --- facts ------------------------------------------------------------------------------------

    @property
    def model_handle(self) -> Any:
        """llama.cpp's model, for those who build upon it."""
        return self._model

    @property
    def context_handle(self) -> Any:
        """llama.cpp's context; only the owning thread may use it."""
        return self._ctx

    @property
    def input_width(self) -> int:
        """Numbers in one embedding that enters the model."""
        return int(lib.llama_model_n_embd_inp(self._model))

    @property
    def threads(self) -> int:
        """Threads a batch is computed with."""
        return int(lib.llama_n_threads_batch(self._ctx))

    def log_errors(self) -> str:
        """llama.cpp's error lines since loading began."""
        return self.log.errors()

    def meta(self, key: str) -> str | None:
        """A metadata value of the file as text, None where the key is missing."""
        size = lib.llama_model_meta_val_str(self._model, key.encode(), None, 0)
        if size < 0:
            return None
        buffer = ctypes.create_string_buffer(size + 1)
        lib.llama_model_meta_val_str(self._model, key.encode(), buffer, size + 1)
        return buffer.value.decode("utf-8", "replace")

    def _pooled(self) -> bool:
        arch = self.meta("general.architecture") or ""
        return self.meta(f"{arch}.pooling_type") is not None

    def _end_tokens(self, more: list[int]) -> frozenset[int]:
        """Tokens that end a generation: llama.cpp's, and ``more`` that are in the vocabulary."""
        ends = {t for t in range(self.n_vocab) if lib.llama_vocab_is_eog(self.vocab, t)}
        return frozenset(ends | {t for t in more if 0 <= t < self.n_vocab})

    def _suppressed_tokens(self) -> NDArray[np.int32]:
        function = lib._lib.llama_vocab_get_suppress_tokens
        function.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int32)]
        function.restype = ctypes.POINTER(ctypes.c_int32)
        count = ctypes.c_int32(0)
        ids = function(self.vocab, ctypes.byref(count))
        return np.array(ids[: count.value] if count.value else [], dtype=np.int32)

    @property
    def embedding_width(self) -> int:
        """Numbers in one embedding; classes of a reranker."""
        if self.pooling == "rank":
            return int(lib.llama_model_n_cls_out(self._model))
        return int(lib.llama_model_n_embd_out(self._model))

    @property
    def start_token(self) -> int:
        """The token that an empty prompt becomes; -1 where the vocabulary has none."""
        for token in (lib.llama_vocab_bos(self.vocab), lib.llama_vocab_eos(self.vocab)):
            if token >= 0:
                return int(token)
        return -1

    @property
    def pair_tokens(self) -> tuple[list[int], list[int], list[int]]:
        """Tokens before, between and behind the two texts that a reranker compares."""
        vocab = self.vocab
        bos, eos, sep = (
            int(get(vocab))
            for get in (lib.llama_vocab_bos, lib.llama_vocab_eos, lib.llama_vocab_sep)
        )
        end = [eos if eos >= 0 else sep] if lib.llama_vocab_get_add_eos(vocab) else []
        between = [eos if eos >= 0 else sep] if lib.llama_vocab_get_add_eos(vocab) else []
        if lib._lib.llama_vocab_get_add_sep(vocab):
            between.append(sep)
        return ([bos] if self.adds_bos else []), between, end

    def _normalizes(self) -> bool:
        """Whether this model's embeddings are meant to have unit length."""
        arch = self.meta("general.architecture") or ""
        stated = self.meta(f"{arch}.normalize_embeddings")
        if arch.startswith("nomic-bert"):
            return stated == "true"
        if arch == "bert":
            return self.meta("tokenizer.ggml.model") == "bert" and stated != "false"
        return True

    def info(self) -> ModelInfo:
        """What the server wants to know, once the model is loaded."""
        vocab = self.vocab
        sizes = self.log.buffer_sizes()
        host = sum(size for device, size in sizes if is_host(device))
        device = sum(size for device, size in sizes if not is_host(device))
        return ModelInfo(
            num_ctx=self.layout.cells,
            parallel=self.layout.sequences,
            num_ctx_train=int(lib.llama_model_n_ctx_train(self._model)),
            n_vocab=self.n_vocab,
            n_embd=int(lib.llama_model_n_embd(self._model)),
            pooling=self.pooling if self.embedding else "",  # type: ignore[arg-type]
            bos=int(lib.llama_vocab_bos(vocab)),
            eos=int(lib.llama_vocab_eos(vocab)),
            bos_piece=self._piece_text(lib.llama_vocab_bos(vocab)),
            eos_piece=self._piece_text(lib.llama_vocab_eos(vocab)),
            add_bos=bool(lib.llama_vocab_get_add_bos(vocab)),
            add_eos=bool(lib.llama_vocab_get_add_eos(vocab)),
            fim_prefix=int(lib.llama_vocab_fim_pre(vocab)),
            fim_suffix=int(lib.llama_vocab_fim_suf(vocab)),
            fim_middle=int(lib.llama_vocab_fim_mid(vocab)),
            can_shift=self.can_shift,
            size=host + device or int(lib.llama_model_size(self._model)),
            size_vram=device,
            num_gpu=self.num_gpu,
            num_batch=self.layout.batch,
            normalize_embeddings=self._normalizes(),
            system_info=lib.llama_print_system_info().decode(),
        )

    def prefill_work(self) -> Work | None:
        """What a prompt token costs; None where attention does not work in tiles."""
        in_tiles = self.num_gpu == 0 and self.tiled_attention
        if not in_tiles or self.recurrent or self.n_swa:
            return None
        heads = int(lib.llama_model_n_head(self._model))
        width = int(lib.llama_model_n_embd(self._model))
        arch = self.meta("general.architecture") or ""
        head_width = int(self.meta(f"{arch}.attention.key_length") or width // max(1, heads))
        layers = int(lib.llama_model_n_layer(self._model))
        weights = int(lib.llama_model_n_params(self._model)) - self.n_vocab * width
        return Work(weights=2.0 * weights, attention=4.0 * heads * head_width * layers)

    # --- vocabulary -------------------------------------------------------------------------------

    def tokenize(self, text: str, *, add_special: bool, special: bool) -> list[int]:
        """Token ids of ``text``; ``special`` reads control tokens, ``add_special`` adds BOS/EOS."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        ids = (lib.llama_token * room)()
        count = lib.llama_tokenize(self.vocab, data, len(data), ids, room, add_special, special)
        if count < 0:
            room = -count
            ids = (lib.llama_token * room)()
            count = lib.llama_tokenize(self.vocab, data, len(data), ids, room, add_special, special)
        return list(ids[:count])

    def piece(self, token: int) -> bytes:
        """The bytes of one token, control tokens as their text; empty for ids out of range."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token)
        return piece

    def _read_piece(self, token: int) -> bytes:
        if not 0 <= token < self.n_vocab:
            return b""
        buffer = ctypes.create_string_buffer(64)
        size = lib.llama_token_to_piece(self.vocab, token, buffer, 64, 0, True)
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = lib.llama_token_to_piece(self.vocab, token, buffer, -size, 0, True)
        return buffer.raw[:size]

    def _piece_text(self, token: int) -> str:
        return self.piece(token).decode("utf-8", "replace")

    def known_tokens(self, ids: list[int]) -> list[int]:
        """The same ids; raises RequestError for one that the vocabulary does not have."""
        for token in ids:
            if not 0 <= token < self.n_vocab:
                raise RequestError(f"token {token} is not in the vocabulary of this model")
        return ids

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of ``tokens``, as one string."""
        return b"".join(map(self.piece, tokens)).decode("utf-8", "replace")

    # --- computing --------------------------------------------------------------------------------

    def decode(self, batch: lib.llama_batch) -> int:
        """Run a batch; llama_decode's status: 0, or what went wrong."""
        return int(lib.llama_decode(self._ctx, batch))

    def decode_whole(self, batch: lib.llama_batch) -> int:
        """Run a batch whose tokens all see each other, before and behind; as ``decode``."""
        lib.llama_set_causal_attn(self._ctx, False)
        try:
            return self.decode(batch)
        finally:
            lib.llama_set_causal_attn(self._ctx, True)

    def logits(self, rows: int) -> Logits:
        """A writable view of the last batch's logits, shape (rows, n_vocab), in batch order."""
        place = (logits_address(self._ctx), rows)
        view = self._views.get(place)
        if view is None:  # making one takes longer than most of a step's other work
            if len(self._views) > MAX_VIEWS:
                self._views.clear()
            pointer = ctypes.cast(place[0], ctypes.POINTER(ctypes.c_float))
            view = np.ctypeslib.as_array(pointer, shape=(rows, self.n_vocab))
            self._views[place] = view
        return view

    def pooled_embedding(self, sequence: int, width: int) -> Logits:
        """The pooled embedding of a sequence of the last batch, shape (width,), copied."""
        pointer = lib.llama_get_embeddings_seq(self._ctx, sequence)
        if not pointer:
            raise ModelError("the model gave no embedding", "other")
        return np.ctypeslib.as_array(pointer, shape=(width,)).copy()

    def token_embedding(self, row: int, width: int) -> Logits:
        """The embedding of one token of the last batch, shape (width,), copied."""
        pointer = lib.llama_get_embeddings_ith(self._ctx, row)
        return np.ctypeslib.as_array(pointer, shape=(width,)).copy()

    def use_threads(self, count: int) -> None:
        """Compute steps of one token with ``count`` threads; batches keep all of theirs."""
        lib.llama_set_n_threads(self._ctx, count, self.threads)

    def synchronize(self) -> None:
        """Wait for the device, so that a measured time is the step's own."""
        lib.llama_synchronize(self._ctx)

    # --- memory of sequences ----------------------------------------------------------------------

    def forget(self, sequence: int, start: int = 0) -> bool:
        """Drop a sequence's cells from position ``start`` on; False where the memory refuses."""
        if not self.memory:
            return True
        return bool(lib.llama_memory_seq_rm(self.memory, sequence, start, -1))

    def copy(self, source: int, target: int, length: int) -> bool:
        """Make ``target`` hold the first ``length`` positions of ``source``."""
        self.forget(target)
        if self.layout.unified:
            lib.llama_memory_seq_cp(self.memory, source, target, 0, length)
            return True
        lib.llama_memory_seq_cp(self.memory, source, target, 0, -1)
        return self.forget(target, length)

    def shift(self, sequence: int, keep: int, discard: int, end: int) -> None:
        """Drop ``discard`` positions behind the first ``keep``; what follows moves up."""
        lib.llama_memory_seq_rm(self.memory, sequence, keep, keep + discard)
        lib.llama_memory_seq_add(self.memory, sequence, keep + discard, end, -discard)

    def first_position(self, sequence: int) -> int:
        """The lowest position still in memory; -1 for an empty sequence."""
        return int(lib.llama_memory_seq_pos_min(self.memory, sequence))

    def clear(self) -> None:
        """Forget everything in every sequence."""
        if self.memory:
            lib.llama_memory_clear(self.memory, True)


# Of the library's own prototype, a pointer object comes back, which is looked into every step.
logits_address = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(("llama_get_logits", lib._lib))
