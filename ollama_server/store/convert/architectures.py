"""What is known about each architecture: where settings and tensors go, and what differs.

An entry is data; the few things that need arithmetic are small functions beside it. Adding a model
family whose tensors ``gguf``'s name maps know is adding an entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ollama_server.store import gguf_write as write
from ollama_server.store.convert.settings import Settings

Metadata = dict[str, write.Encoded]
Vectors = dict[str, list[float]]
Setting = tuple[str, tuple[str, ...], Callable[[int], write.Encoded] | Callable[[float], bytes]]

_POOLING = {"none": 0, "mean": 1, "cls": 2, "last": 3, "rank": 4}


@dataclass(frozen=True)
class Experts:
    """Weights that are one tensor per expert in the checkpoint and one stacked tensor in GGUF.

    ``pattern`` has the groups layer, expert and part; ``names`` maps parts to GGUF names.
    """

    pattern: str
    names: Mapping[str, str]
    count: tuple[str, ...]
    used: tuple[str, ...]


@dataclass(frozen=True)
class Architecture:
    """How one Hugging Face architecture becomes a GGUF architecture.

    ``settings`` are (GGUF key, names in config.json, encoder). ``rename`` are regular expressions
    applied to tensor names before they are looked up, ``skip`` names tensors that GGUF has no use
    for. ``permuted`` query and key rows go from half-split to interleaved rotary order. ``shift``
    is added to norm weights. ``offset_positions`` says that positions start behind the padding id.
    """

    gguf: str
    settings: tuple[Setting, ...]
    rename: tuple[tuple[str, str], ...] = ()
    skip: str = r"(?!)"
    permuted: bool = False
    shift: float = 0.0
    offset_positions: bool = False
    output_is_tied: bool = False
    embeds: bool = False
    ranks: bool = False
    experts: Experts | None = None
    metadata: Callable[[Settings], Metadata] = field(default=lambda _: {})
    vectors: Callable[[Settings], Vectors] = field(default=lambda _: {})
    query_factor: Callable[[Settings], float] = field(default=lambda _: 1.0)


# A model may have room for more positions than it was trained on.
_POSITIONS = ("max_trained_positions", "max_position_embeddings", "n_positions")
_SIZES: tuple[Setting, ...] = (
    ("context_length", _POSITIONS, write.uint32),
    ("embedding_length", ("hidden_size", "n_embd"), write.uint32),
    ("block_count", ("num_hidden_layers", "n_layer"), write.uint32),
    ("feed_forward_length", ("intermediate_size", "n_inner"), write.uint32),
    ("attention.head_count", ("num_attention_heads", "n_head"), write.uint32),
    ("vocab_size", ("vocab_size",), write.uint32),
)
_DECODER: tuple[Setting, ...] = (
    *_SIZES,
    ("attention.layer_norm_rms_epsilon", ("rms_norm_eps",), write.float32),
)
_HEAD_DIM: tuple[Setting, ...] = (
    ("attention.key_length", ("head_dim",), write.uint32),
    ("attention.value_length", ("head_dim",), write.uint32),
)
_ENCODER: tuple[Setting, ...] = (
    *_SIZES,
    ("attention.layer_norm_epsilon", ("layer_norm_eps", "layer_norm_epsilon"), write.float32),
)
_SOFTCAPS: tuple[Setting, ...] = (
    ("attn_logit_softcapping", ("attn_logit_softcapping",), write.float32),
    ("final_logit_softcapping", ("final_logit_softcapping",), write.float32),
)
_WINDOW: tuple[Setting, ...] = (("attention.sliding_window", ("sliding_window",), write.uint32),)
_GRANITE_SCALES: tuple[Setting, ...] = (
    ("attention.scale", ("attention_multiplier",), write.float32),
    ("embedding_scale", ("embedding_multiplier",), write.float32),
    ("residual_scale", ("residual_multiplier",), write.float32),
    ("logit_scale", ("logits_scaling",), write.float32),
)


# --- rotary embeddings ----------------------------------------------------------------------------


def rope_metadata(settings: Settings) -> Metadata:
    """Base frequency and scaling, for every architecture that rotates."""
    rope = settings.rope
    found: Metadata = {"rope.freq_base": write.float32(float(rope.get("rope_theta") or 10000.0))}
    factor = rope.get("factor")
    match rope.get("rope_type"):
        case "linear" if factor:
            found["rope.scaling.type"] = write.string("linear")
            found["rope.scaling.factor"] = write.float32(factor)
        case "yarn" if factor:
            found["rope.scaling.type"] = write.string("yarn")
            found["rope.scaling.factor"] = write.float32(factor)
            original = rope.get("original_max_position_embeddings")
            original = original or settings.require("max_position_embeddings")
            found["rope.scaling.original_context_length"] = write.uint32(original)
        case "longrope" | "su":
            found["rope.scaling.type"] = write.string("longrope")
    return found


def llama3_factors(settings: Settings) -> Vectors:
    """Llama 3.1's scaling as one divisor for each frequency.

    Wavelengths well inside the original context stay, those beyond it are stretched by the factor,
    and between them the divisor changes smoothly.
    """
    rope = settings.rope
    if rope.get("rope_type") != "llama3":
        return {}
    base, factor = float(rope.get("rope_theta") or 10000.0), float(rope.get("factor") or 8.0)
    low, high = float(rope.get("low_freq_factor") or 1), float(rope.get("high_freq_factor") or 4)
    original = float(rope.get("original_max_position_embeddings") or 8192)
    width = settings.head_width
    divisors = []
    for position in range(0, width, 2):
        turns = original * base ** (-position / width) / (2 * math.pi)
        blend = min(max((turns - low) / (high - low), 0.0), 1.0)
        divisors.append(1 / ((1 - blend) / factor + blend))
    return {"rope_freqs.weight": divisors}


def _rope_dimensions(settings: Settings) -> int:
    return int(float(settings.rope.get("partial_rotary_factor") or 1.0) * settings.head_width)


# --- per family -----------------------------------------------------------------------------------


def _llama_metadata(settings: Settings) -> Metadata:
    return {
        **rope_metadata(settings),
        "attention.head_count_kv": write.uint32(settings.key_value_heads),
        "rope.dimension_count": write.uint32(_rope_dimensions(settings)),
    }


def _granite_metadata(settings: Settings) -> Metadata:
    return {
        **rope_metadata(settings),
        "attention.head_count_kv": write.uint32(settings.key_value_heads),
        "rope.dimension_count": write.uint32(settings.width // settings.heads),
    }


def _gemma3_metadata(settings: Settings) -> Metadata:
    found = _llama_metadata(settings)
    local = settings.rope["sliding"].get("rope_theta") or settings.get("rope_local_base_freq")
    if local:
        found["rope.freq_base_swa"] = write.float32(float(local))
    kinds = settings.get("layer_types")
    if kinds:
        found["attention.sliding_window_pattern"] = write.booleans(
            [kind == "sliding_attention" for kind in kinds]
        )
    elif settings.get("sliding_window_pattern"):
        found["attention.sliding_window_pattern"] = write.uint32(
            settings.require("sliding_window_pattern")
        )
    return found


def _gemma_query_factor(settings: Settings) -> float:
    """What queries must be multiplied by where the model's scale is not llama.cpp's own."""
    stated = settings.get("query_pre_attn_scalar")
    if not stated:
        return 1.0
    # llama.cpp scales the 27B models (told apart by their layers) by the plain ratio of widths.
    large = settings.layers == (46 if settings.architecture.startswith("Gemma2") else 62)
    assumed = settings.width // settings.heads if large else settings.head_width
    return math.sqrt(assumed / stated)


def _phi3_metadata(settings: Settings) -> Metadata:
    found = _llama_metadata(settings)
    rope = settings.rope
    longest = int(settings.require("max_position_embeddings"))
    original = int(rope.get("original_max_position_embeddings") or longest)
    found["rope.scaling.original_context_length"] = write.uint32(original)
    # 0 tells llama.cpp that there is no window, which its older files left open.
    found["attention.sliding_window"] = write.uint32(int(settings.get("sliding_window", default=0)))
    if rope.get("long_factor"):
        scale = longest / original
        spread = math.sqrt(1 + math.log(scale) / math.log(original)) if scale > 1 else 1.0
        if rope.get("rope_type") == "yarn":
            spread = 0.1 * math.log(scale) + 1.0 if scale > 1 else 1.0
        attention_factor = float(rope.get("attention_factor") or spread)
        found["rope.scaling.attn_factor"] = write.float32(attention_factor)
    return found


def _phi3_vectors(settings: Settings) -> Vectors:
    rope = settings.rope
    if not rope.get("long_factor"):
        return {}
    return {
        "rope_factors_long.weight": list(rope["long_factor"]),
        "rope_factors_short.weight": list(rope["short_factor"]),
    }


def _encoder_metadata(settings: Settings) -> Metadata:
    return {"attention.causal": write.boolean(False)}


def _nomic_metadata(settings: Settings) -> Metadata:
    base = settings.get("rotary_emb_base") or settings.rope.get("rope_theta") or 1000.0
    return {
        "attention.causal": write.boolean(False),
        "rope.freq_base": write.float32(float(base)),
    }


def pooling_type(settings: Settings, architecture: Architecture) -> int | None:
    """How token vectors become one: from sentence-transformers' modules, else the mean."""
    if architecture.ranks:
        return _POOLING["rank"]
    modules = settings.json("modules.json") or []
    for module in modules:
        if str(module.get("type", "")).endswith("Pooling"):
            stated = settings.json(f"{module.get('path', '')}/config.json") or {}
            return _stated_pooling(stated)
    return _POOLING["mean"] if architecture.embeds else None


