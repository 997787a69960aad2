"""Which files of a hub repository a tag means."""

from __future__ import annotations

import pytest

from ollama_server.errors import TransferError
from ollama_server.transfer.quants import RepoFile, choose, quantization

TYPICAL = [
    "README.md",
    "config.json",
    "m-Q8_0.gguf",
    "m-Q4_K_M.gguf",
    "m-IQ3_XS.gguf",
    "m-f16.gguf",
    "imatrix_unsloth.gguf",
]


def files(*names: str) -> list[RepoFile]:
    return [RepoFile(name, 10, "ab" * 32) for name in names]


def chosen(names: list[str], tag: str) -> list[str]:
    return [file.path for file in choose(files(*names), tag).files]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Llama-3.2-1B-Instruct-Q4_K_M.gguf", "Q4_K_M"),
        ("llama-3.2.q4_0.gguf", "Q4_0"),
        ("m.IQ3_XXS.gguf", "IQ3_XXS"),
        ("model-f16.gguf", "F16"),
        ("model-fp16.gguf", "F16"),
        ("model-BF16-00001-of-00003.gguf", "BF16"),
        ("Q8_0/m-00001-of-00002.gguf", "Q8_0"),
        ("m-UD-Q4_K_XL.gguf", "Q4_K_XL"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("Qwen3-Q8-finetune-Q4_K_S.gguf", "Q4_K_S"),
        ("qwen2.5.gguf", ""),
        ("IQmodel.gguf", ""),
    ],
)
def test_quantization_is_read_from_the_file_name(name: str, expected: str) -> None:
    assert quantization(name) == expected


def test_without_a_tag_it_is_q4_k_m() -> None:
    assert chosen(TYPICAL, "latest") == ["m-Q4_K_M.gguf"]


def test_without_a_tag_and_q4_k_m_it_is_the_next_best() -> None:
    assert chosen(["m-Q8_0.gguf", "m-F16.gguf", "m-Q2_K.gguf"], "latest") == ["m-Q8_0.gguf"]


def test_single_file_without_a_known_quantization_is_taken() -> None:
    assert chosen(["weights.gguf"], "latest") == ["weights.gguf"]


@pytest.mark.parametrize("tag", ["Q8_0", "q8_0", "m-Q8_0.gguf", "M-q8_0.GGUF", "m-q8_0"])
def test_tag_is_a_quantization_or_a_file_name_in_any_case(tag: str) -> None:
    assert chosen(TYPICAL, tag) == ["m-Q8_0.gguf"]


def test_f16_is_found_by_either_spelling_of_the_file() -> None:
    assert chosen(["a-fp16.gguf", "a-Q4_0.gguf"], "F16") == ["a-fp16.gguf"]


def test_dynamic_quantization_is_chosen_by_its_prefix() -> None:
    names = ["m-Q4_K_M.gguf", "m-UD-Q4_K_M.gguf"]
    assert chosen(names, "UD-Q4_K_M") == ["m-UD-Q4_K_M.gguf"]
    assert chosen(names, "Q4_K_M") == ["m-Q4_K_M.gguf"]


def test_unknown_tag_is_refused_with_what_there_is() -> None:
    with pytest.raises(TransferError) as failure:
        choose(files(*TYPICAL), "Q9_X")
    assert str(failure.value) == (
        "400: The specified tag is not a valid quantization scheme. "
        'Please use another tag or "latest". Available: F16, IQ3_XS, Q4_K_M, Q8_0'
    )


def test_all_files_of_a_split_model_are_taken_in_order() -> None:
    names = [f"BF16/m-BF16-0000{n}-of-00003.gguf" for n in (3, 1, 2)]
    assert chosen([*names, "m-Q8_0.gguf"], "bf16") == sorted(names)


def test_incomplete_split_model_is_refused() -> None:
    names = ["m-Q8_0-00001-of-00003.gguf", "m-Q8_0-00003-of-00003.gguf"]
    with pytest.raises(TransferError, match=r"has 2 of the 3 files of m-Q8_0\.gguf"):
        choose(files(*names), "Q8_0")


def test_projector_comes_along_in_its_most_exact_common_type() -> None:
    names = ["mmproj-m-Q8_0.gguf", "mmproj-m-f16.gguf", "mmproj-m-f32.gguf", "m-Q4_K_M.gguf"]
    assert chosen(names, "latest") == ["m-Q4_K_M.gguf", "mmproj-m-f16.gguf"]


def test_projector_alone_is_no_model() -> None:
    with pytest.raises(TransferError, match="Repository is not GGUF or is not compatible"):
        choose(files("mmproj-f16.gguf"), "latest")


SAFETENSORS = [
    "config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "consolidated.safetensors",
    "onnx/model.safetensors",
    "tokenizer.json",
    "1_Pooling/config.json",
    "README.md",
]


def test_safetensors_are_converted_to_what_the_tag_says() -> None:
    choice = choose(files(*SAFETENSORS), "q8_0")
    assert choice.quantize == "Q8_0"
    assert [file.path for file in choice.files] == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "config.json",
        "tokenizer.json",
        "1_Pooling/config.json",
    ]


def test_safetensors_without_a_type_in_the_tag_are_offered_for_conversion() -> None:
    with pytest.raises(TransferError, match=r"converted when the tag says .* Q4_K_M, Q4_K_S, Q8_0"):
        choose(files(*SAFETENSORS), "latest")


def test_repository_without_weights_is_refused() -> None:
    with pytest.raises(TransferError, match=r"^400: Repository is not GGUF .* llama\.cpp$"):
        choose(files("README.md"), "latest")
