"""Projectors with random weights: small mmproj files that llama.cpp loads on the embedded model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from .rewriting import rewrite, save

WIDTH, HIDDEN, LAYERS, HEADS, PATCH = 64, 128, 2, 4, 8
# What a Whisper encoder hears at once: half a minute, as 1,500 positions.
MELS, HEARD = 80, 1500


@dataclass(frozen=True)
class Tower:
    """How the vision encoder of a projector type differs from CLIP's."""

    two_frames: bool = False  # a second patch embedding, for the second frame of a video
    patch_bias: bool = True
    positions: bool = True
    class_token: bool = False
    norm_bias: bool = True
    fused: bool = False  # one matrix for queries, keys and values
    bias: bool = True
    gate: bool = False
    pre_norm: bool = False
    post_norm: bool = True


TOWERS = {
    "mlp": Tower(),
    "gemma3": Tower(),
    "internvl": Tower(class_token=True, post_norm=False),
    "lfm2": Tower(),
    "pixtral": Tower(
        patch_bias=False, positions=False, norm_bias=False, bias=False, gate=True, pre_norm=True
    ),
    "qwen2vl_merger": Tower(two_frames=True, patch_bias=False, positions=False),
    "qwen2.5vl_merger": Tower(
        two_frames=True, patch_bias=False, positions=False, norm_bias=False, gate=True
    ),
    "qwen3vl_merger": Tower(two_frames=True, fused=True),
}
SEEING = tuple(TOWERS)
HEARING = ("ultravox", "qwen2a")


class Weights:
    """Random tensors, the same ones for the same seed."""

    def __init__(self, writer: gguf.GGUFWriter, seed: int) -> None:
        self._writer = writer
        self._rng = np.random.default_rng(seed)

    def matrix(self, name: str, *shape: int, kind: type = np.float16, suffix: str = "") -> None:
        """A weight of this shape (rows, columns), in F16 as most of a published projector is."""
        values = self._rng.normal(0, 0.6 / np.sqrt(shape[-1]), shape)
        self._writer.add_tensor(f"{name}.weight{suffix}", values.astype(kind))

    def vector(self, name: str, size: int, around: float = 0.0) -> None:
        """A bias, or a norm's weight around one."""
        values = around + self._rng.normal(0, 0.1, size)
        self._writer.add_tensor(name, values.astype(np.float32))

    def column(self, name: str, size: int) -> None:
        """The bias of a convolution over time."""
        values = self._rng.normal(0, 0.1, (size, 1))
        self._writer.add_tensor(name, values.astype(np.float32))

    def linear(self, name: str, rows: int, columns: int, *, bias: bool = True) -> None:
        """A matrix and its bias."""
        self.matrix(name, rows, columns)
        if bias:
            self.vector(f"{name}.bias", rows)

    def norm(self, name: str, size: int = WIDTH, *, bias: bool = True) -> None:
        """Weight and bias of a layer norm."""
        self.vector(f"{name}.weight", size, around=1.0)
        if bias:
            self.vector(f"{name}.bias", size)


def write_projector(
    path: Path, kind: str, *, text_width: int, image: int = 32, seed: int = 1
) -> Path:
    """A projector of a type that llama.cpp knows, one of ``SEEING`` or ``HEARING``."""
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_string("general.type", "mmproj")
    writer.add_string("clip.projector_type", kind)
    weights = Weights(writer, seed)
    if kind in TOWERS:
        _vision(writer, weights, kind, text_width, image)
    else:
        _audio(writer, weights, kind, text_width)
    save(writer)
    return path


def _sizes(writer: gguf.GGUFWriter, modality: str, text_width: int) -> None:
    writer.add_bool(f"clip.has_{modality}_encoder", True)
    prefix = f"clip.{modality}"
    writer.add_uint32(f"{prefix}.embedding_length", WIDTH)
    writer.add_uint32(f"{prefix}.feed_forward_length", HIDDEN)
    writer.add_uint32(f"{prefix}.block_count", LAYERS)
    writer.add_uint32(f"{prefix}.attention.head_count", HEADS)
    writer.add_uint32(f"{prefix}.projection_dim", text_width)
    writer.add_float32(f"{prefix}.attention.layer_norm_epsilon", 1e-6)


# --- eyes -----------------------------------------------------------------------------------------


