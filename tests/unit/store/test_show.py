"""What is told about a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ollama_server.errors import StoreError
from ollama_server.store import gguf_write as write
from ollama_server.store import show
from ollama_server.store.config import Config
from ollama_server.store.gguf import read_gguf
from ollama_server.store.manifest import (
    MEDIA_ADAPTER,
    MEDIA_CONFIG,
    MEDIA_DRAFT,
    MEDIA_LICENSE,
    MEDIA_MESSAGES,
    MEDIA_MODEL,
    MEDIA_PARAMS,
    MEDIA_PROJECTOR,
    MEDIA_PROMPT,
    MEDIA_SYSTEM,
    MEDIA_TEMPLATE,
    MEDIA_TENSOR,
    Layer,
    Manifest,
)
from ollama_server.store.model import Model, load_model
from ollama_server.store.names import parse
from ollama_server.store.store import Store
from tests.unit.store.gguf_files import gguf_file, tensor


def install(
    store: Store, *layers: tuple[str, bytes], config: Config | None = None, name: str = "m"
) -> Model:
    """A model made of these blobs."""
    found = []
    for media_type, content in layers:
        stored = store.blobs.put(content)
        found.append(Layer(media_type, stored.digest, stored.size))
    stored = store.blobs.put((config or Config(model_format="gguf")).dump())
    manifest = Manifest(config=Layer(MEDIA_CONFIG, stored.digest, stored.size), layers=tuple(found))
    return load_model(store, store.write_manifest(parse(name), manifest))


def weights(tmp_path: Path, **metadata: bytes) -> bytes:
    """The bytes of a small file with keys of the architecture ``test``."""
    keys = {f"test.{key}": value for key, value in metadata.items()}
    return gguf_file(tmp_path / "w", tensor("t", 4, 2), metadata=keys).read_bytes()


@dataclass
class Facts:
    """What a model says of itself, in three places."""

    metadata: dict[str, bytes] = field(default_factory=dict)
    config: tuple[str, ...] = ()
    projector: dict[str, bytes] = field(default_factory=dict)


def test_a_model_gathers_its_layers(store: Store, tmp_path: Path) -> None:
    model = install(
        store,
        (MEDIA_MODEL, weights(tmp_path)),
        (MEDIA_TEMPLATE, b"old"),
        (MEDIA_TEMPLATE, b"{{ .Prompt }}"),
        (MEDIA_SYSTEM, b"Be kind."),
        (MEDIA_LICENSE, b"one"),
        (MEDIA_LICENSE, b"two"),
        (MEDIA_PARAMS, b'{"stop":["a"]}'),
        (MEDIA_MESSAGES, b'[{"role":"user","content":"hi"}]'),
        (MEDIA_ADAPTER, b"lora"),
        (MEDIA_DRAFT, b"draft"),
        ("application/vnd.ollama.image.unknown", b"?"),
    )
    assert (model.template, model.system) == ("{{ .Prompt }}", "Be kind.")
    assert model.licenses == ("one", "two")
    assert (model.params, model.messages) == (
        {"stop": ["a"]},
        ({"role": "user", "content": "hi"},),
    )
    assert model.adapters[0].read_bytes() == b"lora"
    assert model.draft is not None
    assert model.architecture == "test"


def test_the_old_name_of_a_template_layer_still_counts(store: Store) -> None:
    assert install(store, (MEDIA_PROMPT, b"legacy")).template == "legacy"


def test_a_model_is_read_once_while_its_manifest_stays_the_same(store: Store) -> None:
    model = install(store, (MEDIA_SYSTEM, b"one"))
    assert load_model(store, store.resolve(parse("m"))) is model
    assert install(store, (MEDIA_SYSTEM, b"two")).system == "two"


def test_a_model_whose_weights_vanished_can_still_be_shown(store: Store, tmp_path: Path) -> None:
    model = install(store, (MEDIA_MODEL, weights(tmp_path)), (MEDIA_SYSTEM, b"s"))
    assert model.gguf is not None
    assert model.model_path is not None
    model.model_path.unlink()
    again = load_model(store, store.resolve(parse("m")))
    assert (again.gguf, again.system, again.gguf_capabilities) == (None, "s", ())


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        ((MEDIA_PARAMS, b"{"), "damaged blob"),
        ((MEDIA_PARAMS, b"[]"), "not a JSON dict"),
        ((MEDIA_MESSAGES, b"{}"), "not a JSON list"),
    ],
)
def test_damaged_texts_are_reported(layer: tuple[str, bytes], text: str, store: Store) -> None:
    with pytest.raises(StoreError, match=text):
        install(store, layer)


def test_a_missing_config_is_reported(store: Store) -> None:
    model = install(store)
    entry = store.resolve(model.name)
    store.blobs.remove(entry.manifest.config.digest)
    with pytest.raises(StoreError, match="the config of other:latest is missing"):
        load_model(store, store.copy(parse("m"), parse("other")))


def test_a_manifest_without_config_is_reported(store: Store) -> None:
    model = install(store)
    layers = store.resolve(model.name).manifest.layers
    entry = store.write_manifest(parse("bare"), Manifest(layers=layers))
    with pytest.raises(StoreError, match="bare:latest has no config"):
        load_model(store, entry)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(), ("completion",)),
        (Facts({"pooling_type": write.uint32(1)}), ("embedding",)),
        (
            Facts({"vision.block_count": write.uint32(1), "audio.block_count": write.uint32(1)}),
            ("completion", "vision", "audio"),
        ),
        (Facts(config=("tools", "completion")), ("tools", "completion")),
        (
            Facts(projector={"clip.has_vision_encoder": write.boolean(True)}),
            ("completion", "vision"),
        ),
        (
            Facts(projector={"clip.has_audio_encoder": write.boolean(True)}),
            ("completion", "audio"),
        ),
        (
            Facts(
                projector={
                    "clip.has_vision_encoder": write.boolean(True),
                    "clip.has_audio_encoder": write.boolean(True),
                }
            ),
            ("completion", "vision", "audio"),
        ),
        (
            Facts(
                projector={
                    "clip.has_vision_encoder": write.boolean(False),
                    "clip.has_audio_encoder": write.boolean(True),
                }
            ),
            ("completion", "audio"),
        ),
        (Facts(projector={"clip.use_gelu": write.boolean(True)}), ("completion", "vision")),
        (
            Facts(
                projector={
                    "clip.has_audio_encoder": write.boolean(True),
                    "clip.projector_type": write.string("gemma3nv"),
                }
            ),
            ("completion", "vision"),
        ),
    ],
)
def test_capabilities_follow_from_config_weights_and_projector(
    facts: Facts, expected: tuple[str, ...], store: Store, tmp_path: Path
) -> None:
    layers = [(MEDIA_MODEL, weights(tmp_path, **facts.metadata))]
    if facts.projector:
        path = gguf_file(tmp_path / "p", metadata=facts.projector, architecture="clip")
        layers.append((MEDIA_PROJECTOR, path.read_bytes()))
    model = install(store, *layers, config=Config(capabilities=facts.config))
    assert model.gguf_capabilities == expected


def test_details_come_from_the_config_and_gaps_from_the_weights(
    store: Store, tmp_path: Path
) -> None:
    keys = {"context_length": write.uint32(99), "embedding_length": write.uint32(7)}
    config = Config(
        model_format="gguf",
        model_family="fam",
        model_families=("fam",),
        model_type="8B",
        file_type="unknown",
        context_length=5,
    )
    model = install(store, (MEDIA_MODEL, weights(tmp_path, **keys)), config=config)
    assert show.details(model, lengths=True) == {
        "parent_model": "",
        "format": "gguf",
        "family": "fam",
        "families": ["fam"],
        "parameter_size": "8B",
        "quantization_level": "unknown",
        "context_length": 5,
        "embedding_length": 7,
    }
    assert "context_length" not in show.details(model)


def test_the_quantization_is_read_from_the_weights_when_the_config_does_not_know(
    store: Store, tmp_path: Path
) -> None:
    metadata = {"general.file_type": write.uint32(0)}
    data = gguf_file(tmp_path / "w", metadata=metadata).read_bytes()
    assert install(store, (MEDIA_MODEL, data)).quantization == "F32"


def test_families_are_null_when_there_are_none(store: Store) -> None:
    assert show.details(install(store))["families"] is None


def header_info(tmp_path: Path, *, verbose: bool) -> dict[str, Any]:
    metadata = {
        "general.name": write.string("secret"),
        "tokenizer.chat_template": write.string("x"),
        "tokenizer.ggml.tokens": write.strings(["a", "b"]),
        "tokenizer.ggml.merges": write.strings([]),
        "test.sizes": write.int32s([1, 2]),
        "test.eps": write.float32(1e-5),
    }
    path = gguf_file(tmp_path / "w", tensor("t", 4, 2), metadata=metadata)
    return show.model_info(read_gguf(path), verbose=verbose)


def test_model_info_leaves_arrays_out_unless_verbose(tmp_path: Path) -> None:
    assert header_info(tmp_path, verbose=False) == {
        "general.architecture": "test",
        "general.parameter_count": 8,
        "tokenizer.ggml.tokens": None,
        "tokenizer.ggml.merges": [],
        "test.sizes": None,
        "test.eps": 1e-5,
    }


def test_model_info_is_complete_when_verbose(tmp_path: Path) -> None:
    info = header_info(tmp_path, verbose=True)
    assert (info["tokenizer.ggml.tokens"], info["test.sizes"]) == (["a", "b"], [1, 2])


def test_a_model_without_weights_has_empty_info() -> None:
    assert (show.model_info(None), show.tensors(None)) == ({}, [])


def test_tensors_have_name_type_and_shape(tmp_path: Path) -> None:
    path = gguf_file(tmp_path / "w", tensor("t", 4, 2, kind=1))
    assert show.tensors(read_gguf(path)) == [{"name": "t", "type": "F16", "shape": [4, 2]}]


def test_parameters_are_padded_lines_with_quoted_texts() -> None:
    params = {"temperature": 0.6, "stop": ["<|eot_id|>", 'a"\n'], "num_ctx": 1048576}
    assert show.parameters_text(params).splitlines() == [
        "num_ctx                        1048576",
        'stop                           "<|eot_id|>"',
        'stop                           "a\\"\\n"',
        "temperature                    0.6",
    ]


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("é", '"é"'), ("\x00\x7f", '"\\x00\\x7f"'), ("\u200d", '"\\u200d"'), ("\t\\", '"\\t\\\\"')],
)
def test_texts_are_quoted_as_go_quotes_them(text: str, quoted: str) -> None:
    assert show.go_quote(text) == quoted


def test_the_modelfile_would_make_the_model_again(store: Store, tmp_path: Path) -> None:
    projector = gguf_file(tmp_path / "p", architecture="clip").read_bytes()
    model = install(
        store,
        (MEDIA_MODEL, weights(tmp_path)),
        (MEDIA_PROJECTOR, projector),
        (MEDIA_ADAPTER, b"lora"),
        (MEDIA_SYSTEM, b"one\ntwo"),
        (MEDIA_PARAMS, b'{"stop":["<|a|>"," "],"num_ctx":1000000,"temperature":1}'),
        (MEDIA_LICENSE, b"MIT"),
        (MEDIA_MESSAGES, b'[{"role":"user","content":"hi"}]'),
        config=Config(renderer="r", parser="p"),
    )
    assert show.modelfile_text(model) == (
        '# Modelfile generated by "ollama show"\n'
        "# To build a new Modelfile based on this, replace FROM with:\n"
        "# FROM m:latest\n"
        "\n"
        f"FROM {model.model_path}\n"
        f"ADAPTER {model.adapters[0]}\n"
        f"FROM {model.projectors[0]}\n"
        "TEMPLATE {{ .Prompt }}\n"
        'SYSTEM "one\ntwo"\n'
        "RENDERER r\n"
        "PARSER p\n"
        "PARAMETER num_ctx 1000000\n"
        "PARAMETER stop <|a|>\n"
        'PARAMETER stop " "\n'
        "PARAMETER temperature 1\n"
        "LICENSE MIT\n"
        "MESSAGE user hi\n"
    )


def test_a_request_may_change_what_the_modelfile_shows(store: Store) -> None:
    model = install(store, (MEDIA_SYSTEM, b"old"), (MEDIA_PARAMS, b'{"seed":1}'))
    text = show.modelfile_text(model, system="new", options={"top_k": 3}, template="{{ .T }}")
    assert "SYSTEM new\n" in text
    assert "PARAMETER seed 1\nPARAMETER top_k 3\n" in text
    assert "TEMPLATE {{ .T }}\n" in text


def test_a_remote_stub_has_no_path(store: Store) -> None:
    model = install(store, config=Config(remote_model="x", remote_host="https://h:443"))
    assert "\nFROM \n" in show.modelfile_text(model)


def test_a_model_of_tensor_layers_is_shown_by_its_name(store: Store) -> None:
    model = install(store, (MEDIA_TENSOR, b"t"))
    assert show.modelfile_text(model).startswith(
        '# Modelfile generated by "ollama show"\nFROM m:latest\n'
    )
