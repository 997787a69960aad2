"""Tiny models: the same weights as the file that Ollama publishes and as stock llama.cpp files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ollama_server.store import gguf_write as write
from ollama_server.store.dialects.draft import encode
from ollama_server.store.ggml import F16, F32

Array = NDArray[Any]
RAW_MXFP4, MXFP4 = 4, 39
Tensors = dict[str, Array]
RawTensor = tuple[int, tuple[int, ...], bytes]

WIDTH, INNER, BLOCKS, HEAD, VOCABULARY = 32, 64, 2, 16, 280
VISION, VISION_INNER, PATCH = 16, 48, 4


@dataclass
class Tiny:
    """A file: keys without their encoding, arrays in numpy's order of dimensions.

    ``raw`` holds tensors of other types than float32 and float16: type, shape in GGUF order, bytes.
    """

    keys: dict[str, Any]
    tensors: Tensors = field(default_factory=dict)
    raw: dict[str, RawTensor] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.encode())
        return path

    def encode(self) -> bytes:
        """The file's bytes."""
        tensors = [_tensor(name, array) for name, array in self.tensors.items()]
        tensors += [
            write.Tensor(
                name,
                shape,
                MXFP4 if kind == RAW_MXFP4 else kind,
                lambda data=data: [data],  # type: ignore[misc]
            )
            for name, (kind, shape, data) in self.raw.items()
        ]
        keys = {key: encoded(key, value) for key, value in self.keys.items()}
        data = bytearray()
        write.write_gguf(data.extend, keys, tensors)
        for name, (kind, shape, _) in self.raw.items():
            if kind == RAW_MXFP4:  # a type that nobody writes any more
                at = data.index(name.encode()) + len(name) + 4 + 8 * len(shape)
                data[at] = kind
        return bytes(data)


def encoded(key: str, value: Any) -> write.Encoded:
    if isinstance(value, bytes):
        return value
    return encode(value, as_float=key.endswith(".scores"))


def _tensor(name: str, array: Array) -> write.Tensor:
    kind = F16 if array.dtype == np.float16 else F32
    data = np.ascontiguousarray(array).tobytes()
    return write.Tensor(name, array.shape[::-1], kind, lambda: [data])


class Weights:
    """Random weights that are the same in every run, asked for in GGUF's order of dimensions."""

    def __init__(self, seed: int = 3) -> None:
        self._random = np.random.default_rng(seed)

    def matrix(self, *shape: int) -> Array:
        """In float16."""
        return (self._random.normal(size=shape[::-1]) * 0.2).astype(np.float16)

    def vector(self, *shape: int) -> Array:
        """In float32, around one; float16 can say the same."""
        values = 1 + self._random.normal(size=shape[::-1]) * 0.1
        return values.astype(np.float16).astype(np.float32)


def renamed(tensors: Mapping[str, Array], rules: Iterable[tuple[str, str]]) -> Tensors:
    """With texts in the names replaced."""
    found = {}
    for name, array in tensors.items():
        for old, new in rules:
            name = name.replace(old, new, 1)
        found[name] = array
    return found


def spm_keys(*specials: str, surplus: int = 0) -> dict[str, Any]:
    """A vocabulary of bytes, as SentencePiece has it."""
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{i:02X}>" for i in range(256))]
    tokens += ["\u2581", "a", "b", *specials]
    types = [3, 3, 3, 2, *[6] * 256, 1, 1, 1, *[3] * len(specials)]
    while len(tokens) < VOCABULARY + surplus:
        tokens.append(f"<filler{len(tokens)}>")
        types.append(1)
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [-float(i) for i in range(len(tokens))],
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.unknown_token_id": 3,
        "tokenizer.ggml.padding_token_id": 0,
    }


def bpe_keys(*specials: str, pre: str | None = "qwen2") -> dict[str, Any]:
    """A vocabulary of bytes, as GPT-2 has it."""
    tokens = [_byte_character(i) for i in range(256)] + ["ab", *specials]
    types = [1] * 257 + [3] * len(specials)
    while len(tokens) < VOCABULARY:
        tokens.append(f"<|filler{len(tokens)}|>")
        types.append(3)
    keys = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": ["a b"],
        "tokenizer.ggml.bos_token_id": VOCABULARY - 1,
        "tokenizer.ggml.eos_token_id": VOCABULARY - 1,
    }
    return keys | ({"tokenizer.ggml.pre": pre} if pre is not None else {})


