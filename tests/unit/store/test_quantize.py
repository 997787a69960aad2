"""Quantizing with llama.cpp's own quantizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from ollama_server.errors import Canceled, StoreError
from ollama_server.store import gguf_write as write
from ollama_server.store.gguf import read_gguf
from ollama_server.store.job import Job
from ollama_server.store.progress import Progress
from ollama_server.store.quantize import check_type, quantize, source_type
from tests.unit.store.checkpoints import TOKENS, convert, logits
from tests.unit.store.gguf_files import gguf_file, tensor


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("q8_0", "Q8_0"),
        ("Q4_K_M", "Q4_K_M"),
        ("Q4_K_S", "Q4_K_S"),
        ("Q4_K", "Q4_K_M"),
        ("BF16", "BF16"),
        ("f32", "F32"),
    ],
)
def test_every_type_is_made(wanted: str, name: str, llama_f16: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.gguf"
    assert quantize(read_gguf(llama_f16), target, wanted, Job())
    assert read_gguf(target).file_type_name == name


def test_a_quantized_model_computes_nearly_the_same(llama_f16: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.gguf"
    quantize(read_gguf(llama_f16), target, "Q8_0", Job())
    before, after = logits(llama_f16, TOKENS), logits(target, TOKENS)
    assert abs(before - after).max() < 0.05 * abs(before).max()


def test_progress_counts_up_to_the_size_of_the_model(llama_f16: Path, tmp_path: Path) -> None:
    frames: list[Progress] = []
    quantize(read_gguf(llama_f16), tmp_path / "out.gguf", "q8_0", Job(frames.append))
    *steps, last = frames
    size = llama_f16.stat().st_size
    assert last == Progress("verifying conversion")
    assert {(f.status, f.digest, f.total) for f in steps} == {
        ("quantizing F16 model to Q8_0", "0000000000000000000", size)
    }
    completed = [frame.completed for frame in steps]
    assert completed == sorted(completed)
    assert (completed[0], completed[-1]) == (0, size)


def test_a_model_that_has_the_type_already_is_left_alone(llama_f16: Path, tmp_path: Path) -> None:
    frames: list[Progress] = []
    target = tmp_path / "out.gguf"
    assert not quantize(read_gguf(llama_f16), target, "F16", Job(frames.append))
    assert frames == []
    assert not target.exists()


def test_f32_models_are_quantized(llama_checkpoint: dict[str, Path], tmp_path: Path) -> None:
    source = convert(llama_checkpoint, tmp_path / "f32.gguf", "F32")
    assert quantize(read_gguf(source), tmp_path / "out.gguf", "Q8_0", Job())


def test_other_types_are_refused() -> None:
    with pytest.raises(StoreError) as caught:
        check_type("q3_x")
    assert str(caught.value) == (
        "unsupported quantization type Q3_X - supported types are F32, F16, Q4_K_S, Q4_K_M, Q8_0"
    )


def test_a_quantized_source_is_refused(tmp_path: Path) -> None:
    path = gguf_file(tmp_path / "f", metadata={"general.file_type": write.uint32(15)})
    with pytest.raises(StoreError, match="only supported for F16, BF16 and F32 models"):
        quantize(read_gguf(path), tmp_path / "out", "Q8_0", Job())


def test_a_source_without_a_stated_type_is_judged_by_its_tensors(tmp_path: Path) -> None:
    path = gguf_file(tmp_path / "f", tensor("a", 8), tensor("b", 8, kind=30))
    assert source_type(read_gguf(path)) == "BF16"


def test_what_llama_cpp_refuses_is_reported_with_its_words(tmp_path: Path) -> None:
    metadata = {"general.file_type": write.uint32(1)}
    path = gguf_file(tmp_path / "f", metadata=metadata, architecture="nothing-known")
    with pytest.raises(StoreError, match=r"quantization failed: .*nothing-known"):
        quantize(read_gguf(path), tmp_path / "out", "Q8_0", Job())


def test_a_full_disk_is_named(llama_f16: Path, small_disk: Path) -> None:
    with pytest.raises(StoreError, match="no space left on device"):
        quantize(read_gguf(llama_f16), small_disk / "out.gguf", "Q8_0", Job())


def test_cancelling_stops_the_quantizer(llama_f16: Path, tmp_path: Path) -> None:
    job = Job(lambda frame: job.cancel())
    with pytest.raises(Canceled):
        quantize(read_gguf(llama_f16), tmp_path / "out.gguf", "Q8_0", job)


def test_vision_tensors_in_the_same_file_are_copied(llama_f16: Path, tmp_path: Path) -> None:
    text = read_gguf(llama_f16)
    metadata = write.metadata_of(text) | {"llama.vision.block_count": write.uint32(1)}
    combined = tmp_path / "combined.gguf"
    vision = tensor("v.blk.0.attn_q.weight", 256, 4, kind=1, fill=7)
    with combined.open("wb") as file:
        write.write_gguf(file.write, metadata, [*write.tensors_of(text), vision])
    target = tmp_path / "out.gguf"
    assert quantize(read_gguf(combined), target, "Q8_0", Job())
    result = read_gguf(target)
    kept = result.tensor("v.blk.0.attn_q.weight")
    smaller = result.tensor("blk.0.attn_q.weight")
    assert kept is not None
    assert smaller is not None
    assert (kept.type_name, smaller.type_name, result.file_type_name) == ("F16", "Q8_0", "Q8_0")
    assert result.get("vision.block_count") == 1
    data = target.read_bytes()[result.data_offset + kept.offset :][: kept.size]
    assert set(data) == {7}
    assert {path.name for path in tmp_path.iterdir()} == {"combined.gguf", "out.gguf"}
