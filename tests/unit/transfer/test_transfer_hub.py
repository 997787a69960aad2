"""Pulls from the Hugging Face hub, by way of the real huggingface-hub library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from ollama_server.errors import TransferError
from ollama_server.store.gguf import read_gguf
from ollama_server.store.manifest import (
    MEDIA_MODEL,
    MEDIA_PARAMS,
    MEDIA_PROJECTOR,
    MEDIA_SYSTEM,
    MEDIA_TEMPLATE,
)
from ollama_server.store.names import Name
from ollama_server.store.store import Store
from ollama_server.transfer.service import TransferService
from tests.unit.store.checkpoints import goldens, write_checkpoint
from tests.unit.transfer.conftest import frames_of, statuses
from tests.unit.transfer.ggufs import gguf, shards
from tests.unit.transfer.local_hub import TOKEN, LocalHub
from tests.unit.transfer.local_registry import sha256
from tests.unit.transfer.serving import serving

pytestmark = pytest.mark.anyio

REPOSITORY = "some-user/Some-Model.v2-GGUF"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalHub]:
    local = LocalHub()
    with serving(local.app()) as port:
        local.port = port
        monkeypatch.setenv("HF_ENDPOINT", local.endpoint)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        # Read from the environment when the library is imported, which has long happened.
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        local.repositories[REPOSITORY] = {
            "README.md": b"# model",
            "m-Q8_0.gguf": gguf(seed=1),
            "m-Q4_K_M.gguf": gguf(seed=2),
        }
        yield local


async def pull(service: TransferService, reference: str) -> list[str]:
    return await statuses(service.pull(Name.parse(reference)))


async def refusal(service: TransferService, reference: str) -> str:
    with pytest.raises(TransferError) as failure:
        await pull(service, reference)
    return str(failure.value)


class TestChoice:
    async def test_without_a_tag_q4_k_m_is_installed_as_latest(
        self, hub: LocalHub, service: TransferService, store: Store
    ) -> None:
        assert (await pull(service, f"hf.co/{REPOSITORY}"))[-1] == "success"
        entry = store.resolve(Name.parse(f"hf.co/{REPOSITORY}:latest"))
        (model,) = entry.manifest.of_type(MEDIA_MODEL)
        assert model.digest == sha256(hub.repositories[REPOSITORY]["m-Q4_K_M.gguf"])

    @pytest.mark.parametrize("tag", ["Q8_0", "q8_0", "m-Q8_0.gguf"])
    async def test_tag_chooses_the_file_and_is_kept_as_typed(
        self, hub: LocalHub, service: TransferService, store: Store, tag: str
    ) -> None:
        await pull(service, f"huggingface.co/{REPOSITORY}:{tag}")
        path = store.manifests / "huggingface.co" / REPOSITORY / tag
        model = json.loads(path.read_bytes())["layers"][0]
        assert model["digest"] == sha256(hub.repositories[REPOSITORY]["m-Q8_0.gguf"])
        assert model["mediaType"] == MEDIA_MODEL

    async def test_unknown_tag_is_refused_with_what_there_is(
        self, hub: LocalHub, service: TransferService
    ) -> None:
        assert await refusal(service, f"hf.co/{REPOSITORY}:Q2_K") == (
            "pull model manifest: 400: The specified tag is not a valid quantization scheme. "
            'Please use another tag or "latest". Available: Q4_K_M, Q8_0'
        )

    async def test_projector_becomes_a_layer_of_its_own(
        self, hub: LocalHub, service: TransferService, store: Store
    ) -> None:
        projector = gguf(3, kind="clip", clip__vision__block_count=1)
        hub.repositories[REPOSITORY]["mmproj-m-f16.gguf"] = projector
        await pull(service, f"hf.co/{REPOSITORY}")
        manifest = store.resolve(Name.parse(f"hf.co/{REPOSITORY}")).manifest
        assert [layer.digest for layer in manifest.of_type(MEDIA_PROJECTOR)] == [sha256(projector)]

    async def test_template_system_and_params_files_become_layers(
        self, hub: LocalHub, service: TransferService, store: Store
    ) -> None:
        hub.repositories[REPOSITORY] |= {
            "template": b"<|u|>{{ .Prompt }}",
            "system": b"You are short.",
            "params": b'{"temperature": 0.25, "stop": ["<|u|>"]}',
        }
        await pull(service, f"hf.co/{REPOSITORY}")
        manifest = store.resolve(Name.parse(f"hf.co/{REPOSITORY}")).manifest
        texts = {
            media_type: store.blobs.read(manifest.of_type(media_type)[0].digest)
            for media_type in (MEDIA_TEMPLATE, MEDIA_SYSTEM, MEDIA_PARAMS)
        }
        assert texts == {
            MEDIA_TEMPLATE: b"<|u|>{{ .Prompt }}",
            MEDIA_SYSTEM: b"You are short.",
            MEDIA_PARAMS: b'{"stop":["\\u003c|u|\\u003e"],"temperature":0.25}\n',
        }

    async def test_damaged_params_file_is_named(
        self, hub: LocalHub, service: TransferService
    ) -> None:
        hub.repositories[REPOSITORY]["params"] = b"{"
        assert "the file params of" in await refusal(service, f"hf.co/{REPOSITORY}")


class TestDownload:
    async def test_frames_are_those_of_a_registry(
        self, hub: LocalHub, service: TransferService
    ) -> None:
        digest = sha256(hub.repositories[REPOSITORY]["m-Q4_K_M.gguf"])
        assert await pull(service, f"hf.co/{REPOSITORY}") == [
            "pulling manifest",
            f"pulling {digest[7:19]}",
            "verifying sha256 digest",
            "writing manifest",
            "success",
        ]

    async def test_second_pull_fetches_nothing_again(
        self, hub: LocalHub, service: TransferService
    ) -> None:
        await pull(service, f"hf.co/{REPOSITORY}")
        await pull(service, f"hf.co/{REPOSITORY}:Q4_K_M")
        assert len(hub.asked("GET", "/storage/")) == 1

    async def test_file_in_the_cache_of_the_hub_is_not_fetched(
        self, hub: LocalHub, service: TransferService, store: Store, tmp_path: Path
    ) -> None:
        data = hub.repositories[REPOSITORY]["m-Q4_K_M.gguf"]
        put_into_cache(tmp_path / "hub-cache", hub.commit, "m-Q4_K_M.gguf", data)
        await pull(service, f"hf.co/{REPOSITORY}")
        assert store.blobs.read(sha256(data)) == data
        assert not hub.asked("GET", "/storage/")

    async def test_damaged_file_in_the_cache_is_not_used(
        self, hub: LocalHub, service: TransferService, store: Store, tmp_path: Path
    ) -> None:
        data = hub.repositories[REPOSITORY]["m-Q4_K_M.gguf"]
        put_into_cache(tmp_path / "hub-cache", hub.commit, "m-Q4_K_M.gguf", data[:-1] + b"x")
        await pull(service, f"hf.co/{REPOSITORY}")
        assert store.blobs.read(sha256(data)) == data

    async def test_wrong_bytes_never_become_visible(
        self, hub: LocalHub, service: TransferService, store: Store
    ) -> None:
        repository = hub.repositories[REPOSITORY]
        right = repository["m-Q4_K_M.gguf"]
        hub.storage_override = {"m-Q4_K_M.gguf": right[:-1] + b"x"}
        assert (await refusal(service, f"hf.co/{REPOSITORY}")).startswith("digest mismatch")
        assert store.list() == []
        assert not store.blobs.has(sha256(right))


def put_into_cache(cache: Path, commit: str, name: str, data: bytes) -> None:
    """What huggingface-hub would have left there."""
    folder = cache / f"models--{REPOSITORY.replace('/', '--')}"
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (folder / "blobs").mkdir()
    (folder / "blobs" / "etag").write_bytes(data)
    (snapshot / name).symlink_to(folder / "blobs" / "etag")


class TestAccess:
    async def test_token_goes_to_the_hub_and_not_to_the_storage(
        self, hub: LocalHub, service: TransferService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        hub.private.add(REPOSITORY)
        hub.gated.add(REPOSITORY)
        assert (await pull(service, f"hf.co/{REPOSITORY}"))[-1] == "success"
        assert all("authorization" not in seen.headers for seen in hub.asked("GET", "/storage/"))

    async def test_gated_repository_says_how_to_get_access(
        self, hub: LocalHub, service: TransferService
    ) -> None:
        hub.gated.add(REPOSITORY)
        text = await refusal(service, f"hf.co/{REPOSITORY}")
        assert f"{REPOSITORY} is a gated repository" in text
        assert f"ask for access at {hub.endpoint}/{REPOSITORY}" in text
        assert "HF_TOKEN" in text

    async def test_missing_or_private_repository_says_both(
        self, hub: LocalHub, service: TransferService
    ) -> None:
        text = await refusal(service, "hf.co/some-user/nothing")
        assert text.startswith("pull model manifest: 404: some-user/nothing is not at")
        assert "or it is private" in text

    async def test_unreachable_hub_is_named_with_the_cause(
        self, hub: LocalHub, service: TransferService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
        text = await refusal(service, f"hf.co/{REPOSITORY}")
        assert f'Get "http://127.0.0.1:1/{REPOSITORY}": connection refused' in text

    async def test_failure_of_the_hub_is_passed_on(
        self, hub: LocalHub, service: TransferService
    ) -> None:
        hub.broken = True
        assert (await refusal(service, f"hf.co/{REPOSITORY}")).startswith(
            "pull model manifest: 500: "
        )


class TestDerived:
    async def test_split_model_becomes_one_file(
        self, hub: LocalHub, service: TransferService, store: Store
    ) -> None:
        parts = shards(3)
        split = {f"BF16/m-BF16-0000{n + 1}-of-00003.gguf": part for n, part in enumerate(parts)}
        hub.repositories[REPOSITORY] |= split
        await pull(service, f"hf.co/{REPOSITORY}:BF16")
        manifest = store.resolve(Name.parse(f"hf.co/{REPOSITORY}:BF16")).manifest
        (model,) = manifest.of_type(MEDIA_MODEL)
        header = read_gguf(store.blobs.path(model.digest))
        assert sorted(tensor.name for tensor in header.tensors) == [
            f"blk.0.t{n}.weight" for n in range(3)
        ]
        assert header.get("split.count") is None
        assert not any(store.blobs.has(sha256(part)) for part in parts)

    async def test_split_model_is_not_fetched_twice(
        self, hub: LocalHub, service: TransferService
    ) -> None:
        for n, part in enumerate(shards(2)):
            hub.repositories[REPOSITORY][f"m-F16-0000{n + 1}-of-00002.gguf"] = part
        await pull(service, f"hf.co/{REPOSITORY}:F16")
        frames = await frames_of(service.pull(Name.parse(f"hf.co/{REPOSITORY}:F16")))
        assert frames[-1].status == "success"
        assert all(frame.completed == frame.total for frame in frames)
        assert len(hub.asked("GET", "/storage/")) == 2

    async def test_changed_split_model_is_fetched_again(
        self, hub: LocalHub, service: TransferService, store: Store
    ) -> None:
        names = [f"m-F16-0000{n + 1}-of-00002.gguf" for n in range(2)]
        hub.repositories[REPOSITORY] |= dict(zip(names, shards(2), strict=True))
        await pull(service, f"hf.co/{REPOSITORY}:F16")
        before = store.resolve(Name.parse(f"hf.co/{REPOSITORY}:F16")).manifest
        hub.repositories[REPOSITORY][names[1]] = gguf(
            9, split__no=1, split__count=2, split__tensors__count=2
        )
        await pull(service, f"hf.co/{REPOSITORY}:F16")
        after = store.resolve(Name.parse(f"hf.co/{REPOSITORY}:F16")).manifest
        assert after.of_type(MEDIA_MODEL) != before.of_type(MEDIA_MODEL)

    async def test_safetensors_are_offered_for_conversion(
        self, hub: LocalHub, service: TransferService, tmp_path: Path
    ) -> None:
        hub.repositories["some-user/raw"] = checkpoint(tmp_path / "raw")
        text = await refusal(service, "hf.co/some-user/raw")
        assert "Repository is not GGUF or is not compatible with llama.cpp" in text
        assert "converted when the tag says to what: Q4_K_M" in text

    async def test_safetensors_are_converted_to_what_the_tag_says(
        self, hub: LocalHub, service: TransferService, store: Store, tmp_path: Path
    ) -> None:
        hub.repositories["some-user/raw"] = checkpoint(tmp_path / "raw")
        found = await pull(service, "hf.co/some-user/raw:F16")
        assert "converting model" in found
        manifest = store.resolve(Name.parse("hf.co/some-user/raw:F16")).manifest
        (model,) = manifest.of_type(MEDIA_MODEL)
        header = read_gguf(store.blobs.path(model.digest))
        assert (header.architecture, header.file_type_name) == ("llama", "F16")
        weights = hub.repositories["some-user/raw"]["model.safetensors"]
        assert not store.blobs.has(sha256(weights))


def checkpoint(folder: Path) -> dict[str, bytes]:
    """The files of a small llama model with random weights."""
    cases = json.loads(goldens.GOLDENS.read_text())
    case = next(
        cases[name]
        for name in sorted(cases)
        if cases[name]["config"]["architectures"] == ["LlamaForCausalLM"]
    )
    files = write_checkpoint(folder, case["config"], goldens.checkpoint_weights(case["shapes"]))
    return {name: path.read_bytes() for name, path in files.items()}
