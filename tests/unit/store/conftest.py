"""A store and models in it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ollama_server.store import gguf_write as write
from ollama_server.store.store import Store
from tests.unit.store.checkpoints import convert, goldens, write_checkpoint
from tests.unit.store.gguf_files import gguf_file, tensor

Upload = Callable[[Path], str]

SMALL_LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 256,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 260,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "tie_word_embeddings": False,
}


def llama_shapes(width: int = 256, layers: int = 2, vocabulary: int = 260) -> dict[str, list[int]]:
    """Tensors of a Llama checkpoint with 4 heads, 2 of them with keys and values."""
    found = {
        "model.embed_tokens.weight": [vocabulary, width],
        "model.norm.weight": [width],
        "lm_head.weight": [vocabulary, width],
    }
    for layer in range(layers):
        block = f"model.layers.{layer}."
        found |= {
            block + "input_layernorm.weight": [width],
            block + "post_attention_layernorm.weight": [width],
            block + "self_attn.q_proj.weight": [width, width],
            block + "self_attn.k_proj.weight": [width // 2, width],
            block + "self_attn.v_proj.weight": [width // 2, width],
            block + "self_attn.o_proj.weight": [width, width],
            block + "mlp.gate_proj.weight": [width, width],
            block + "mlp.up_proj.weight": [width, width],
            block + "mlp.down_proj.weight": [width, width],
        }
    return found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


@pytest.fixture
def upload(store: Store) -> Upload:
    """Stores a file as a blob, as a client's upload does, and returns its digest."""
    return lambda path: store.blobs.copy(path).digest


@pytest.fixture(scope="session")
def llama_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of a small Llama whose rows are long enough for every quantization."""
    folder = tmp_path_factory.mktemp("llama")
    weights = goldens.checkpoint_weights(llama_shapes())
    return write_checkpoint(folder, SMALL_LLAMA, weights)


@pytest.fixture(scope="session")
def llama_f16(llama_checkpoint: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(llama_checkpoint, tmp_path_factory.mktemp("f16") / "llama.gguf", "F16")


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """A GGUF file that looks like a model and has nothing in it."""
    metadata = {
        "llama.block_count": write.uint32(1),
        "llama.context_length": write.uint32(2048),
        "llama.embedding_length": write.uint32(64),
        "general.file_type": write.uint32(1),
        "general.name": write.string("a name"),
        "tokenizer.chat_template": write.string("{{ messages }}"),
        "tokenizer.ggml.tokens": write.strings(["a", "b"]),
    }
    return gguf_file(
        tmp_path / "model.gguf", tensor("t", 8, 4), metadata=metadata, architecture="llama"
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def random_weights(shapes: dict[str, list[int]], seed: int) -> dict[str, np.ndarray]:
    """Small random numbers."""
    generator = np.random.default_rng(seed)
    return {
        name: (generator.standard_normal(shape) * 0.05).astype(np.float32)
        for name, shape in shapes.items()
    }
