"""Creating models: layers, frames, errors, and nothing half-made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ollama_server.errors import BadRequest, ModelNotFound, ServerError, StoreError, TemplateError
from ollama_server.store import gguf_write as write
from ollama_server.store import manifest as m
from ollama_server.store.create import Hooks, create_model
from ollama_server.store.create_request import CreateRequest, remote_url
from ollama_server.store.fsck import check_store
from ollama_server.store.gguf import read_gguf
from ollama_server.store.model import Model, load_model
from ollama_server.store.names import Name, parse
from ollama_server.store.progress import Progress
from ollama_server.store.store import Store
from tests.unit.store.checkpoints import goldens, save_raw, write_checkpoint
from tests.unit.store.conftest import SMALL_LLAMA, Upload, llama_shapes
from tests.unit.store.gguf_files import gguf_file, tensor


def make(store: Store, hooks: Hooks | None = None, **fields: Any) -> list[str]:
    """Create a model and return the status lines, repeats left out."""
    if "from" in fields:
        fields["from_"] = fields.pop("from")
    request = CreateRequest(**{"model": "new", **fields})

    async def run() -> list[Progress]:
        return [frame async for frame in create_model(store, request, hooks=hooks)]

    statuses = [frame.status for frame in asyncio.run(run())]
    return list(dict.fromkeys(statuses))


def installed(store: Store, name: str = "new") -> Model:
    return load_model(store, store.resolve(parse(name)))


def layers(store: Store, name: str = "new") -> list[str]:
    manifest = store.resolve(parse(name)).manifest
    return [layer.media_type.rpartition(".")[2] for layer in manifest.layers]


@dataclass
class Detected:
    name: str = "chatml"
    text: str = "{{ .Prompt }}"
    stop: tuple[str, ...] = ("<|im_end|>",)


DETECTS = Hooks(detect_template=lambda _: Detected())


# --- from GGUF files ------------------------------------------------------------------------------


def test_a_gguf_file_becomes_a_model(store: Store, upload: Upload, model_file: Path) -> None:
    digest = upload(model_file)
    frames = make(store, files={"model.gguf": digest})
    assert frames == [
        "parsing GGUF",
        f"using existing layer {digest}",
        "writing manifest",
        "success",
    ]
    model = installed(store)
    assert model.config.raw == {
        "model_format": "gguf",
        "model_family": "llama",
        "model_families": ["llama"],
        "model_type": "32",
        "file_type": "F16",
        "architecture": "amd64",
        "os": "linux",
    }
    assert model.parent_model == "model.gguf"
    assert model.context_length == 2048
    assert check_store(store) == []


def test_texts_become_layers_in_order(store: Store, upload: Upload, model_file: Path) -> None:
    frames = make(
        store,
        files={"m": upload(model_file)},
        template="{{ .System }}",
        system="Be kind.",
        license=["MIT", "Apache"],
        parameters={"temperature": 0.5, "stop": ["a"]},
        messages=[{"role": "USER", "content": "hi"}],
        renderer="r",
        parser="p",
        requires="0.1.0",
    )
    assert layers(store) == [
        "model",
        "template",
        "system",
        "license",
        "license",
        "params",
        "messages",
    ]
    assert sum(frame.startswith("creating new layer sha256:") for frame in frames) == 6
    model = installed(store)
    assert (model.template, model.system) == ("{{ .System }}", "Be kind.")
    assert model.licenses == ("MIT", "Apache")
    assert model.params == {"stop": ["a"], "temperature": 0.5}
    assert model.messages == ({"role": "user", "content": "hi"},)
    assert (model.config.renderer, model.config.parser, model.config.requires) == (
        "r",
        "p",
        "0.1.0",
    )


def test_a_recognised_chat_template_brings_template_and_stops(
    store: Store, upload: Upload, model_file: Path
) -> None:
    frames = make(store, DETECTS, files={"m": upload(model_file)})
    assert frames[2] == "using autodetected template chatml"
    assert layers(store) == ["model", "template", "params"]
    assert installed(store).params == {"stop": ["<|im_end|>"]}


def test_a_requested_template_replaces_the_detected_one_but_its_stops_stay(
    store: Store, upload: Upload, model_file: Path
) -> None:
    make(store, DETECTS, files={"m": upload(model_file)}, template="mine")
    assert (installed(store).template, installed(store).params) == (
        "mine",
        {"stop": ["<|im_end|>"]},
    )


def test_a_requested_stop_replaces_the_detected_ones(
    store: Store, upload: Upload, model_file: Path
) -> None:
    make(store, DETECTS, files={"m": upload(model_file)}, parameters={"stop": ["x"], "seed": 1})
    assert installed(store).params == {"stop": ["x"], "seed": 1}


def test_projectors_and_adapters_are_told_apart_from_weights(
    store: Store, upload: Upload, model_file: Path, tmp_path: Path
) -> None:
    vision = {
        "clip.has_vision_encoder": write.boolean(True),
        "clip.projector_type": write.string("gemma3"),
        "clip.vision.block_count": write.uint32(2),
    }
    projector = gguf_file(tmp_path / "mmproj", metadata=vision, architecture="clip")
    lora = {"general.type": write.string("adapter")}
    adapter = gguf_file(tmp_path / "lora", metadata=lora, architecture="llama")
    make(
        store,
        files={
            "a.gguf": upload(adapter),
            "b.gguf": upload(model_file),
            "c.gguf": upload(projector),
        },
    )
    assert sorted(layers(store)) == ["adapter", "model", "projector"]
    model = installed(store)
    assert model.config.model_families == ("llama", "clip")
    assert model.config.model_family == "llama"
    assert model.gguf_capabilities == ("completion", "vision")


def test_a_projector_beside_a_base_model_replaces_its_own(
    store: Store, upload: Upload, model_file: Path, tmp_path: Path
) -> None:
    def projector(encoder: str) -> str:
        keys = {f"clip.has_{encoder}_encoder": write.boolean(True)}
        keys["clip.projector_type"] = write.string(encoder)
        return upload(gguf_file(tmp_path / encoder, metadata=keys, architecture="clip"))

    make(store, files={"m": upload(model_file), "p": projector("vision")})
    make(store, model="ears", from_="new", files={"p": projector("audio")})
    model = installed(store, "ears")
    assert len(model.projectors) == 1
    assert model.gguf_capabilities == ("completion", "audio")


def test_weights_beside_a_base_model_change_nothing(
    store: Store, upload: Upload, model_file: Path, tmp_path: Path
) -> None:
    make(store, files={"m": upload(model_file)})
    other = upload(gguf_file(tmp_path / "other", tensor("t", 4), architecture="llama"))
    make(store, model="same", from_="new", files={"o": other})
    assert installed(store, "same").model_path == installed(store).model_path


def test_an_old_projector_gets_the_type_it_leaves_out(
    store: Store, upload: Upload, model_file: Path, tmp_path: Path
) -> None:
    vision = {"clip.has_vision_encoder": write.boolean(True)}
    projector = gguf_file(tmp_path / "p", tensor("v", 8), metadata=vision, architecture="clip")
    frames = make(store, files={"m": upload(model_file), "p": upload(projector)})
    assert "updating GGUF projector metadata" in frames
    [path] = installed(store).projectors
    assert read_gguf(path).get("clip.projector_type") == "mlp"
    assert read_gguf(path).tensors[0].shape == (8,)


def test_architecture_defaults_fill_renderer_parser_and_stop(
    store: Store, upload: Upload, tmp_path: Path
) -> None:
    metadata = {"gemma4.block_count": write.uint32(1)}
    path = gguf_file(tmp_path / "g", metadata=metadata, architecture="gemma4")
    make(store, files={"m": upload(path)})
    model = installed(store)
    assert (model.config.renderer, model.config.parser) == ("gemma4", "gemma4")
    assert model.params == {"stop": ["<turn|>"]}


def test_info_overrides_what_the_file_says(store: Store, upload: Upload, model_file: Path) -> None:
    info = {
        "model_family": "fam",
        "base_name": "base",
        "quantization_level": "Q1",
        "parameter_size": "9B",
        "context_length": 10.0,
        "embedding_length": 20,
        "capabilities": ["tools"],
    }
    make(store, files={"m": upload(model_file)}, info=info)
    config = installed(store).config
    assert config.model_families == ("fam", "llama")
    assert (config.file_type, config.model_type, config.base_name) == ("Q1", "9B", "base")
    assert (config.context_length, config.embedding_length) == (10, 20)
    assert installed(store).gguf_capabilities == ("tools", "completion")


# --- from another model ---------------------------------------------------------------------------


@pytest.fixture
def base(store: Store, upload: Upload, model_file: Path) -> None:
    make(
        store,
        model="base",
        files={"model.gguf": upload(model_file)},
        template="base template",
        system="base system",
        license=["one"],
        parameters={"stop": ["a", "b"], "seed": 1},
        messages=[{"role": "user", "content": "hi"}],
        renderer="r",
    )


@pytest.mark.usefixtures("base")
def test_everything_is_inherited_from_a_model(store: Store) -> None:
    frames = make(store, **{"from": "BASE"})
    assert frames[-2:] == ["writing manifest", "success"]
    assert all(frame.startswith("using existing layer") for frame in frames[:-2])
    old, new = installed(store, "base"), installed(store)
    for name in ("template", "system", "params", "messages", "licenses", "config"):
        assert getattr(new, name) == getattr(old, name)
    assert new.parent_model == "base:latest"


@pytest.mark.usefixtures("base")
def test_a_child_replaces_merges_and_appends(store: Store) -> None:
    make(
        store,
        **{"from": "base:local"},
        system="new system",
        license=["two"],
        parameters={"stop": ["c"]},
        messages=[{"role": "assistant", "content": "new"}],
        parser="p",
    )
    model = installed(store)
    assert (model.template, model.system) == ("base template", "new system")
    assert model.licenses == ("one", "two")
    assert model.params == {"stop": ["c"], "seed": 1}
    assert model.messages == ({"role": "assistant", "content": "new"},)
    assert (model.config.renderer, model.config.parser) == ("r", "p")
    assert layers(store) == [
        "model",
        "template",
        "license",
        "system",
        "license",
        "params",
        "messages",
    ]


@pytest.mark.usefixtures("base")
def test_templates_are_not_detected_for_a_child(store: Store) -> None:
    make(store, DETECTS, **{"from": "base"})
    assert installed(store).template == "base template"


@pytest.mark.usefixtures("base")
def test_from_wins_over_files(store: Store) -> None:
    make(store, **{"from": "base"}, files={"m": "sha256:" + "0" * 64})
    assert installed(store).parent_model == "base:latest"


def test_a_missing_base_is_pulled(store: Store, upload: Upload, model_file: Path) -> None:
    digest = upload(model_file)

    async def pull(name: Name) -> AsyncIterator[Progress]:
        request = CreateRequest(model=name.short, files={"m": digest})
        yield Progress("pulling manifest")
        async for _ in create_model(store, request):
            continue
        yield Progress("success")

    frames = make(store, Hooks(pull=pull), **{"from": "remote/base"})
    assert frames[0] == "pulling manifest"
    assert frames.index("success") == len(frames) - 1
    assert installed(store).parent_model == "remote/base:latest"


def test_a_missing_base_without_a_registry_is_not_found(store: Store) -> None:
    with pytest.raises(ModelNotFound):
        make(store, **{"from": "nowhere"})


@pytest.mark.usefixtures("base")
def test_a_base_whose_blob_is_missing_says_so(store: Store) -> None:
    path = installed(store, "base").model_path
    assert path is not None
    path.unlink()
    with pytest.raises(StoreError, match=r"blob sha256:\w+ is missing from the store"):
        make(store, **{"from": "base"})


@pytest.mark.usefixtures("base")
def test_overwriting_a_model_removes_what_only_it_used(store: Store) -> None:
    make(store, **{"from": "base"}, system="unique")
    text = store.resolve(parse("new")).manifest.of_type(m.MEDIA_SYSTEM)[0].digest
    make(store, **{"from": "base"})
    assert not store.blobs.has(text)
    assert check_store(store) == []


@pytest.mark.usefixtures("base")
def test_a_model_may_be_made_from_itself(store: Store) -> None:
    make(store, model="base", **{"from": "base"}, system="other")
    assert installed(store, "base").system == "other"
    assert check_store(store) == []


# --- remote stubs ---------------------------------------------------------------------------------


def test_a_cloud_reference_makes_a_stub(store: Store) -> None:
    frames = make(store, **{"from": "gpt:120b-cloud"}, info={"capabilities": ["tools"]})
    assert frames == ["writing manifest", "success"]
    config = installed(store).config
    assert (config.remote_model, config.remote_host) == ("gpt:120b", "https://ollama.com:443")
    assert config.capabilities == ("tools",)
    assert store.resolve(parse("new")).manifest.layers == ()


def test_a_child_of_a_stub_is_a_stub(store: Store) -> None:
    make(store, model="stub", **{"from": "gpt:cloud"}, info={"context_length": 5})
    make(store, **{"from": "stub"}, system="Be kind.")
    config = installed(store).config
    assert (config.remote_model, config.context_length) == ("gpt", 5)
    assert installed(store).system == "Be kind."


def test_a_stub_is_no_local_model(store: Store) -> None:
    make(store, model="stub", **{"from": "gpt:cloud"})
    with pytest.raises(ModelNotFound):
        make(store, **{"from": "stub:local"})


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("ollama.com", "https://ollama.com:443"),
        ("host", "http://host:11434"),
        ("host:1", "http://host:1"),
        ("https://host/", "https://host:11434"),
        ("http://host:8/a//b/", "http://host:8/a/b"),
        ("/path", "http://localhost:11434/path"),
        ("http://[::1]", "http://[::1]:11434"),
    ],
)
def test_remote_hosts_get_scheme_and_port(text: str, url: str) -> None:
    assert remote_url(text) == url


@pytest.mark.parametrize("text", ["http://", "http://[", "://", "ftp://host", "bad host", "a<b"])
def test_bad_remote_hosts_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="bad remote"):
        remote_url(text)


# --- adapters and drafts --------------------------------------------------------------------------


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    metadata = {"general.type": write.string("adapter")}
    return gguf_file(tmp_path / "lora.gguf", metadata=metadata, architecture="llama")


@pytest.mark.usefixtures("base")
def test_an_adapter_is_appended_to_a_model(store: Store, upload: Upload, lora: Path) -> None:
    frames = make(store, **{"from": "base"}, adapters={"lora.gguf": upload(lora)})
    assert "parsing GGUF" in frames
    assert "adapter" in layers(store)
    assert installed(store).adapters == (store.blobs.path(upload(lora)),)


@pytest.mark.usefixtures("base")
def test_a_draft_model_is_appended_and_described(
    store: Store, upload: Upload, model_file: Path
) -> None:
    make(store, **{"from": "base"}, draft_files={"d.gguf": upload(model_file)})
    assert installed(store).draft is not None
    assert installed(store).config.draft == {"model_format": "gguf", "architecture": "llama"}


@pytest.mark.usefixtures("base")
def test_two_adapters_are_refused(store: Store, upload: Upload, lora: Path) -> None:
    files = {"a.gguf": upload(lora), "b.gguf": upload(lora)}
    with pytest.raises(BadRequest, match="only one adapter is currently supported"):
        make(store, **{"from": "base"}, adapters=files)


@pytest.mark.usefixtures("base")
def test_a_model_is_no_adapter(store: Store, upload: Upload, model_file: Path) -> None:
    with pytest.raises(BadRequest, match="is no adapter for this model"):
        make(store, **{"from": "base"}, adapters={"a.gguf": upload(model_file)})


def test_an_adapter_needs_a_model(store: Store, upload: Upload, lora: Path) -> None:
    with pytest.raises(BadRequest, match="no base model was found"):
        make(store, files={"a.gguf": upload(lora)}, adapters={"b.gguf": upload(lora)})


# --- split files ----------------------------------------------------------------------------------


def shards(tmp_path: Path, upload: Upload, count: int = 3, **changes: Any) -> dict[str, str]:
    """A model in pieces, one tensor in each."""
    files = {}
    for number in range(count):
        metadata = {
            "split.no": write.uint32(number),
            "split.count": write.uint32(count),
            "split.tensors.count": write.int32(count),
            "llama.block_count": write.uint32(1),
        }
        metadata.update(changes.get("metadata", {}))
        if "without" in changes:
            del metadata[changes["without"]]
        path = gguf_file(
            tmp_path / f"shard{number}",
            tensor(f"t{number}", 8, fill=number + 1),
            metadata=metadata,
            architecture="llama",
        )
        files[f"m-{number + 1:05}-of-{count:05}.gguf"] = upload(path)
    return files


def test_a_split_model_is_joined(store: Store, upload: Upload, tmp_path: Path) -> None:
    frames = make(store, files=shards(tmp_path, upload))
    assert frames[0] == "parsing GGUF"
    path = installed(store).model_path
    assert path is not None
    header = read_gguf(path)
    assert [t.name for t in header.tensors] == ["t0", "t1", "t2"]
    assert not any(key.startswith("split.") for key in header.metadata)
    data = path.read_bytes()
    for number, info in enumerate(header.tensors):
        start = header.data_offset + info.offset
        assert data[start : start + info.size] == bytes([number + 1]) * info.size


@pytest.mark.parametrize(
    ("rename", "text"),
    [
        ({"m-00002-of-00003.gguf": "x.gguf"}, 'split GGUF "x.gguf" must use llama.cpp split'),
        ({"m-00003-of-00003.gguf": None}, "has 2 shards, expected 3"),
        ({"m-00001-of-00003.gguf": None}, "split GGUF is missing first shard"),
        (
            {"m-00002-of-00003.gguf": "m-00002-of-00004.gguf"},
            'split GGUF "m-00002-of-00004.gguf" filename count 4 does not match metadata count 3',
        ),
        (
            {"m-00002-of-00003.gguf": "m-00004-of-00003.gguf"},
            'split GGUF "m-00004-of-00003.gguf" filename index 4 does not match metadata index 2',
        ),
    ],
)
def test_an_incomplete_split_is_refused(
    rename: dict[str, str | None], text: str, store: Store, upload: Upload, tmp_path: Path
) -> None:
    files = shards(tmp_path, upload)
    for old, new in rename.items():
        digest = files.pop(old)
        if new:
            files[new] = digest
    with pytest.raises(StoreError) as caught:
        make(store, files=files)
    assert text in str(caught.value)


def test_a_shard_without_its_number_is_refused(
    store: Store, upload: Upload, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=r"is missing split\.no metadata"):
        make(store, files=shards(tmp_path, upload, without="split.no"))


# --- safetensors and quantization -----------------------------------------------------------------


def uploaded(files: dict[str, Path], upload: Upload) -> dict[str, str]:
    return {name: upload(path) for name, path in files.items()}


def test_safetensors_are_converted(
    store: Store, upload: Upload, llama_checkpoint: dict[str, Path]
) -> None:
    frames = make(store, files=uploaded(llama_checkpoint, upload))
    assert frames[0] == "converting model"
    assert installed(store).quantization == "F16"
    assert installed(store).config.model_family == "llama"


def test_a_converted_model_can_be_quantized_at_once(
    store: Store, upload: Upload, llama_checkpoint: dict[str, Path]
) -> None:
    frames = make(store, files=uploaded(llama_checkpoint, upload), quantize="q8_0")
    assert frames[:3] == [
        "converting model",
        "quantizing F16 model to Q8_0",
        "verifying conversion",
    ]
    assert installed(store).quantization == "Q8_0"
    weights = installed(store).model_path
    ggufs = [p for p, _ in store.blobs.files() if p.read_bytes()[:4] == b"GGUF"]
    assert ggufs == [weights]


def test_eight_bit_checkpoints_become_q8_0(store: Store, upload: Upload, tmp_path: Path) -> None:
    weights = goldens.checkpoint_weights(llama_shapes(width=64, layers=1))
    config = SMALL_LLAMA | {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1}
    files = write_checkpoint(tmp_path / "fp8", config, weights)
    save_raw(
        files["model.safetensors"],
        {
            name: ("F8_E4M3", list(values.shape), bytes([0x28]) * values.size)
            for name, values in weights.items()
        },
    )
    make(store, files=uploaded(files, upload))
    assert installed(store).quantization == "Q8_0"


def test_full_precision_is_kept_when_asked_for(
    store: Store, upload: Upload, llama_checkpoint: dict[str, Path]
) -> None:
    make(store, files=uploaded(llama_checkpoint, upload), quantize="F32")
    assert installed(store).quantization == "F32"


def test_an_installed_model_is_quantized_into_a_new_one(
    store: Store, upload: Upload, llama_f16: Path
) -> None:
    make(store, model="base", files={"m": upload(llama_f16)})
    make(store, **{"from": "base"}, quantize="Q4_K_M")
    assert installed(store).quantization == "Q4_K_M"
    assert installed(store, "base").quantization == "F16"
    assert installed(store).parent_model == "base:latest"


# --- refusals -------------------------------------------------------------------------------------

ANY_DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"files": {"/etc/x": ANY_DIGEST}}, "file path must be relative"),
        ({"files": {"a/../x": ANY_DIGEST}}, "file path must be relative"),
        ({"draft_files": {"": ANY_DIGEST}}, "file path must be relative"),
        ({"files": {"x": ""}}, "invalid digest format"),
        ({"files": {"x": "sha256:12"}}, "invalid digest format"),
        ({"from": "x", "draft_quantize": "q8_0"}, "--draft-quantize requires a DRAFT model"),
        ({"model": "", "from": "x"}, "invalid model name"),
        ({"model": "a:", "from": "x"}, "invalid model name"),
        ({"from": "x y"}, "invalid model name"),
        ({"from": "x", "remote_host": "http://"}, "bad remote"),
        ({}, "neither 'from' or 'files' was specified"),
        ({"files": {}}, "unknown type"),
        (
            {"from": "x:cloud", "draft_files": {"d": ANY_DIGEST}},
            "DRAFT cannot be used with remote models",
        ),
        (
            {"from": "x", "info": {"model_family": 1}},
            'info field "model_family" must be a string',
        ),
        (
            {"from": "x", "info": {"context_length": "1"}},
            'info field "context_length" must be a number',
        ),
        (
            {"from": "x", "info": {"embedding_length": -1}},
            'info field "embedding_length" must be a non-negative integer',
        ),
    ],
)
def test_a_bad_request_is_refused_before_any_frame(
    fields: dict[str, Any], text: str, store: Store
) -> None:
    with pytest.raises(BadRequest) as caught:
        make(store, **fields)
    assert str(caught.value) == text
    assert not list(store.root.glob("blobs/*"))


@pytest.mark.parametrize(
    ("name", "content", "kind", "text"),
    [
        ("x.txt", b"hello", BadRequest, "unknown type"),
        ("x.gguf", b"hello", BadRequest, "supplied file was not in GGUF format"),
        ("x.safetensors", b"hello", StoreError, "config.json is missing"),
    ],
)
def test_files_of_other_kinds_are_refused(
    name: str, content: bytes, kind: type[ServerError], text: str, store: Store
) -> None:
    digest = store.blobs.put(content).digest
    with pytest.raises(kind, match=text):
        make(store, files={name: digest})


def test_a_blob_that_was_never_uploaded_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match=r"blob sha256:0+ is not in the store: upload it"):
        make(store, files={"x.gguf": ANY_DIGEST})


def test_a_truncated_model_is_refused(store: Store, model_file: Path, upload: Upload) -> None:
    data = model_file.read_bytes()
    model_file.write_bytes(data[:-64])
    with pytest.raises(StoreError, match=r'tensor "t" offset\+size \(\d+\) exceeds file size'):
        make(store, files={"x.gguf": upload(model_file)})


def test_a_bad_template_is_refused(store: Store, upload: Upload, model_file: Path) -> None:
    def check(text: str) -> None:
        raise TemplateError("unexpected }")

    with pytest.raises(BadRequest, match="template error: unexpected }"):
        make(store, Hooks(check_template=check), files={"m": upload(model_file)}, template="{{ }")


def test_an_unknown_quantization_is_refused(store: Store, upload: Upload, model_file: Path) -> None:
    with pytest.raises(StoreError, match="unsupported quantization type Q9"):
        make(store, files={"m": upload(model_file)}, quantize="Q9")


@pytest.mark.usefixtures("base")
def test_a_failure_leaves_the_old_model_and_no_new_blob(store: Store) -> None:
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    with pytest.raises(StoreError):
        make(store, model="base", **{"from": "base"}, quantize="Q9", system="new text")
    after = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.usefixtures("base")
def test_a_client_that_leaves_cancels_the_work(store: Store) -> None:
    async def leave() -> None:
        request = CreateRequest(model="new", from_="base", system="unique words")
        frames = create_model(store, request)
        async for _ in frames:
            break
        await frames.aclose()

    before = {path for path in store.root.rglob("*") if path.is_file()}
    asyncio.run(leave())
    added = {path for path in store.root.rglob("*") if path.is_file()} - before
    # The work was either cancelled, or done before it could notice.
    assert not added or store.resolve(parse("new")).name.model == "new"
    assert [f for f in check_store(store) if f.severity == "error"] == []
    assert not list(store.root.glob("ollama-safetensors*"))


def test_simultaneous_creates_of_one_name_leave_one_whole_model(
    store: Store, upload: Upload, model_file: Path
) -> None:
    digest = upload(model_file)

    async def one(number: int) -> None:
        request = CreateRequest(model="new", files={"m": digest}, system=f"number {number}")
        async for _ in create_model(store, request):
            continue

    async def all_at_once() -> None:
        await asyncio.gather(*(one(number) for number in range(8)))

    asyncio.run(all_at_once())
    assert installed(store).system.startswith("number ")
    assert check_store(store) == []


def test_the_manifest_is_compact_json_with_a_newline(
    store: Store, upload: Upload, model_file: Path
) -> None:
    make(store, files={"model.gguf": upload(model_file)})
    data = (store.manifests / parse("new").path).read_bytes()
    assert data.endswith(b"}\n")
    assert json.dumps(json.loads(data), separators=(",", ":")).encode() + b"\n" == data