def _stated_pooling(stated: Mapping[str, object]) -> int:
    for key, name in (
        ("pooling_mode_mean_tokens", "mean"),
        ("pooling_mode_cls_token", "cls"),
        ("pooling_mode_lasttoken", "last"),
    ):
        if stated.get(key):
            return _POOLING[name]
    mode = str(stated.get("pooling_mode", "mean")).removesuffix("token").removesuffix("tokens")
    return _POOLING.get(mode.rstrip("_"), _POOLING["mean"])


# --- the table ------------------------------------------------------------------------------------

_LLAMA = Architecture(
    "llama",
    (*_DECODER, *_HEAD_DIM),
    skip=r"rotary_emb\.inv_freq$",
    permuted=True,
    metadata=_llama_metadata,
    vectors=llama3_factors,
)
_QWEN2 = Architecture("qwen2", (*_DECODER, *_HEAD_DIM), metadata=_llama_metadata)
_QWEN3 = Architecture("qwen3", (*_DECODER, *_HEAD_DIM), metadata=_llama_metadata)
_GEMMA3_PREFIXES = ((r"^(model\.)?language_model\.(model\.)?", "model."),)
_GEMMA3 = Architecture(
    "gemma3",
    (*_DECODER, *_HEAD_DIM, *_SOFTCAPS[1:], *_WINDOW),
    rename=_GEMMA3_PREFIXES,
    skip=r"vision_tower\.|multi_modal_projector\.|vision_model\.",
    shift=1.0,
    output_is_tied=True,
    metadata=_gemma3_metadata,
    query_factor=_gemma_query_factor,
)
_BERT_NAMES = (
    (r"^(bert|roberta)\.", ""),
    (r"\.gamma$", ".weight"),
    (r"\.beta$", ".bias"),
)
_BERT = Architecture(
    "bert",
    _ENCODER,
    rename=_BERT_NAMES,
    skip=r"position_ids$|pooler\.|^cls\.|^lm_head\.",
    embeds=True,
    metadata=_encoder_metadata,
)
_ROBERTA = replace(_BERT, offset_positions=True)
_RERANKER = replace(_ROBERTA, embeds=False, ranks=True)

