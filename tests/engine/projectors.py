"""Projectors with random weights: small mmproj files that llama.cpp loads on the embedded model."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

WIDTH, HIDDEN, LAYERS, HEADS = 64, 128, 2, 4


class Weights:
    """Random tensors, the same ones for the same seed."""

    def __init__(self, writer: gguf.GGUFWriter, seed: int) -> None:
        self._writer = writer
        self._rng = np.random.default_rng(seed)

    def matrix(self, name: str, *shape: int, kind: type = np.float16) -> None:
        """A weight of this shape (rows, columns), in F16 as most of a published projector is."""
        values = self._rng.normal(0, 0.6 / np.sqrt(shape[-1]), shape)
        self._writer.add_tensor(f"{name}.weight", values.astype(kind))

    def vector(self, name: str, size: int, around: float = 0.0) -> None:
        """A bias, or a norm's weight around one."""
        values = around + self._rng.normal(0, 0.1, size)
        self._writer.add_tensor(name, values.astype(np.float32))

    def linear(self, name: str, rows: int, columns: int) -> None:
        """A matrix and its bias."""
        self.matrix(name, rows, columns)
        self.vector(f"{name}.bias", rows)

    def norm(self, name: str) -> None:
        """Weight and bias of a layer norm."""
        self.vector(f"{name}.weight", WIDTH, around=1.0)
        self.vector(f"{name}.bias", WIDTH)


def write_projector(
    path: Path, kind: str, *, text_width: int, image: int = 32, seed: int = 1
) -> Path:
    """A vision projector of a type that llama.cpp knows: ``mlp`` (LLaVA) or ``gemma3``."""
    patch = 8
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_string("general.type", "mmproj")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", kind)
    writer.add_uint32("clip.vision.embedding_length", WIDTH)
    writer.add_uint32("clip.vision.feed_forward_length", HIDDEN)
    writer.add_uint32("clip.vision.block_count", LAYERS)
    writer.add_uint32("clip.vision.attention.head_count", HEADS)
    writer.add_uint32("clip.vision.projection_dim", text_width)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    writer.add_uint32("clip.vision.image_size", image)
    writer.add_uint32("clip.vision.patch_size", patch)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    writer.add_bool("clip.use_gelu", True)
    weights = Weights(writer, seed)
    weights.matrix("v.patch_embd", WIDTH, 3, patch, patch)
    weights.vector("v.patch_embd.bias", WIDTH)
    patches = (image // patch) ** 2
    weights.matrix("v.position_embd", patches, WIDTH, kind=np.float32)
    for layer in range(LAYERS):
        block = f"v.blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            weights.linear(f"{block}.{name}", WIDTH, WIDTH)
        weights.norm(f"{block}.ln1")
        weights.norm(f"{block}.ln2")
        weights.linear(f"{block}.ffn_up", HIDDEN, WIDTH)
        weights.linear(f"{block}.ffn_down", WIDTH, HIDDEN)
    weights.norm("v.post_ln")
    if kind == "mlp":
        weights.linear("mm.0", text_width, WIDTH)
        weights.linear("mm.2", text_width, text_width)
    else:
        writer.add_uint32("clip.vision.projector.scale_factor", 2)
        weights.matrix("mm.input_projection", WIDTH, text_width)
        weights.vector("mm.soft_emb_norm.weight", WIDTH, around=1.0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
