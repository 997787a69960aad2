"""Makes ``convert.json``: tiny models with weights from a formula, and what transformers computes.

Run it where PyTorch and transformers are installed:
``python tests/golden/make_convert_goldens.py``. The tests make the same weights again with
``checkpoint_weights``, so that only settings, shapes and expected numbers need to be stored.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

GOLDENS = Path(__file__).with_name("convert.json")
TOKENS = [3, 77, 41, 150, 9, 201, 33, 34, 120, 8, 240, 66]
VOCABULARY = 260

_DECODER = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 128,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 258,
}
_ENCODER = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "pad_token_id": 0,
}
_LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaForCausalLM", _DECODER | {"tie_word_embeddings": False}),
    "llama with llama3 rope": (
        "LlamaForCausalLM",
        _DECODER | {"tie_word_embeddings": True, "rope_parameters": _LLAMA3_ROPE, "head_dim": 32},
    ),
    "llama with linear rope": (
        "LlamaForCausalLM",
        _DECODER
        | {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}},
    ),
    "qwen3 with yarn": (
        "Qwen3ForCausalLM",
        _DECODER
        | {
            "head_dim": 32,
            "max_position_embeddings": 512,
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": 10000.0,
                "factor": 4.0,
                "original_max_position_embeddings": 128,
            },
        },
    ),
    "llama with biases": ("LlamaForCausalLM", _DECODER | {"attention_bias": True}),
    "mistral": ("MistralForCausalLM", _DECODER | {"sliding_window": None}),
    "mixtral": (
        "MixtralForCausalLM",
        _DECODER | {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None},
    ),
    "qwen2": ("Qwen2ForCausalLM", _DECODER),
    "qwen3": ("Qwen3ForCausalLM", _DECODER | {"head_dim": 32}),
    "qwen3moe": (
        "Qwen3MoeForCausalLM",
        _DECODER
        | {
            "head_dim": 32,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 48,
            "decoder_sparse_step": 1,
            "norm_topk_prob": True,
        },
    ),
    "gemma": ("GemmaForCausalLM", _DECODER | {"head_dim": 32}),
    "gemma2": (
        "Gemma2ForCausalLM",
        _DECODER | {"head_dim": 32, "sliding_window": 4, "query_pre_attn_scalar": 24},
    ),
    "gemma3": (
        "Gemma3ForCausalLM",
        _DECODER
        | {
            "head_dim": 32,
            "sliding_window": 4,
            "query_pre_attn_scalar": 40,
            "layer_types": ["sliding_attention", "full_attention"],
        },
    ),
    "phi3": ("Phi3ForCausalLM", _DECODER | {"sliding_window": None}),
    "phi3 with longrope": (
        "Phi3ForCausalLM",
        _DECODER
        | {
            "sliding_window": None,
            "max_position_embeddings": 2048,
            # llama.cpp's smallest context is 256: within it the short factors count.
            "original_max_position_embeddings": 512,
            "rope_scaling": {
                "type": "longrope",
                "short_factor": [1.0 + 0.1 * i for i in range(8)],
                "long_factor": [1.0 + 0.7 * i for i in range(8)],
            },
        },
    ),
    "granite": (
        "GraniteForCausalLM",
        _DECODER
        | {
            "attention_multiplier": 0.2,
            "embedding_multiplier": 3.0,
            "residual_multiplier": 0.4,
            "logits_scaling": 2.0,
        },
    ),
    "bert": ("BertModel", _ENCODER),
    "roberta": ("RobertaModel", _ENCODER | {"pad_token_id": 1, "type_vocab_size": 1}),
    "nomic-bert": ("NomicBertModel", _ENCODER),
    "xlm-roberta": ("XLMRobertaModel", _ENCODER | {"pad_token_id": 1, "type_vocab_size": 1}),
}


_NORM = re.compile(r"(norm\d?|Norm|emb_ln)\.weight$")


def checkpoint_weights(shapes: Mapping[str, list[int]]) -> dict[str, np.ndarray[Any, Any]]:
    """The weights that a name and a shape stand for, the same on every machine."""
    found = {}
    for name, shape in shapes.items():
        generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
        values = generator.standard_normal(shape)
        if len(shape) == 1:
            base = 1.0 if _NORM.search(name) else 0.0
            values = base + 0.1 * values
        elif "embed" in name:
            values = 0.5 * values
        else:
            values = values * 1.2 / np.sqrt(shape[-1])
        found[name] = values.astype(np.float32)
    return found


def make_case(architecture: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings, shapes, and the logits (decoders) or token vectors (encoders) of one model."""
    import torch
    import transformers
    from safetensors import safe_open
    from safetensors.numpy import save_file

    model_class = getattr(transformers, architecture)
    model = model_class(model_class.config_class(**settings))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        weights_path = Path(folder, "model.safetensors")
        with safe_open(weights_path, "np") as file:
            shapes = {name: list(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        save_file(checkpoint_weights(shapes), weights_path, metadata={"format": "pt"})
        model = model_class.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        ).eval()
        config = json.loads(Path(folder, "config.json").read_text())
    with torch.no_grad():
        output = model(torch.tensor([TOKENS]))
    values = output.logits if hasattr(output, "logits") else output.last_hidden_state
    rows = values[0].to(torch.float64).numpy()
    return {
        "config": config,
        "shapes": shapes,
        "expected": [[float(f"{value:.6g}") for value in row] for row in rows[[0, 5, 11]]],
    }


def main() -> None:
    """Write the goldens of the cases named on the command line, or of all."""
    wanted = sys.argv[1:] or list(CASES)
    goldens = json.loads(GOLDENS.read_text()) if GOLDENS.exists() else {}
    for name in wanted:
        goldens[name] = make_case(*CASES[name])
    lines = [f"{json.dumps(name)}: {json.dumps(goldens[name])}" for name in sorted(goldens)]
    GOLDENS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
