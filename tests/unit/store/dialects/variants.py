"""The same models as they are published now and then: other types, other shapes, parts missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ollama_server.store import gguf_write as write
from tests.unit.store.dialects import gemmas, hybrids, seeing
from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.tiny import Tensors, Tiny
from tests.unit.store.dialects.towers import Family, without

_ROW_BREAK = 12


def in_halves(family: Family) -> Family:
    """Norms and biases of the text model, and all vectors of its tower, in float16."""
    tensors = {
        name: array.astype(np.float16) if array.ndim == 1 and _may_be_short(name) else array
        for name, array in family.source.tensors.items()
    }
    return replace(family, source=Tiny(family.source.keys, tensors, family.source.raw))


def _may_be_short(name: str) -> bool:
    return name.startswith(("v.", "mm.", "a.")) or name.endswith(("norm.weight", ".bias"))


def qwen25vl_without_a_pattern() -> Family:
    """Nobody says which of its blocks see the whole picture."""
    family = seeing.qwen25vl()
    assert family.projector is not None
    keys = {"qwen25vl.vision.fullatt_block_indexes": write.int32s([])}
    eyes = {"clip.vision.n_wa_pattern": 8}
    return replace(
        family,
        source=Tiny(family.source.keys | keys, family.source.tensors),
        projector=Tiny(family.projector.keys | eyes, family.projector.tensors),
    )


def mistral3_with_a_row_break() -> Family:
    """Its vocabulary has a token for the end of a row of a picture."""
    family = seeing.mistral3()
    assert family.projector is not None
    tokens = list(family.source.keys["tokenizer.ggml.tokens"])
    tokens[_ROW_BREAK] = "[IMG_BREAK]"
    keys = {"tokenizer.ggml.tokens": tokens}
    row = family.text.tensors["token_embd.weight"][_ROW_BREAK].astype(np.float32)
    return replace(
        family,
        source=Tiny(family.source.keys | keys, family.source.tensors),
        text=Tiny(family.text.keys | keys, family.text.tensors),
        projector=Tiny(
            family.projector.keys, family.projector.tensors | {"v.token_embd.img_break": row}
        ),
    )


def qwen3vl_of_two_types() -> Family:
    """Values have another type than queries and keys: joined, all are float32."""
    family = seeing.qwen3vl()
    assert family.projector is not None
    source = {
        name: array.astype(np.float32)
        if name.endswith("attn_v.weight") and "v.blk" in name
        else array
        for name, array in family.source.tensors.items()
    }
    eyes = {
        name: array.astype(np.float32) if name.endswith("attn_qkv.weight") else array
        for name, array in family.projector.tensors.items()
    }
    return replace(
        family,
        source=Tiny(family.source.keys, source),
        projector=Tiny(family.projector.keys, eyes),
    )


def gemma4_without_ears() -> Family:
    """As the larger ones are."""
    family = gemmas.gemma4()
    assert family.projector is not None

    def deaf(tensors: Tensors) -> Tensors:
        return {n: a for n, a in tensors.items() if not n.startswith(("a.", "mm.a."))}

    def quiet(tiny: Tiny) -> Tiny:
        keys = {k: v for k, v in tiny.keys.items() if "audio" not in k}
        return Tiny(keys, deaf(tiny.tensors))

    return replace(
        family,
        source=quiet(family.source),
        projector=quiet(family.projector),
        audio_tokens=0,
    )


def gemma4_with_packed_limits() -> Family:
    """The limits of all layers in one tensor: four numbers each, zeros where there are none."""
    family = gemmas.gemma4()
    owner = "v.blk.0.attn_q."
    names = [f"{owner}{limit}" for limit in ("input_min", "input_max", "output_min", "output_max")]
    packed = np.zeros((2 * 7 + 1) * 4, np.float32)
    packed[:4] = [family.source.tensors[name].item() for name in names]
    tensors = without(family.source.tensors, *names) | {"v.clamp_data": packed}
    return replace(family, source=Tiny(family.source.keys, tensors))


def omni_with_positions(shape: Callable[[t.Array], t.Array]) -> Callable[[], Family]:
    """The data of its positions lie the other way round, or their shape does."""

    def made() -> Family:
        family = hybrids.nemotron_h_omni()
        old = family.source.tensors["v.position_embd"]
        positions = {"v.position_embd.weight": np.ascontiguousarray(shape(old))}
        tensors = without(family.source.tensors, "v.position_embd") | positions
        return replace(family, source=Tiny(family.source.keys, tensors))

    return made


VARIANTS: dict[str, Callable[[], Family]] = {
    "gemma3_halves": lambda: in_halves(seeing.gemma3()),
    "gemma4_halves": lambda: in_halves(gemmas.gemma4()),
    "qwen3vl_halves": lambda: in_halves(seeing.qwen3vl()),
    "qwen25vl_halves": lambda: in_halves(seeing.qwen25vl()),
    "qwen25vl_without_a_pattern": qwen25vl_without_a_pattern,
    "qwen3vl_of_two_types": qwen3vl_of_two_types,
    "mistral3_with_a_row_break": mistral3_with_a_row_break,
    "gemma4_without_ears": gemma4_without_ears,
    "gemma4_with_packed_limits": gemma4_with_packed_limits,
    "nemotron_h_omni_dense": hybrids.nemotron_h_omni_dense,
    "nemotron_h_omni_turned": omni_with_positions(lambda positions: positions.T),
    "nemotron_h_omni_deep": omni_with_positions(lambda p: p.reshape(*p.shape[::-1], 1)),
}
