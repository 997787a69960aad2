"""Writes a checkpoint, the tokenizer and the chat template as one GGUF file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch

from models.tiny.chat import TEMPLATE_PATH
from models.tiny.config import CONFIG, CONTROL_TOKENS, GGUF_PATH, SPECIAL_TOKENS, TOKENIZER_PATH

FIM_KEYS = {
    "fim_pre_token_id": "<|fim_prefix|>",
    "fim_suf_token_id": "<|fim_suffix|>",
    "fim_mid_token_id": "<|fim_middle|>",
    "fim_pad_token_id": "<|fim_pad|>",
    "fim_rep_token_id": "<|repo_name|>",
    "fim_sep_token_id": "<|file_sep|>",
}


def add_header(writer: gguf.GGUFWriter) -> None:
    """Writes what the model is and how it is shaped."""
    writer.add_name("Tiny")
    writer.add_basename("tiny")
    writer.add_size_label("4.6M")
    writer.add_description("A small demonstration model, trained from nothing on generated text")
    writer.add_license("mit")
    writer.add_tags(["text-generation", "demonstration"])
    writer.add_languages(["en", "zh"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(CONFIG.context_length)
    writer.add_embedding_length(CONFIG.width)
    writer.add_block_count(CONFIG.layers)
    writer.add_feed_forward_length(CONFIG.feed_forward)
    writer.add_head_count(CONFIG.heads)
    writer.add_head_count_kv(CONFIG.kv_heads)
    writer.add_key_length(CONFIG.head_size)
    writer.add_value_length(CONFIG.head_size)
    writer.add_rope_freq_base(CONFIG.rope_base)
    writer.add_layer_norm_rms_eps(CONFIG.norm_epsilon)


def add_tokenizer(
    writer: gguf.GGUFWriter, path: Path = TOKENIZER_PATH, *, fill_in: bool = True
) -> None:
    """Writes vocabulary, merges and special tokens."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    ids: dict[str, int] = dict(data["model"]["vocab"])
    ids.update({token["content"]: token["id"] for token in data["added_tokens"]})
    tokens = sorted(ids, key=lambda token: ids[token])
    types = []
    for token in tokens:
        if token in CONTROL_TOKENS:
            types.append(gguf.TokenType.CONTROL)
        elif token in SPECIAL_TOKENS:
            types.append(gguf.TokenType.USER_DEFINED)
        else:
            types.append(gguf.TokenType.NORMAL)
    merges = data["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_eos_token_id(ids["<|im_end|>"])
    writer.add_pad_token_id(ids["<|endoftext|>"])
    writer.add_add_bos_token(False)
    writer.add_uint32("tokenizer.ggml.eot_token_id", ids["<|im_end|>"])
    if fill_in:
        for key, token in FIM_KEYS.items():
            writer.add_uint32(f"tokenizer.ggml.{key}", ids[token])


def add_tensors(writer: gguf.GGUFWriter, state: Mapping[str, torch.Tensor]) -> None:
    """Writes matrices as Q8_0 and norms as F32."""
    for name, tensor in state.items():
        title = name if name.endswith(".weight") else f"{name}.weight"
        array = tensor.float().numpy().astype(np.float32)
        if array.ndim == 1:
            writer.add_tensor(title, array)
            continue
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(title, gguf.quants.quantize(array, kind), raw_dtype=kind)


def export(checkpoint: Path, path: Path = GGUF_PATH) -> None:
    """Writes the GGUF file beside its target first, so that a reader never sees half of it."""
    partial = path.with_name(f".{path.name}.partial")
    writer = gguf.GGUFWriter(partial, "qwen3")
    add_header(writer)
    add_tokenizer(writer)
    writer.add_chat_template(TEMPLATE_PATH.read_text(encoding="utf-8"))
    add_tensors(writer, torch.load(checkpoint, map_location="cpu"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, default=GGUF_PATH)
    arguments = parser.parse_args()
    export(arguments.checkpoint, arguments.out)
