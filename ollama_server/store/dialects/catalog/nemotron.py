"""Nemotron 3, with and without a tower."""

from __future__ import annotations

import re

from ollama_server.store.dialects import operations as op
from ollama_server.store.dialects import steps as s
from ollama_server.store.dialects.catalog.qwen import CLIP_MEAN, CLIP_STD
from ollama_server.store.dialects.draft import Draft, RuleError
from ollama_server.store.gguf import GGUF

_LATENT = re.compile(r"blk\.\d+\.ffn_latent_(in|down)\.weight")


def _latent_size(draft: Draft) -> None:
    for name in draft.parts:
        if _LATENT.fullmatch(name):
            s.default({".moe_latent_size": s.dimension(name, 1)})(draft)
            return


_MOE_STEPS = (
    _latent_size,
    s.replace((".ffn_latent_in", ".ffn_latent_down"), (".ffn_latent_out", ".ffn_latent_up")),
    s.drop("mtp."),
)


def _has_latent(header: GGUF) -> bool:
    return any(".ffn_latent_in" in tensor.name for tensor in header.tensors)


MOE = s.Dialect(
    "nemotron_h_moe",
    ("nemotron_h_moe",),
    s.any_of(_has_latent, s.has_tensor("mtp.")),
    text=_MOE_STEPS,
)


def _target(draft: Draft) -> None:
    experts = max(draft.number(".expert_count", 0), draft.number(".expert_used_count", 0))
    target = "nemotron_h_moe" if experts else "nemotron_h"
    s.architecture(target, leave=("vision.", "audio."))(draft)
    if experts:
        draft.run(_MOE_STEPS)


def _patches(draft: Draft) -> None:
    name = "v.patch_embd.weight"
    part, size = draft.part(name), draft.number(".vision.patch_size", 16)
    if len(part.shape) != 2:
        raise RuleError(f"a patch embedding of shape {list(part.shape)}")
    path = draft.source.path
    draft.parts[name] = op.promote(path, op.reshape(part, (size, size, 3, part.shape[1])))


def _positions(draft: Draft) -> None:
    old = "v.position_embd"
    part = draft.parts.get(old) or draft.part(old + ".weight")
    width = draft.number(".vision.embedding_length", 1280)
    image, patch = draft.number(".vision.image_size", 512), draft.number(".vision.patch_size", 16)
    if not patch:
        raise RuleError("a patch size of 0")
    resized = op.resize_positions(draft.source.path, part, width, image // patch)
    draft.parts.pop(old, None)
    draft.parts[old + ".weight"] = resized


def _inner_length(draft: Draft) -> int:
    return 4 * draft.number(".vision.embedding_length", 1280)


_INFORMATIVE = (
    "image_token_id",
    "image_start_token_id",
    "image_end_token_id",
    "max_tiles",
    "min_num_patches",
    "max_num_patches",
)
_DEFAULTS = {
    "block_count": 32,
    "embedding_length": 1280,
    "feed_forward_length": _inner_length,
    "attention.head_count": 16,
    "attention.layer_norm_epsilon": 1e-6,
    "patch_size": 16,
    "image_size": 512,
    "num_channels": 3,
    "projector.scale_factor": 2,
    "image_mean": CLIP_MEAN,
    "image_std": CLIP_STD,
}

OMNI = s.Dialect(
    "nemotron_h_omni",
    ("nemotron_h_omni",),
    s.has_tensor("v.", "a.", "mm."),
    text=(s.drop("a.", "v.", "mm."), _target),
    projector=(
        s.drop("a.", "mm.a."),
        s.vision(*_INFORMATIVE),
        s.take(
            {f"clip.vision.{name}": f".vision.{name}" for name in _DEFAULTS},
            {f"clip.vision.{name}": value for name, value in _DEFAULTS.items()},
        ),
        s.take({"clip.vision.projection_dim": ".embedding_length"}),
        s.put(
            {
                "clip.vision.projector_type": "nemotron_v2_vl",
                "clip.use_gelu": True,
                "clip.has_audio_encoder": False,
            }
        ),
        _patches,
        _positions,
        s.rename(
            ("v.cls_embd", "v.class_embd"),
            ("mm.norm.weight", "mm.model.mlp.0.weight"),
            ("mm.1.weight", "mm.model.mlp.1.weight"),
            ("mm.2.weight", "mm.model.mlp.3.weight"),
        ),
        s.promote("v.class_embd"),
    ),
)
