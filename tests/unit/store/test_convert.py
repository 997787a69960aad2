"""Converting safetensors: number formats, shards, refusals, memory."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from ollama_server.errors import Canceled, StoreError
from ollama_server.store.convert import convert_model
from ollama_server.store.convert.architectures import ARCHITECTURES
from ollama_server.store.convert.checkpoint import read_checkpoint
from ollama_server.store.convert.numbers import encode, to_bfloat16, to_float32
from ollama_server.store.ggml import BF16, F16, F32
from ollama_server.store.gguf import GGUF, read_gguf
from ollama_server.store.job import Job
from tests.unit.store.checkpoints import (
    TOKENS,
    byte_level_tokenizer,
    convert,
    file_set,
    goldens,
    logits,
    save_raw,
    write_checkpoint,
)
from tests.unit.store.conftest import SMALL_LLAMA, llama_shapes

WEIGHTS = goldens.checkpoint_weights(llama_shapes(width=64, layers=1))
CONFIG = SMALL_LLAMA | {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1}


def checkpoint_as(dtype: str, folder: Path) -> dict[str, Path]:
    """The small model with all its weights in one number format."""
    write_checkpoint(folder, CONFIG, WEIGHTS)
    kinds = {"F32": F32, "F16": F16, "BF16": BF16}
    save_raw(
        folder / "model.safetensors",
        {
            name: (dtype, list(values.shape), encode(values, "F32", kinds[dtype]))
            for name, values in WEIGHTS.items()
        },
    )
    return file_set(folder)


@pytest.mark.parametrize(
    ("dtype", "wanted", "kind", "file_type"),
    [
        ("F32", "", "F16", "F16"),
        ("F16", "", "F16", "F16"),
        ("BF16", "", "BF16", "BF16"),
        ("F32", "F32", "F32", "F32"),
        ("BF16", "F32", "F32", "F32"),
        ("BF16", "F16", "F16", "F16"),
        ("F32", "BF16", "BF16", "BF16"),
        ("F32", "Q4_K_M", "F16", "F16"),
    ],
)
def test_matrices_get_the_wanted_type_and_vectors_stay_exact(
    dtype: str, wanted: str, kind: str, file_type: str, tmp_path: Path
) -> None:
    path = convert(checkpoint_as(dtype, tmp_path / "source"), tmp_path / "out.gguf", wanted)
    header = read_gguf(path)
    types = {tensor.name: tensor.type_name for tensor in header.tensors}
    assert header.file_type_name == file_type
    assert types["blk.0.attn_q.weight"] == types["token_embd.weight"] == kind
    assert types["blk.0.attn_norm.weight"] == types["output_norm.weight"] == "F32"


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_every_source_format_computes_the_same_to_its_precision(dtype: str, tmp_path: Path) -> None:
    exact = convert(checkpoint_as("F32", tmp_path / "exact"), tmp_path / "exact.gguf", "F32")
    path = convert(checkpoint_as(dtype, tmp_path / "source"), tmp_path / "out.gguf", "F32")
    expected, found = logits(exact, TOKENS), logits(path, TOKENS)
    assert abs(expected - found).max() < 0.02 * abs(expected).max()


def test_bfloat16_rounds_to_nearest_even_and_keeps_the_special_values() -> None:
    values = np.array(
        [1.0, 1.00390625, 1.01171875, 3e38, -0.0, np.inf, -np.inf, np.nan], dtype=np.float32
    )
    back = to_float32(to_bfloat16(values), "BF16")
    assert back[:3].tolist() == [1.0, 1.0, 1.015625]
    assert np.signbit(back[4])
    assert back[5:7].tolist() == [np.inf, -np.inf]
    assert np.isnan(back[7])


def test_eight_bit_floats_are_read_with_their_scales(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    write_checkpoint(folder, CONFIG, WEIGHTS)
    codes = np.array([0x00, 0x38, 0xB8, 0x7E, 0x01, 0x40], dtype=np.uint8)
    assert to_float32(codes, "F8_E4M3").tolist() == [0.0, 1.0, -1.0, 448.0, 2**-9, 2.0]
    name = "model.layers.0.mlp.up_proj.weight"
    tensors = {
        other: ("F32", list(values.shape), values.tobytes()) for other, values in WEIGHTS.items()
    }
    tensors[name] = ("F8_E4M3", [64, 64], bytes([0x38]) * 64 * 64)
    scales = np.array([[0.5, 2.0], [4.0, 8.0]], dtype=np.float32)
    tensors[name + "_scale_inv"] = ("F32", [2, 2], scales.tobytes())
    save_raw(folder / "model.safetensors", tensors)
    header = read_gguf(convert(file_set(folder), tmp_path / "out.gguf", "F32"))
    data = values_of(header, "blk.0.ffn_up.weight")
    assert data[0, 0] == 0.5
    assert data[0, 63] == 2.0
    assert data[63, 0] == 4.0
    assert data[63, 63] == 8.0


def values_of(header: GGUF, name: str) -> np.ndarray[Any, Any]:
    info = header.tensor(name)
    assert info is not None
    data = header.path.read_bytes()[header.data_offset + info.offset :][: info.size]
    return np.frombuffer(data, np.float32).reshape(tuple(reversed(info.shape)))


def test_rows_behind_the_vocabulary_are_left_out(tmp_path: Path) -> None:
    config = CONFIG | {"vocab_size": 258}
    files = write_checkpoint(tmp_path / "source", config, WEIGHTS)
    header = read_gguf(convert(files, tmp_path / "out.gguf"), tokenizer=True)
    embedding, output = header.tensor("token_embd.weight"), header.tensor("output.weight")
    assert embedding is not None
    assert output is not None
    assert (embedding.shape, output.shape) == ((64, 258), (64, 258))
    assert len(header.metadata["tokenizer.ggml.tokens"]) == 258


def test_a_tied_output_is_not_stored_twice(tmp_path: Path) -> None:
    config = CONFIG | {"tie_word_embeddings": True}
    files = write_checkpoint(tmp_path / "source", config, WEIGHTS)
    assert read_gguf(convert(files, tmp_path / "out.gguf")).tensor("output.weight") is None


def shards(folder: Path) -> dict[str, Path]:
    """The small model in two files and an index."""
    write_checkpoint(folder, CONFIG, WEIGHTS)
    (folder / "model.safetensors").unlink()
    names = sorted(WEIGHTS)
    where = {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file_name = f"model-{number:05}-of-00002.safetensors"
        save_file({name: WEIGHTS[name] for name in part}, folder / file_name)
        where.update(dict.fromkeys(part, file_name))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    return file_set(folder)


def test_shards_are_one_model(tmp_path: Path) -> None:
    whole = write_checkpoint(tmp_path / "whole", CONFIG, WEIGHTS)
    first = convert(whole, tmp_path / "whole.gguf")
    second = convert(shards(tmp_path / "parts"), tmp_path / "parts.gguf")
    assert first.read_bytes() == second.read_bytes()


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    files = shards(tmp_path / "parts")
    del files["model-00002-of-00002.safetensors"]
    with pytest.raises(StoreError, match=r"of model-00002-of-00002\.safetensors is missing"):
        convert(files, tmp_path / "out.gguf")


def test_a_tensor_in_two_files_is_refused(tmp_path: Path) -> None:
    files = write_checkpoint(tmp_path / "source", CONFIG, WEIGHTS)
    save_file({"model.norm.weight": WEIGHTS["model.norm.weight"]}, tmp_path / "more.safetensors")
    files["more.safetensors"] = tmp_path / "more.safetensors"
    with pytest.raises(StoreError) as caught:
        convert(files, tmp_path / "out.gguf")
    assert str(caught.value) == (
        "duplicate tensor name 'model.norm.weight' was found for this model"
    )


def test_an_unknown_architecture_is_refused_by_name_with_the_known_ones(tmp_path: Path) -> None:
    config = CONFIG | {"architectures": ["SecretForCausalLM"]}
    files = write_checkpoint(tmp_path / "source", config, WEIGHTS)
    with pytest.raises(StoreError) as caught:
        convert(files, tmp_path / "out.gguf")
    text = str(caught.value)
    assert text.startswith('unsupported architecture "SecretForCausalLM"; known architectures: ')
    assert all(name in text for name in ARCHITECTURES)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "unknown architecture"),
        ({"architectures": []}, "unknown architecture"),
        ({"architectures": ["LlamaForCausalLM"]}, 'config.json does not say "num_hidden_layers"'),
    ],
)
def test_a_config_that_says_too_little_is_refused(
    config: dict[str, Any], text: str, tmp_path: Path
) -> None:
    files = write_checkpoint(tmp_path / "source", config, WEIGHTS)
    with pytest.raises(StoreError) as caught:
        convert(files, tmp_path / "out.gguf")
    assert str(caught.value) == text


def test_infinity_and_nan_in_a_config_read_as_nothing(tmp_path: Path) -> None:
    files = write_checkpoint(tmp_path / "source", CONFIG, WEIGHTS)
    text = files["config.json"].read_text()
    files["config.json"].write_text(text[:-1] + ', "a": Infinity, "b": [-Infinity, NaN]}')
    assert read_gguf(convert(files, tmp_path / "out.gguf")).architecture == "llama"


def test_an_unknown_tensor_is_refused_by_name(tmp_path: Path) -> None:
    weights = WEIGHTS | {"model.layers.0.secret.weight": np.ones((4, 4), np.float32)}
    files = write_checkpoint(tmp_path / "source", CONFIG, weights)
    with pytest.raises(StoreError, match=r'unknown tensor "model\.layers\.0\.secret\.weight"'):
        convert(files, tmp_path / "out.gguf")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is no safetensors file"),
        (struct.pack("<Q", 2**40), "is no safetensors file"),
        (struct.pack("<Q", 4) + b"nope", "unknown tensor format"),
        (struct.pack("<Q", 2) + b"[]", "unknown tensor format"),
    ],
)
def test_what_is_no_safetensors_file_is_refused(content: bytes, text: str, tmp_path: Path) -> None:
    files = write_checkpoint(tmp_path / "source", CONFIG, WEIGHTS)
    files["model.safetensors"].write_bytes(content)
    with pytest.raises(StoreError, match=text):
        convert(files, tmp_path / "out.gguf")


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (("F4", [2], b"12"), "unknown data type: F4"),
        (("F32", [3], b"1234"), 'tensor "t" has the wrong size'),
        (("F32", [-1], b""), 'tensor "t" is cut off'),
    ],
)
def test_damaged_headers_are_refused(
    tensor: tuple[str, list[int], bytes], text: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.safetensors"
    save_raw(path, {"t": tensor})
    with pytest.raises(StoreError, match=text):
        read_checkpoint({"x.safetensors": path})


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    files = write_checkpoint(tmp_path / "source", CONFIG, WEIGHTS)
    data = files["model.safetensors"].read_bytes()
    files["model.safetensors"].write_bytes(data[:-100])
    with pytest.raises(StoreError, match="is cut off: the safetensors file is incomplete"):
        convert(files, tmp_path / "out.gguf")


def test_cancelling_stops_a_conversion(tmp_path: Path) -> None:
    files = write_checkpoint(tmp_path / "source", CONFIG, WEIGHTS)
    job = Job()
    job.cancel()
    with pytest.raises(Canceled):
        convert_model(files, lambda data: None, job)


def test_only_the_text_part_of_a_multimodal_model_is_converted(tmp_path: Path) -> None:
    case = json.loads(goldens.GOLDENS.read_text())["gemma3"]
    text = {key: value for key, value in case["config"].items() if key != "architectures"}
    config = {"architectures": ["Gemma3ForConditionalGeneration"], "text_config": text}
    weights = goldens.checkpoint_weights(case["shapes"])
    renamed = {
        name.replace("model.", "language_model.model.", 1): values
        for name, values in weights.items()
    }
    renamed["vision_tower.vision_model.embeddings.x"] = np.ones((2, 2), np.float32)
    files = write_checkpoint(tmp_path / "source", config, renamed)
    path = convert(files, tmp_path / "out.gguf")
    plain = convert(write_checkpoint(tmp_path / "p", case["config"], weights), tmp_path / "p.gguf")
    assert (logits(path, TOKENS) == logits(plain, TOKENS)).all()


@pytest.mark.parametrize(
    ("pooling", "number"),
    [
        ({"pooling_mode_mean_tokens": True}, 1),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, 2),
        ({"pooling_mode_lasttoken": True}, 3),
        (None, 1),
    ],
)
def test_an_encoder_pools_as_its_modules_say(
    pooling: dict[str, bool] | None, number: int, tmp_path: Path
) -> None:
    case = json.loads(goldens.GOLDENS.read_text())["bert"]
    folder = tmp_path / "source"
    write_checkpoint(folder, case["config"], goldens.checkpoint_weights(case["shapes"]))
    if pooling is not None:
        modules = [
            {"type": "x.Transformer", "path": ""},
            {"type": "x.Pooling", "path": "1_Pooling"},
        ]
        (folder / "modules.json").write_text(json.dumps(modules))
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling/config.json").write_text(json.dumps(pooling))
    header = read_gguf(convert(file_set(folder), tmp_path / "out.gguf"))
    assert header.get("pooling_type") == number
    assert header.get("attention.causal") is False


_MEASURED = """
import resource, sys
from pathlib import Path
from ollama_server.store.convert import convert_model
from ollama_server.store.job import Job
import gguf.tensor_mapping
folder = Path(sys.argv[1])
files = {path.name: path for path in folder.iterdir()}
with open(sys.argv[2], "wb") as file:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    convert_model(files, file.write, Job())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_is_bounded_by_the_largest_tensor(tmp_path: Path) -> None:
    width, layers = 768, 6
    shapes = llama_shapes(width, layers)
    generator = np.random.default_rng(0)
    weights = {
        name: generator.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()
    }
    config = CONFIG | {
        "hidden_size": width,
        "intermediate_size": width,
        "num_hidden_layers": layers,
    }
    folder = tmp_path / "source"
    write_checkpoint(folder, config, weights, byte_level_tokenizer())
    largest = max(values.nbytes for values in weights.values())
    total = sum(values.nbytes for values in weights.values())
    result = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(folder), str(tmp_path / "out.gguf")],
        capture_output=True,
        text=True,
        check=True,
    )
    grown = int(result.stdout) * 1024
    assert total > 30 * largest
    # Reading, changing and encoding one tensor takes a few copies of it, and streaming pieces
    # of 16 MiB.
    assert grown < 8 * largest + (32 << 20)
