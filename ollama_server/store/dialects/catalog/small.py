"""Dialects of text models that differ by a few names: gpt-oss, LFM2, OLMo 3, Llama 3, …"""

from __future__ import annotations

import base64
import binascii

from ollama_server.store import gguf_write as write
from ollama_server.store.dialects import operations as op
from ollama_server.store.dialects import steps as s
from ollama_server.store.dialects.draft import Draft, RuleError
from ollama_server.store.gguf import GGUF, LazyArray

_FUSED, _RAW_MXFP4 = ".ffn_gate_up_exps.weight", 4


def _split_experts(draft: Draft) -> None:
    """The first uploads keep gate and up in one tensor, row by row in turn, some in an old layout.

    Raises RuleError for experts that are neither.
    """
    path = draft.source.path
    for name, part in list(draft.parts.items()):
        head, raw = name.removesuffix(_FUSED), part.type == _RAW_MXFP4
        if name.endswith(_FUSED) and part.type in (_RAW_MXFP4, op.MXFP4):
            _check_length(draft, name)
            del draft.parts[name]
            for index, kind in enumerate(("gate", "up")):
                new = f"{head}.ffn_{kind}_exps"
                draft.parts[f"{new}.weight"] = op.raw_mxfp4_rows(path, part, index, 2, raw=raw)
                bias = draft.parts.get(f"{head}.ffn_gate_up_exps.bias")
                if bias is not None:
                    draft.parts[f"{new}.bias"] = op.every_other(path, bias, index)
            draft.parts.pop(f"{head}.ffn_gate_up_exps.bias", None)
        elif name.endswith(".ffn_down_exps.weight") and raw:
            _check_length(draft, name)
            draft.parts[name] = op.raw_mxfp4_rows(path, part, 0, 1, raw=True)


def _check_length(draft: Draft, name: str) -> None:
    """The header's reader cannot check a type that nobody uses any more."""
    part = draft.part(name)
    size = 1
    for count in part.shape:
        size *= count
    if part.spans[0].offset + size // 32 * 17 > draft.source.file_size:
        raise RuleError(f"the data of {name} is cut off")


GPT_OSS_NAMES = s.replace((".attn_out.", ".attn_output."), (".ffn_norm.", ".post_attention_norm."))

GPT_OSS = s.Dialect(
    "gptoss",
    ("gptoss",),
    s.always,
    text=(
        s.architecture("gpt-oss"),
        _split_experts,
        s.default(
            {
                ".expert_feed_forward_length": s.dimension("blk.0.ffn_gate_exps.weight", 1),
                ".rope.scaling.type": "yarn",
            }
        ),
        # Any other splits the markers of the answer's channels.
        s.put({"tokenizer.ggml.pre": "gpt-4o"}),
        GPT_OSS_NAMES,
        s.append(".attn_sinks", ".weight"),
    ),
)

LAGUNA = s.Dialect(
    "laguna",
    ("laguna",),
    s.any_of(
        s.has_key(".rope.swa.dimension_count", ".rope.swa.freq_base"),
        s.has_tensor("blk.0.attn_g.weight"),
    ),
    text=(
        s.copy(
            {
                ".rope.swa.dimension_count": ".rope.dimension_count_swa",
                ".rope.swa.freq_base": ".rope.freq_base_swa",
            }
        ),
        s.replace((".attn_g.weight", ".attn_gate.weight")),
    ),
)

LFM2 = s.Dialect(
    "lfm2",
    ("lfm2",),
    s.all_of(s.has_tensor("output_norm.weight"), s.none_of(s.has_tensor("token_embd_norm.weight"))),
    text=(
        s.put(
            {
                "tokenizer.ggml.pre": "lfm2",
                ".feed_forward_length": s.dimension("blk.0.ffn_gate.weight", 1),
            }
        ),
        s.rename(("output_norm.weight", "token_embd_norm.weight")),
    ),
)

OLMO3 = s.Dialect("olmo3", ("olmo3",), s.always, text=(s.architecture("olmo2"),))

_EOT, _END_OF_TEXT, _HEADER = 128009, 128001, 128006


def _llama3_without_end(header: GGUF) -> bool:
    pre = header.metadata.get("tokenizer.ggml.pre")
    end = header.metadata.get("tokenizer.ggml.eos_token_id")
    if pre not in (None, "", "default") and end != _END_OF_TEXT:
        return False
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list | LazyArray) or len(tokens) <= _EOT:
        return False
    template = header.chat_template or ""
    return tokens[_EOT] == "<|eot_id|>" and (
        tokens[_HEADER] == "<|start_header_id|>"
        or "<|start_header_id|>" in template
        or "<|eot_id|>" in template
    )


LLAMA3 = s.Dialect(
    "llama3",
    ("llama",),
    _llama3_without_end,
    text=(
        s.default_when("tokenizer.ggml.pre", ("", "default"), "llama-bpe"),
        s.default_when("tokenizer.ggml.eos_token_id", (_END_OF_TEXT,), _EOT),
        s.default_when("tokenizer.ggml.eot_token_id", (_END_OF_TEXT,), _EOT),
        s.put({"tokenizer.ggml.eos_token_ids": [_EOT]}),
    ),
)

_CHARSMAP = "tokenizer.ggml.precompiled_charsmap"


def _has_text_charsmap(header: GGUF) -> bool:
    value = header.metadata.get(_CHARSMAP)
    return isinstance(value, list | LazyArray) and len(value) > 0 and isinstance(value[0], str)


def _decode_charsmap(draft: Draft) -> None:
    characters = draft.value(_CHARSMAP)
    text = "".join(characters)
    if len(text) != len(characters) or not text.isascii():
        raise RuleError(f"{_CHARSMAP} is not one character an entry")
    try:
        text = text.partition("=")[0]
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RuleError(f"{_CHARSMAP} is no Base64") from error
    if not data:
        raise RuleError(f"{_CHARSMAP} is empty")
    draft.keys[_CHARSMAP] = write.uint8s(data)


SNOWFLAKE = s.Dialect(
    "snowflake",
    ("bert",),
    s.all_of(s.key_is("tokenizer.ggml.model", "t5"), _has_text_charsmap),
    text=(_decode_charsmap,),
)
