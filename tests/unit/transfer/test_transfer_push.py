"""Pushes to a registry that speaks Ollama's protocol."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random

import pytest
from starlette.responses import PlainTextResponse

from ollama_server.errors import TransferError
from ollama_server.store.manifest import MEDIA_CONFIG, MEDIA_MODEL, Layer, Manifest
from ollama_server.store.names import Name
from ollama_server.store.store import Store
from ollama_server.transfer.service import TransferService
from tests.unit.transfer.conftest import frames_of, name_at, statuses
from tests.unit.transfer.local_registry import LocalRegistry, sha256

pytestmark = pytest.mark.anyio

WEIGHTS = random.Random(8).randbytes(300_000)
CONFIG = b'{"model_format":"gguf"}\n'


@pytest.fixture
def name(registry: LocalRegistry, store: Store) -> Name:
    """An installed model that the registry does not have."""
    return install(store, name_at(registry.host, "ns/m:t"))


def install(store: Store, name: Name, weights: bytes = WEIGHTS, from_: str = "") -> Name:
    model, config = store.blobs.put(weights), store.blobs.put(CONFIG)
    manifest = Manifest(
        config=Layer(MEDIA_CONFIG, config.digest, config.size),
        layers=(Layer(MEDIA_MODEL, model.digest, model.size, from_),),
    )
    store.write_manifest(name, manifest)
    return name


async def push(service: TransferService, name: Name) -> list[str]:
    return await statuses(service.push(name, insecure=True))


class TestFrames:
    async def test_come_in_the_specified_order(self, service: TransferService, name: Name) -> None:
        assert await push(service, name) == [
            "retrieving manifest",
            f"pushing {sha256(WEIGHTS)[7:19]}",
            f"pushing {sha256(CONFIG)[7:19]}",
            "pushing manifest",
            "success",
        ]

    async def test_end_at_the_full_size_of_each_blob(
        self, service: TransferService, name: Name
    ) -> None:
        frames = await frames_of(service.push(name, insecure=True))
        last = {frame.digest: frame for frame in frames if frame.digest}
        assert last[sha256(WEIGHTS)].completed == last[sha256(WEIGHTS)].total == len(WEIGHTS)

    async def test_of_a_model_that_is_not_installed(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        name = name_at(registry.host, "ns/nope:t")
        seen: list[str] = []
        with pytest.raises(TransferError) as failure:
            await remember(service, name, seen)
        assert seen == ["retrieving manifest", "couldn't retrieve manifest"]
        path = store.manifests / name.path
        assert str(failure.value) == f"open {path}: no such file or directory"

    async def test_of_a_name_that_is_none(self, service: TransferService) -> None:
        seen: list[str] = []
        with pytest.raises(TransferError, match=r"^unqualified name: "):
            await remember(service, Name.parse("bad name"), seen)
        assert seen == ["retrieving manifest", "couldn't retrieve manifest"]


async def remember(service: TransferService, name: Name, seen: list[str]) -> None:
    async for frame in service.push(name, insecure=True):
        seen.append(frame.status)


class TestBlobs:
    async def test_parts_go_to_the_storage_without_the_token(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        registry.needs_token = True
        await push(service, name)
        assert registry.blobs[sha256(WEIGHTS)] == WEIGHTS
        sent = registry.asked("PUT", "^/storage-upload/")
        assert [seen.headers["content-length"] for seen in sent] == ["300000", str(len(CONFIG))]
        assert all("authorization" not in seen.headers for seen in sent)

    async def test_part_requests_carry_range_length_and_type(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        await push(service, name)
        headers = registry.asked("PATCH", "^/upload/")[0].headers
        assert headers["content-range"] == "0-299999"
        assert headers["content-length"] == "300000"
        assert headers["content-type"] == "application/octet-stream"
        assert headers["x-redirect-uploads"] == "1"

    async def test_are_finished_with_the_digest_of_the_digests_of_their_parts(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        await push(service, name)
        part = hashlib.md5(WEIGHTS).digest()
        assert registry.etags[0] == f"{hashlib.md5(part).hexdigest()}-1"

    async def test_that_the_registry_has_are_not_sent(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        registry.add_blob(WEIGHTS)
        frames = await frames_of(service.push(name, insecure=True))
        (only,) = [frame for frame in frames if frame.digest == sha256(WEIGHTS)]
        assert (only.total, only.completed) == (len(WEIGHTS), len(WEIGHTS))
        assert len(registry.asked("POST", "/uploads/")) == 1

    async def test_copied_from_a_model_are_mounted_from_its_repository(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        base = name_at(registry.host, "other/base:v1")
        name = install(store, name_at(registry.host, "ns/m:t"), from_=base.short)
        await push(service, name)
        first = registry.asked("POST", "/uploads/")[0]
        assert first.query == f"from=other%2Fbase&mount={sha256(WEIGHTS).replace(':', '%3A')}"

    async def test_of_another_registry_are_not_mounted(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        name = install(store, name_at(registry.host, "ns/m:t"), from_="library/base:v1")
        await push(service, name)
        assert registry.asked("POST", "/uploads/")[0].query == ""

    async def test_go_to_a_plain_registry_one_part_after_the_other(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        registry.redirects_uploads = False
        await push(service, name)
        assert registry.blobs[sha256(WEIGHTS)] == WEIGHTS

    async def test_interrupted_go_on_from_the_byte_the_registry_has(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        registry.redirects_uploads = False
        registry.breaks_uploads_after = 123_456
        await push(service, name)
        ranges = [seen.headers["content-range"] for seen in registry.asked("PATCH", "^/upload/0/")]
        assert ranges == ["0-299999", "123456-299999"]
        assert registry.blobs[sha256(WEIGHTS)] == WEIGHTS
        assert registry.etags[0] == (f"{hashlib.md5(hashlib.md5(WEIGHTS).digest()).hexdigest()}-1")

    async def test_refused_by_the_storage_are_sent_again(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        moments = iter(range(2))
        registry.storage = lambda _: (
            None if next(moments, None) is None else PlainTextResponse("slow down", 503)
        )
        await push(service, name)
        assert registry.blobs[sha256(WEIGHTS)] == WEIGHTS

    async def test_pushed_by_two_clients_are_sent_once(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        await asyncio.gather(push(service, name), push(service, name))
        assert len(registry.asked("PUT", "^/storage-upload/")) == 2

    async def test_of_two_parts_arrive_in_their_order(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        big = random.Random(9).randbytes(1 << 20) * 97  # just above the size of one part
        name = install(store, name_at(registry.host, "ns/big:t"), weights=big)
        registry.redirects_uploads = False
        await push(service, name)
        sent = registry.asked("PATCH", "^/upload/0/")
        assert [seen.headers["content-range"] for seen in sent] == [
            "0-99999999",
            f"100000000-{len(big) - 1}",
        ]
        assert sha256(registry.blobs[sha256(big)]) == sha256(big)


class TestManifest:
    async def test_is_written_compactly_without_a_newline(
        self, registry: LocalRegistry, service: TransferService, store: Store, name: Name
    ) -> None:
        await push(service, name)
        sent = registry.manifests["ns/m:t"]
        assert sent == store.resolve(name).manifest.dump().rstrip(b"\n")
        assert json.loads(sent)["layers"][0]["digest"] == sha256(WEIGHTS)
        (put,) = registry.asked("PUT", "/manifests/t$")
        assert put.headers["content-type"] == (
            "application/vnd.docker.distribution.manifest.v2+json"
        )

    async def test_comes_only_after_all_blobs(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        await push(service, name)
        assert registry.seen[-1].path == "/v2/ns/m/manifests/t"


class TestFailures:
    async def test_have_the_code_and_the_body(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        registry.intercept = lambda _: PlainTextResponse("no room", 403)
        with pytest.raises(TransferError, match=r"^403"):
            await push(service, name)

    async def test_of_a_stranger_is_access_denied(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        registry.denies = True
        with pytest.raises(TransferError, match=r"^unauthorized: access denied$"):
            await push(service, name)

    async def test_of_a_storage_that_stays_broken_ends_after_six_attempts(
        self, registry: LocalRegistry, service: TransferService, name: Name
    ) -> None:
        registry.storage = lambda _: PlainTextResponse("broken", 500)
        with pytest.raises(TransferError, match=r"^max retries exceeded: 500: broken$"):
            await push(service, name)
        assert len(registry.asked("PUT", "^/storage-upload/")) == 6