ARCHITECTURES: Mapping[str, Architecture] = {
    "LlamaForCausalLM": _LLAMA,
    "MistralForCausalLM": _LLAMA,
    "MixtralForCausalLM": Architecture(
        "llama",
        (*_DECODER, *_HEAD_DIM),
        permuted=True,
        metadata=_llama_metadata,
        experts=Experts(
            r"^model\.layers\.(\d+)\.block_sparse_moe\.experts\.(\d+)\.(w[123])\.weight$",
            {"w1": "ffn_gate_exps", "w2": "ffn_down_exps", "w3": "ffn_up_exps"},
            count=("num_local_experts",),
            used=("num_experts_per_tok",),
        ),
    ),
    "Qwen2ForCausalLM": _QWEN2,
    "Qwen3ForCausalLM": _QWEN3,
    "Qwen3MoeForCausalLM": Architecture(
        "qwen3moe",
        (
            *_DECODER,
            *_HEAD_DIM,
            ("expert_feed_forward_length", ("moe_intermediate_size",), write.uint32),
        ),
        metadata=_llama_metadata,
        experts=Experts(
            r"^model\.layers\.(\d+)\.mlp\.experts\.(\d+)\.(gate|down|up)_proj\.weight$",
            {"gate": "ffn_gate_exps", "down": "ffn_down_exps", "up": "ffn_up_exps"},
            count=("num_experts", "num_local_experts"),
            used=("num_experts_per_tok",),
        ),
    ),
    "GemmaForCausalLM": Architecture(
        "gemma",
        (*_DECODER, *_HEAD_DIM),
        shift=1.0,
        output_is_tied=True,
        metadata=_llama_metadata,
    ),
    "Gemma2ForCausalLM": Architecture(
        "gemma2",
        (*_DECODER, *_HEAD_DIM, *_SOFTCAPS, *_WINDOW),
        shift=1.0,
        output_is_tied=True,
        metadata=_llama_metadata,
        query_factor=_gemma_query_factor,
    ),
    "Gemma3ForCausalLM": _GEMMA3,
    "Gemma3ForConditionalGeneration": _GEMMA3,
    "Phi3ForCausalLM": Architecture(
        "phi3", _DECODER, metadata=_phi3_metadata, vectors=_phi3_vectors
    ),
    "GraniteForCausalLM": Architecture(
        "granite",
        (*_DECODER, *_GRANITE_SCALES),
        permuted=True,
        metadata=_granite_metadata,
        vectors=llama3_factors,
    ),
    "BertModel": _BERT,
    "BertForMaskedLM": _BERT,
    "RobertaModel": _ROBERTA,
    "XLMRobertaModel": _ROBERTA,
    "RobertaForSequenceClassification": _RERANKER,
    "XLMRobertaForSequenceClassification": _RERANKER,
    "NomicBertModel": Architecture(
        "nomic-bert", _ENCODER, rename=_BERT_NAMES, embeds=True, metadata=_nomic_metadata
    ),
}