def _byte_character(byte: int) -> str:
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    if byte in printable:
        return chr(byte)
    return chr(256 + [i for i in range(256) if i not in printable].index(byte))


def text_keys(architecture: str, **more: Any) -> dict[str, Any]:
    """Keys that all text models have; names with underscores for dots are given in full."""
    keys = {
        "block_count": BLOCKS,
        "context_length": 256,
        "embedding_length": WIDTH,
        "feed_forward_length": INNER,
        "attention.head_count": 2,
        "attention.head_count_kv": 1,
        "attention.key_length": HEAD,
        "attention.value_length": HEAD,
        "attention.layer_norm_rms_epsilon": 1e-6,
        "rope.freq_base": 10000.0,
    }
    found: dict[str, Any] = {"general.architecture": architecture}
    return found | {f"{architecture}.{key}": value for key, value in (keys | more).items()}


def text_tensors(
    weights: Weights, extra: Callable[[int], Tensors] | None = None, *, blocks: int = BLOCKS
) -> Tensors:
    """A plain decoder with names as llama.cpp has them; ``extra`` adds to each block."""
    w = weights
    found: Tensors = {"token_embd.weight": w.matrix(WIDTH, VOCABULARY)}
    for i in range(blocks):
        block = {
            "attn_norm.weight": w.vector(WIDTH),
            "attn_q.weight": w.matrix(WIDTH, 2 * HEAD),
            "attn_k.weight": w.matrix(WIDTH, HEAD),
            "attn_v.weight": w.matrix(WIDTH, HEAD),
            "attn_output.weight": w.matrix(2 * HEAD, WIDTH),
            "ffn_norm.weight": w.vector(WIDTH),
            "ffn_gate.weight": w.matrix(WIDTH, INNER),
            "ffn_up.weight": w.matrix(WIDTH, INNER),
            "ffn_down.weight": w.matrix(INNER, WIDTH),
        } | (extra(i) if extra else {})
        found |= {f"blk.{i}.{name}": array for name, array in block.items()}
    return found | {
        "output_norm.weight": w.vector(WIDTH),
        "output.weight": w.matrix(WIDTH, VOCABULARY),
    }


def outer_norms(w: Weights) -> Tensors:
    """Norms behind attention and feed-forward layer."""
    return {
        "post_attention_norm.weight": w.vector(WIDTH),
        "post_ffw_norm.weight": w.vector(WIDTH),
    }


def head_norms(w: Weights, query: int = HEAD, key: int = HEAD) -> Tensors:
    """Norms of queries and keys."""
    return {"attn_q_norm.weight": w.vector(query), "attn_k_norm.weight": w.vector(key)}


def experts(w: Weights, count: int, inner: int, shared: int = 0, width: int = WIDTH) -> Tensors:
    """What stands in a block for the plain feed-forward layer; ``width`` is the experts' input."""
    found: Tensors = {"ffn_gate_inp.weight": w.matrix(WIDTH, count).astype(np.float32)}
    for name, inputs, outputs in (
        ("gate", width, inner),
        ("up", width, inner),
        ("down", inner, width),
    ):
        found[f"ffn_{name}_exps.weight"] = w.matrix(inputs, outputs, count)
    if shared:
        found["ffn_gate_shexp.weight"] = w.matrix(WIDTH, shared)
        found["ffn_up_shexp.weight"] = w.matrix(WIDTH, shared)
        found["ffn_down_shexp.weight"] = w.matrix(shared, WIDTH)
    return found


def in_block(tensors: Tensors, block: int, new: Mapping[str, Array], *, without: str = "") -> None:
    """Add tensors to a block, and take away those whose names begin with ``without``."""
    head = f"blk.{block}."
    if without:
        for name in [name for name in tensors if name.startswith(head + without)]:
            del tensors[name]
    tensors.update({head + name: array for name, array in new.items()})


def vision_blocks(weights: Weights, tensors: Callable[[Weights], Tensors], count: int) -> Tensors:
    """The blocks of a tower."""
    return {
        f"v.blk.{i}.{name}": array for i in range(count) for name, array in tensors(weights).items()
    }


def biased(weights: Weights, name: str, inputs: int, outputs: int) -> Tensors:
    """A linear layer."""
    return {
        f"{name}.weight": weights.matrix(inputs, outputs),
        f"{name}.bias": weights.vector(outputs),
    }
