"""Small checkpoints on disk, and what llama.cpp computes from a converted file."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from ollama_server.store.convert import convert_model
from ollama_server.store.job import Job

Array = np.ndarray[Any, Any]

_MAKER = Path(__file__).parents[2] / "golden" / "make_convert_goldens.py"
_spec = importlib.util.spec_from_file_location("make_convert_goldens", _MAKER)
assert _spec is not None
assert _spec.loader is not None
goldens = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(goldens)

TOKENS: list[int] = goldens.TOKENS


def byte_level_tokenizer() -> dict[str, Any]:
    """A ``tokenizer.json``: 256 bytes and four special tokens, no merges, Llama 3's splitting."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    letters = {byte: chr(byte) for byte in visible}
    letters.update({byte: chr(256 + place) for place, byte in enumerate(hidden)})
    special = ["<s>", "</s>", "<pad>", "<mask>"]
    return {
        "added_tokens": [
            {"id": 256 + place, "content": text, "special": True}
            for place, text in enumerate(special)
        ],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
        "decoder": {"type": "ByteLevel"},
        "post_processor": None,
        "model": {
            "type": "BPE",
            "vocab": {letters[byte]: byte for byte in range(256)},
            "merges": [],
        },
    }


def write_checkpoint(
    folder: Path,
    config: Mapping[str, Any],
    weights: Mapping[str, Array],
    tokenizer: Mapping[str, Any] | None = None,
    **others: Any,
) -> dict[str, Path]:
    """Write config, weights and tokenizer; returns the file set as an upload would have it."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = {"config": config, "tokenizer": tokenizer or byte_level_tokenizer(), **others}
    for name, document in documents.items():
        Path(folder, f"{name}.json").write_text(json.dumps(document))
    save_file(dict(weights), Path(folder, "model.safetensors"))
    return file_set(folder)


def save_raw(path: Path, tensors: dict[str, tuple[str, list[int], bytes]]) -> None:
    """A safetensors file of (type, shape, bytes)."""
    header: dict[str, Any] = {}
    offset = 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [offset, offset + len(data)],
        }
        offset += len(data)
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in tensors.values():
            file.write(data)


def file_set(folder: Path) -> dict[str, Path]:
    """All files below ``folder`` under their relative names."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in files}


def convert(files: Mapping[str, Path], target: Path, wanted: str = "F32") -> Path:
    """Convert a file set to ``target``."""
    with target.open("wb") as file:
        convert_model(files, file.write, Job(), wanted=wanted)
    return target


def logits(path: Path, tokens: Sequence[int]) -> Array:
    """llama.cpp's logits after each token, one row a token."""
    return _evaluate(path, tokens, embeddings=False)


def token_vectors(path: Path, tokens: Sequence[int]) -> Array:
    """llama.cpp's last hidden state of each token of an encoder."""
    return _evaluate(path, tokens, embeddings=True)


def quiet_llama() -> Any:
    """llama.cpp's bindings without its log."""
    import llama_cpp

    global _silence  # noqa: PLW0603 - native code keeps a pointer to it
    if _silence is None:
        _silence = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(_silence, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
    return llama_cpp


_silence: Any = None


def exact_settings() -> Any:
    """Parameters of a small context that keeps full precision."""
    settings = quiet_llama().llama_context_default_params()
    settings.n_ctx = settings.n_batch = settings.n_ubatch = 64
    settings.n_threads = settings.n_threads_batch = 1
    settings.flash_attn_type = 0
    settings.type_k = settings.type_v = 0  # F32
    return settings


def _evaluate(path: Path, tokens: Sequence[int], *, embeddings: bool) -> Array:
    llama_cpp = quiet_llama()
    options = llama_cpp.llama_model_default_params()
    options.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), options)
    assert model, f"llama.cpp refuses {path}"
    settings = exact_settings()
    settings.embeddings = embeddings
    settings.pooling_type = 0
    context = llama_cpp.llama_init_from_model(model, settings)
    batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for place, token in enumerate(tokens):
        batch.token[place] = token
        batch.pos[place] = place
        batch.n_seq_id[place] = 1
        batch.seq_id[place][0] = 0
        batch.logits[place] = 1
    assert llama_cpp.llama_decode(context, batch) == 0
    width = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    read = llama_cpp.llama_get_logits_ith
    if embeddings:
        width = llama_cpp.llama_model_n_embd(model)
        read = llama_cpp.llama_get_embeddings_ith
    rows = []
    for place in range(len(tokens)):
        pointer = ctypes.cast(read(context, place), ctypes.POINTER(ctypes.c_float))
        rows.append(np.ctypeslib.as_array(pointer, (width,)).copy())
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return np.array(rows)


def tokenize(path: Path, text: str, *, special: bool = True) -> list[int]:
    """llama.cpp's tokens of ``text`` by the vocabulary in ``path``."""
    llama_cpp = quiet_llama()
    options = llama_cpp.llama_model_default_params()
    options.vocab_only = True
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), options)
    assert model, f"llama.cpp refuses {path}"
    data = text.encode()
    found = (llama_cpp.llama_token * (len(data) + 8))()
    vocabulary = llama_cpp.llama_model_get_vocab(model)
    count = llama_cpp.llama_tokenize(vocabulary, data, len(data), found, len(found), special, True)
    llama_cpp.llama_model_free(model)
    return list(found[:count])