def _vision(
    writer: gguf.GGUFWriter, weights: Weights, kind: str, text_width: int, image: int
) -> None:
    tower = TOWERS[kind]
    _sizes(writer, "vision", text_width)
    writer.add_uint32("clip.vision.image_size", image)
    writer.add_uint32("clip.vision.patch_size", PATCH)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    writer.add_bool("clip.use_silu" if tower.gate else "clip.use_gelu", True)
    for suffix in ("", ".1") if tower.two_frames else ("",):
        weights.matrix("v.patch_embd", WIDTH, 3, PATCH, PATCH, suffix=suffix)
    if tower.patch_bias:
        weights.vector("v.patch_embd.bias", WIDTH)
    if tower.positions:
        patches = (image // PATCH) ** 2 + tower.class_token
        weights.matrix("v.position_embd", patches, WIDTH, kind=np.float32)
    if tower.class_token:
        weights.vector("v.class_embd", WIDTH)
    if tower.pre_norm:
        weights.norm("v.pre_ln", bias=tower.norm_bias)
    for layer in range(LAYERS):
        _layer(weights, f"v.blk.{layer}", tower)
    if tower.post_norm and kind != "pixtral":
        weights.norm("v.post_ln", bias=tower.norm_bias)
    _vision_head(writer, weights, kind, text_width)


def _layer(weights: Weights, block: str, tower: Tower) -> None:
    names = ("attn_qkv",) if tower.fused else ("attn_q", "attn_k", "attn_v")
    for name in names:
        weights.linear(f"{block}.{name}", WIDTH * 3 // len(names), WIDTH, bias=tower.bias)
    weights.linear(f"{block}.attn_out", WIDTH, WIDTH, bias=tower.bias)
    weights.norm(f"{block}.ln1", bias=tower.norm_bias)
    weights.norm(f"{block}.ln2", bias=tower.norm_bias)
    for name in ("ffn_up", "ffn_gate") if tower.gate else ("ffn_up",):
        weights.linear(f"{block}.{name}", HIDDEN, WIDTH, bias=tower.bias)
    weights.linear(f"{block}.ffn_down", WIDTH, HIDDEN, bias=tower.bias)


def _vision_head(writer: gguf.GGUFWriter, weights: Weights, kind: str, text_width: int) -> None:
    merged = 4 * WIDTH  # two by two patches become one token
    match kind:
        case "mlp":
            weights.linear("mm.0", text_width, WIDTH)
            weights.linear("mm.2", text_width, text_width)
        case "gemma3":
            writer.add_uint32("clip.vision.projector.scale_factor", 2)
            weights.matrix("mm.input_projection", WIDTH, text_width)
            weights.vector("mm.soft_emb_norm.weight", WIDTH, around=1.0)
        case "internvl":
            writer.add_uint32("clip.vision.projector.scale_factor", 2)
            weights.norm("mm.model.mlp.0", merged)
            weights.linear("mm.model.mlp.1", text_width, merged)
            weights.linear("mm.model.mlp.3", text_width, text_width)
        case "lfm2":
            writer.add_uint32("clip.vision.projector.scale_factor", 2)
            weights.norm("mm.input_norm", merged)
            weights.linear("mm.1", HIDDEN, merged)
            weights.linear("mm.2", text_width, HIDDEN)
        case "pixtral":
            weights.linear("mm.1", text_width, WIDTH, bias=False)
            weights.linear("mm.2", text_width, text_width, bias=False)
            weights.vector("v.token_embd.img_break", text_width)
        case _:
            if kind == "qwen2.5vl_merger":
                writer.add_uint32("clip.vision.n_wa_pattern", 2)
                writer.add_uint32("clip.vision.window_size", 32)
            weights.linear("mm.0", merged, merged)
            weights.linear("mm.2", text_width, merged)


# --- ears -----------------------------------------------------------------------------------------


def _audio(writer: gguf.GGUFWriter, weights: Weights, kind: str, text_width: int) -> None:
    _sizes(writer, "audio", text_width)
    writer.add_uint32("clip.audio.num_mel_bins", MELS)
    weights.matrix("a.conv1d.1", WIDTH, MELS, 3)
    weights.column("a.conv1d.1.bias", WIDTH)
    weights.matrix("a.conv1d.2", WIDTH, WIDTH, 3)
    weights.column("a.conv1d.2.bias", WIDTH)
    weights.matrix("a.position_embd", HEARD, WIDTH, kind=np.float32)
    for layer in range(LAYERS):
        block = f"a.blk.{layer}"
        for name in ("attn_q", "attn_v", "attn_out"):
            weights.linear(f"{block}.{name}", WIDTH, WIDTH)
        weights.matrix(f"{block}.attn_k", WIDTH, WIDTH)
        weights.norm(f"{block}.ln1")
        weights.norm(f"{block}.ln2")
        weights.linear(f"{block}.ffn_up", HIDDEN, WIDTH)
        weights.linear(f"{block}.ffn_down", WIDTH, HIDDEN)
    weights.norm("a.post_ln")
    if kind == "qwen2a":
        weights.linear("mm.a.fc", text_width, WIDTH)
        return
    stacked = 4
    writer.add_uint32("clip.audio.projector.stack_factor", stacked)
    weights.vector("mm.a.norm_pre.weight", stacked * WIDTH, around=1.0)
    weights.matrix("mm.a.mlp.1", 2 * HIDDEN, stacked * WIDTH)
    weights.vector("mm.a.norm_mid.weight", HIDDEN, around=1.0)
    weights.matrix("mm.a.mlp.2", text_width, HIDDEN)


# --- a text model with positions in time and space ------------------------------------------------


def write_turned(path: Path, source: Path) -> Path:
    """A Qwen 3 model as a Qwen 3-VL one: the same weights, positions with three coordinates."""

    def added(writer: gguf.GGUFWriter) -> None:
        writer.add_array("qwen3vl.rope.dimension_sections", [6, 5, 5, 0])
        writer.add_uint32("qwen3vl.n_deepstack_layers", 0)

    def changed(name: str, value: Any) -> tuple[str, Any]:
        return name.replace("qwen3.", "qwen3vl.", 1), value

    return rewrite(source, path, "qwen3vl", changed=changed, added=added)
