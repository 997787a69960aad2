"""Writes a checkpoint as two GGUF files: the language model, and the projector in front of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import gguf
import numpy as np
import torch
from torch import Tensor

from models.sight.config import (
    DECODER,
    ENCODER,
    GGUF_PATH,
    PROJECTOR_PATH,
    TEMPLATE_PATH,
    TOKENIZER_PATH,
)
from models.tiny.export import add_tensors, add_tokenizer

DESCRIPTION = "A small demonstration model that describes simple drawings"
TITLES = {"encoder.": "v.", "projector.first.": "mm.0.", "projector.second.": "mm.2."}


def _part(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {key.removeprefix(prefix): t for key, t in state.items() if key.startswith(prefix)}


def _write(path: Path, architecture: str, fill: Callable[[gguf.GGUFWriter], None]) -> None:
    """Writes a file beside its target first, so that a reader never sees half of it."""
    partial = path.with_name(f".{path.name}.partial")
    writer = gguf.GGUFWriter(partial, architecture)
    writer.add_name("Sight")
    writer.add_basename("sight")
    writer.add_description(DESCRIPTION)
    writer.add_license("mit")
    fill(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(path)


def _decoder_header(writer: gguf.GGUFWriter) -> None:
    writer.add_size_label("0.7M")
    writer.add_tags(["image-text-to-text", "demonstration"])
    writer.add_languages(["en", "zh"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(DECODER.context_length)
    writer.add_embedding_length(DECODER.width)
    writer.add_block_count(DECODER.layers)
    writer.add_feed_forward_length(DECODER.feed_forward)
    writer.add_head_count(DECODER.heads)
    writer.add_head_count_kv(DECODER.kv_heads)
    writer.add_key_length(DECODER.head_size)
    writer.add_value_length(DECODER.head_size)
    writer.add_rope_freq_base(DECODER.rope_base)
    writer.add_layer_norm_rms_eps(DECODER.norm_epsilon)


def _encoder_header(writer: gguf.GGUFWriter) -> None:
    c = ENCODER
    writer.add_string("general.type", "mmproj")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", True)
    writer.add_uint32("clip.vision.image_size", c.image)
    writer.add_uint32("clip.vision.patch_size", c.patch)
    writer.add_uint32("clip.vision.embedding_length", c.width)
    writer.add_uint32("clip.vision.feed_forward_length", c.feed_forward)
    writer.add_uint32("clip.vision.block_count", c.layers)
    writer.add_uint32("clip.vision.attention.head_count", c.heads)
    writer.add_uint32("clip.vision.projection_dim", c.output)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", c.norm_epsilon)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    # LLaVA leaves the last layer out unless told which one to take.
    writer.add_array("clip.vision.feature_layer", [c.layers])


def title(name: str) -> str:
    """What a tensor of the encoder or of the projector is called in the file."""
    for ours, theirs in TITLES.items():
        if name.startswith(ours):
            name = theirs + name.removeprefix(ours)
    return name if name.endswith((".weight", ".bias")) else f"{name}.weight"


def _encoder_tensors(writer: gguf.GGUFWriter, state: Mapping[str, Tensor]) -> None:
    """Matrices as F16, all else as F32."""
    c = ENCODER
    for name, tensor in state.items():
        if not name.startswith(tuple(TITLES)):
            continue
        array = tensor.float().numpy()
        if name == "encoder.patch_embd.weight":
            array = array.reshape(c.width, 3, c.patch, c.patch)
        small = array.ndim > 1 and name != "encoder.position_embd"
        writer.add_tensor(title(name), array.astype(np.float16 if small else np.float32))


def export(
    state: Mapping[str, Tensor], path: Path = GGUF_PATH, projector: Path = PROJECTOR_PATH
) -> None:
    """Writes both files from a network's state."""

    def decoder(writer: gguf.GGUFWriter) -> None:
        _decoder_header(writer)
        add_tokenizer(writer, TOKENIZER_PATH, fill_in=False)
        writer.add_chat_template(TEMPLATE_PATH.read_text(encoding="utf-8"))
        add_tensors(writer, _part(state, "decoder"))

    def encoder(writer: gguf.GGUFWriter) -> None:
        _encoder_header(writer)
        _encoder_tensors(writer, state)

    _write(path, "qwen3", decoder)
    _write(projector, "clip", encoder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    export(torch.load(parser.parse_args().checkpoint, map_location="cpu"))
