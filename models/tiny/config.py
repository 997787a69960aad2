"""The shape of the model and the names of its special tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TOKENIZER_PATH = HERE / "tokenizer.json"
GGUF_PATH = HERE / "tiny.gguf"

CONTROL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
)
# Ordinary text for a reader of the output, but one token each (as in Qwen3).
USER_TOKENS = (
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
)
SPECIAL_TOKENS = CONTROL_TOKENS + USER_TOKENS


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of a Qwen3 transformer with tied embeddings."""

    vocabulary: int = 4096
    layers: int = 6
    width: int = 256
    heads: int = 8
    kv_heads: int = 4
    head_size: int = 32
    feed_forward: int = 512
    rope_base: float = 10000.0
    norm_epsilon: float = 1e-6
    context_length: int = 4096


CONFIG = ModelConfig()
