"""What would make llama.cpp abort at a projector, found in its header before a load.

llama.cpp checks the tensors of text models, but takes those of projectors as they are. Keys are
checked in every projector, shapes in those that were made here, whose parts are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ollama_server.errors import LoadError
from ollama_server.store.gguf import GGUF, LazyArray

_NUMBERS = (
    "block_count",
    "embedding_length",
    "feed_forward_length",
    "projection_dim",
    "attention.head_count",
    "image_size",
    "patch_size",
    "num_mel_bins",
    "projector.scale_factor",
    "spatial_merge_size",
    "n_wa_pattern",
    "window_size",
    "sam.block_count",
    "sam.embedding_length",
    "sam.head_count",
)
_MEANS = ("image_mean", "image_std")
_EPSILON = "attention.layer_norm_epsilon"


@dataclass(frozen=True)
class _Parts:
    """What a type of projector needs, in each block too, and layers that follow each other."""

    needs: tuple[str, ...]
    chains: tuple[tuple[str, str], ...] = ()
    in_block: tuple[str, ...] = ()


_NORMS = (
    *("ln1", "ln2", "attn_pre_norm", "attn_post_norm"),
    *("ffn_norm", "ffn_norm_1", "ffn_post_norm", "norm_conv", "conv_norm"),
)
_OPTIONAL = ("mm.patch_merger.weight",)
_QWEN = (("mm.0.weight", "mm.2.weight"),)
_PARTS = {
    "gemma3": _Parts(
        (
            "v.patch_embd.weight",
            "v.position_embd.weight",
            "mm.input_projection.weight",
            "mm.soft_emb_norm.weight",
        )
    ),
    "gemma4v": _Parts(
        ("v.patch_embd.weight", "v.position_embd.weight", "mm.input_projection.weight")
    ),
    "pixtral": _Parts(
        ("v.patch_embd.weight", "v.pre_ln.weight", "v.token_embd.img_break"),
        (("mm.patch_merger.weight", "mm.1.weight"), ("mm.1.weight", "mm.2.weight")),
    ),
    "qwen2.5vl_merger": _Parts(
        (
            "v.patch_embd.weight",
            "v.patch_embd.weight.1",
            "v.post_ln.weight",
            "mm.0.bias",
            "mm.2.bias",
        ),
        _QWEN,
        ("attn_q.bias", "attn_k.bias", "attn_v.bias"),
    ),
    "qwen3vl_merger": _Parts(
        (
            "v.patch_embd.weight",
            "v.patch_embd.weight.1",
            "v.patch_embd.bias",
            "v.position_embd.weight",
            "v.post_ln.weight",
            "mm.0.bias",
            "mm.2.bias",
        ),
        _QWEN,
        ("attn_qkv.weight", "attn_qkv.bias"),
    ),
    "llama4": _Parts(
        ("v.patch_embd.weight", "v.class_embd", "v.position_embd.weight"),
        (
            ("mm.model.mlp.1.weight", "mm.model.mlp.2.weight"),
            ("mm.model.mlp.2.weight", "mm.model.fc.weight"),
        ),
    ),
    "glm4v": _Parts(
        (
            "v.patch_embd.weight",
            "v.patch_embd.weight.1",
            "v.patch_embd.bias",
            "mm.patch_merger.weight",
            "mm.patch_merger.bias",
        ),
        (
            ("mm.model.fc.weight", "mm.up.weight"),
            ("mm.model.fc.weight", "mm.gate.weight"),
            ("mm.up.weight", "mm.down.weight"),
        ),
    ),
    "nemotron_v2_vl": _Parts(
        ("v.patch_embd.weight", "v.class_embd", "v.position_embd.weight"),
        (("mm.model.mlp.1.weight", "mm.model.mlp.3.weight"),),
    ),
    "deepseekocr": _Parts(
        (
            "v.position_embd.weight",
            "v.class_embd",
            "v.image_newline",
            "v.view_seperator",
            "v.sam.patch_embd.weight",
            "v.sam.pos_embd.weight",
            *(f"v.sam.{name}.weight" for name in ("neck.0", "neck.1", "neck.2", "neck.3")),
            "v.sam.net_2.weight",
            "v.sam.net_3.weight",
            "mm.model.fc.weight",
        )
    ),
}


def check_keys(header: GGUF) -> None:
    """Raise LoadError, naming the file and the key, for keys of types that llama.cpp aborts at."""
    _raise(header, next(_key_problems(header), ""))


def check(header: GGUF) -> None:
    """Raise LoadError, naming the file and the tensor, for one that is missing or does not fit."""
    check_keys(header)
    shapes = {tensor.name: tensor.shape for tensor in header.tensors}
    for problems in (
        _part_problems(header, shapes),
        _layer_problems(header, shapes),
        _document_problems(header, shapes),
    ):
        _raise(header, next(problems, ""))


def _raise(header: GGUF, problem: str) -> None:
    if problem:
        raise LoadError(
            f"cannot load {header.path.name}: {problem}: pull or convert the model again"
        )


def _key_problems(header: GGUF) -> Iterator[str]:
    for key, value in header.metadata.items():
        _, _, name = key.partition("clip.vision.")
        if not name:
            _, _, name = key.partition("clip.audio.")
        if name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int)):
            yield f"{key} is no number"
        if name == _EPSILON and not isinstance(value, float):
            yield f"{key} is no number"
        if name in _MEANS and not _is_colour(value):
            yield f"{key} is no list of three numbers"


def _is_colour(value: Any) -> bool:
    values = value if isinstance(value, list | LazyArray) else ()
    return len(values) >= 3 and all(isinstance(one, float) for one in values)


Shapes = dict[str, tuple[int, ...]]


def _part_problems(header: GGUF, shapes: Shapes) -> Iterator[str]:
    kind = header.metadata.get("clip.projector_type")
    parts = _PARTS.get(str(kind or header.metadata.get("clip.vision.projector_type")))
    if parts is None:
        return
    blocks = _blocks(shapes, "v.blk.")
    for name in (*parts.needs, *(block + name for block in blocks for name in parts.in_block)):
        if name not in shapes:
            yield f"the tensor {name} is missing"
    for first, second in parts.chains:
        if first in _OPTIONAL and first not in shapes:
            continue
        if shapes.get(first, ())[1:2] != shapes.get(second, ())[:1]:
            yield f"the tensors {first} and {second} do not fit together"
    width = header.metadata.get("clip.vision.embedding_length")
    for name in ("v.patch_embd.weight", "v.patch_embd.weight.1"):
        if name in shapes and (len(shapes[name]) not in (2, 4) or shapes[name][-1] != width):
            yield f"the tensor {name} has the shape {list(shapes[name])}"
    position = shapes.get("v.position_embd.weight")
    if position is not None and (len(position) < 2 or position[0] != width):
        yield f"the tensor v.position_embd.weight has the shape {list(position)}"


def _layer_problems(header: GGUF, shapes: Shapes) -> Iterator[str]:
    for name, shape in shapes.items():
        head, _, kind = name.rpartition(".")
        weight = shapes.get(f"{head}.weight")
        if kind == "bias" and weight is None:
            yield f"the tensor {head}.weight is missing"
        elif kind == "bias" and weight is not None and shape != weight[-1:]:
            yield f"the tensor {name} has {shape[0] if shape else 0} elements"
    for tower, modality in (("v", "vision"), ("a", "audio")):
        width = header.metadata.get(f"clip.{modality}.embedding_length")
        heads = header.metadata.get(f"clip.{modality}.attention.head_count")
        if width is not None and (not heads or width % heads):
            yield f"clip.{modality}.attention.head_count is {heads} for a width of {width}"
        for block in _blocks(shapes, f"{tower}.blk."):
            yield from _block_problems(shapes, block, width, modality)


def _blocks(shapes: Shapes, prefix: str) -> list[str]:
    numbers = {name[len(prefix) :].partition(".")[0] for name in shapes if name.startswith(prefix)}
    return [f"{prefix}{number}." for number in sorted(numbers)]


def _block_problems(shapes: Shapes, block: str, width: Any, modality: str) -> Iterator[str]:
    def shape(name: str) -> Sequence[int]:
        return shapes.get(f"{block}{name}.weight", ())

    attention = ("attn_qkv",) if shape("attn_qkv") else ("attn_q", "attn_k", "attn_v")
    for name in (*attention, "attn_out", "ffn_up", "ffn_down"):
        if len(shape(name)) != 2:
            yield f"the tensor {block}{name}.weight is missing or is no matrix"
    for name in (*attention, "ffn_up", "ffn_gate"):
        if shape(name) and shape(name)[0] != width:
            yield f"the tensor {block}{name}.weight has the shape {list(shape(name))}"
    for name in attention if modality == "vision" else ():
        if shape(name)[1] != shape("attn_out")[0] * (3 if name == "attn_qkv" else 1):
            yield f"the tensor {block}{name}.weight has the shape {list(shape(name))}"
    for name in ("attn_out", "ffn_down"):
        if shape(name)[1] != width:
            yield f"the tensor {block}{name}.weight has the shape {list(shape(name))}"
    for name in ("ffn_up", "ffn_gate"):
        if shape(name) and shape(name)[1] != shape("ffn_down")[0]:
            yield f"the tensors of {block}{name} and {block}ffn_down do not fit together"
    if modality == "audio":
        yield from _conformer_problems(shapes, block, width)
    for name in _NORMS:
        if shape(name) and tuple(shape(name)) != (width,):
            yield f"the tensor {block}{name}.weight has {shape(name)[0]} elements"


def _document_problems(header: GGUF, shapes: Shapes) -> Iterator[str]:
    """The tower before the tower that DeepSeek-OCR has."""
    width = header.metadata.get("clip.vision.sam.embedding_length")
    heads = header.metadata.get("clip.vision.sam.head_count")
    if width is None:
        return
    if not heads or width % heads:
        yield f"clip.vision.sam.head_count is {heads} for a width of {width}"
    for block in _blocks(shapes, "v.sam.blk."):
        inner = shapes.get(f"{block}mlp.lin1.weight", (0, 0))[-1]
        wanted = {
            "pre_ln": (width,),
            "post_ln": (width,),
            "attn.qkv": (width, 3 * width),
            "attn.out": (width, width),
            "attn.pos_h": (width // heads, None),
            "attn.pos_w": (width // heads, None),
            "mlp.lin1": (width, inner),
            "mlp.lin2": (inner, width),
        }
        yield from _misfits(shapes, block, wanted)


def _conformer_problems(shapes: Shapes, block: str, width: Any) -> Iterator[str]:
    """What a block that hears has beside attention and its second layer."""
    if f"{block}conv_pw1.weight" not in shapes:
        return
    inner = shapes.get(f"{block}ffn_up_1.weight", (0, 0))[-1]
    wanted = {
        "ffn_up_1": (width, inner),
        "ffn_down_1": (inner, width),
        "conv_pw1": (width, 2 * width),
        "conv_pw2": (width, width),
        "conv_dw": (None, width),
        "attn_k_rel": (width, width),
    }
    yield from _misfits(shapes, block, wanted)


def _misfits(
    shapes: Shapes, block: str, wanted: Mapping[str, tuple[int | None, ...]]
) -> Iterator[str]:
    """Weights of a block that are not as wanted; None stands for any size."""
    for name, shape in wanted.items():
        found = shapes.get(f"{block}{name}.weight", ())
        if len(found) != len(shape) or any(
            b not in (None, a) for a, b in zip(found, shape, strict=True)
        ):
            yield f"the tensor {block}{name}.weight is missing or has the shape {list(found)}"
