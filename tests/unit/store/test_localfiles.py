"""Which files a Modelfile's lines mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from ollama_server.store.localfiles import LocalRequest, collect, local_request
from ollama_server.store.modelfile import ModelfileError, parse


def touch(folder: Path, *names: str, content: bytes = b"{}") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def request(folder: Path, text: str) -> LocalRequest:
    return local_request(parse(text), folder)


def test_a_path_that_exists_is_a_file_and_anything_else_a_model(tmp_path: Path) -> None:
    touch(tmp_path, "m.gguf", content=b"GGUF\0")
    assert request(tmp_path, "FROM ./m.gguf").files == {"m.gguf": tmp_path / "m.gguf"}
    assert request(tmp_path, "FROM llama3:8b").from_ == "llama3:8b"


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    touch(tmp_path, "m.gguf", content=b"GGUF\0")
    assert request(Path("/"), "FROM ~/m.gguf").files == {"m.gguf": tmp_path / "m.gguf"}
    with pytest.raises(ModelfileError, match="failed to find user 'nobody-here'"):
        request(tmp_path, "FROM ~nobody-here/m.gguf")


def test_a_missing_adapter_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelfileError, match=r"^stat .*lora: no such file or directory$"):
        request(tmp_path, "FROM x\nADAPTER ./lora")


def test_a_name_too_long_for_a_file_is_a_models_name(tmp_path: Path) -> None:
    name = "x" * 300
    assert request(tmp_path, f"FROM {name}").from_ == name
    with pytest.raises(ModelfileError, match=f"^stat {tmp_path}/x+: file name too long$"):
        request(tmp_path, f"FROM tiny\nADAPTER {name}")


def test_a_path_that_cannot_be_looked_at_is_no_models_name(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ModelfileError, match=r"^stat .*loop: too many levels of symbolic links$"):
        request(tmp_path, "FROM ./loop")


def test_several_paths_merge_and_the_last_name_wins(tmp_path: Path) -> None:
    touch(tmp_path, "a.gguf", "b.gguf", content=b"GGUF\0")
    found = request(tmp_path, "FROM a.gguf\nFROM b.gguf\nFROM one\nFROM two")
    assert set(found.files) == {"a.gguf", "b.gguf"}
    assert found.from_ == "two"


def test_the_request_carries_the_other_fields(tmp_path: Path) -> None:
    text = (
        "FROM x\nSYSTEM s\nTEMPLATE t\nLICENSE one\nLICENSE two\nPARAMETER stop a\n"
        "MESSAGE user hi\nRENDERER r\nPARSER p\nREQUIRES v0.14.0\nPARAMETER mirostat 1"
    )
    found = request(tmp_path, text)
    assert found.as_dict() == {
        "from": "x",
        "template": "t",
        "system": "s",
        "license": ["one", "two"],
        "parameters": {"stop": ["a"]},
        "messages": [{"role": "user", "content": "hi"}],
        "renderer": "r",
        "parser": "p",
        "requires": "0.14.0",
    }
    assert found.warnings == ("warning: parameter mirostat is deprecated",)


def test_a_bad_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelfileError, match="requires must be a valid semver"):
        request(tmp_path, "FROM x\nREQUIRES newest")


def test_a_folder_of_safetensors_brings_its_settings(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "config.json",
        "1_Pooling/config.json",
        "chat_template.jinja",
        "README.md",
        "other.gguf",
    )
    touch(tmp_path, "tokenizer.model", content=b"\0\1")
    assert set(collect(tmp_path)) == {
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "config.json",
        "1_Pooling/config.json",
        "chat_template.jinja",
        "tokenizer.model",
    }


def test_weights_of_the_wrong_type_disqualify_their_rule(tmp_path: Path) -> None:
    touch(tmp_path, "pytorch_model.bin", content=b"not a zip")
    touch(tmp_path, "m.gguf", content=b"GGUF\0\0")
    assert set(collect(tmp_path)) == {"m.gguf"}


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "config.json")
    with pytest.raises(ModelfileError, match="no Modelfile or safetensors files found"):
        collect(tmp_path)


def test_binary_json_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "model.safetensors")
    touch(tmp_path, "config.json", content=b"\0\1\2")
    with pytest.raises(ModelfileError) as caught:
        collect(tmp_path)
    assert str(caught.value) == (
        "invalid content type: expected application/octet-stream for config.json"
    )


def test_links_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "outside/secret.json", "inside/model.safetensors")
    (tmp_path / "inside/config.json").symlink_to(tmp_path / "outside/secret.json")
    with pytest.raises(ModelfileError, match=r"^insecure path: config\.json$"):
        collect(tmp_path / "inside")


def test_links_into_a_cache_come_with_a_hint(tmp_path: Path) -> None:
    touch(tmp_path, ".cache/blob")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/model.safetensors").symlink_to(tmp_path / ".cache/blob")
    with pytest.raises(ModelfileError, match="--local-dir"):
        collect(tmp_path / "inside")


def test_links_within_the_folder_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "real.bin0")
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "real.bin0")
    assert set(collect(tmp_path)) == {"model.safetensors"}


def test_a_draft_must_not_be_the_model_itself(tmp_path: Path) -> None:
    touch(tmp_path, "m.gguf", content=b"GGUF\0")
    (tmp_path / "same.gguf").symlink_to(tmp_path / "m.gguf")
    with pytest.raises(ModelfileError, match="DRAFT must not reference the same local path"):
        request(tmp_path, "FROM m.gguf\nDRAFT same.gguf")
