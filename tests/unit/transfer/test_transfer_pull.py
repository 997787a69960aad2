"""Pulls from a registry that speaks Ollama's protocol."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from ollama_server.errors import BadRequest, TransferError
from ollama_server.store.names import Name
from ollama_server.store.progress import Progress
from ollama_server.store.store import Store
from ollama_server.transfer.download import BlobDownload
from ollama_server.transfer.registry import Location
from ollama_server.transfer.service import TransferService, pull_name
from ollama_server.transfer.threads import Threads
from tests.unit.transfer.conftest import frames_of, name_at, running_service, statuses
from tests.unit.transfer.local_registry import LocalRegistry, ranged, sha256, truncated

pytestmark = pytest.mark.anyio

WEIGHTS = random.Random(7).randbytes(300_000)
PARTIAL = "-partial"


async def pull(service: TransferService, registry: LocalRegistry, model: str = "ns/m:t") -> None:
    await frames_of(service.pull(name_at(registry.host, model), insecure=True))


async def remember(frames: AsyncIterator[Progress], seen: list[str]) -> None:
    async for frame in frames:
        seen.append(frame.status)


def blob_file(store: Store, data: bytes) -> Path:
    return store.blobs.path(sha256(data))


def plan_on_disk(store: Store, data: bytes, parts: int, completed: int = 0) -> None:
    """What a pull leaves behind that was stopped when ``completed`` bytes of each part were in."""
    store.blobs.root.mkdir(parents=True, exist_ok=True)
    path = blob_file(store, data)
    partial = path.with_name(path.name + PARTIAL)
    size = -(-len(data) // parts)
    content = bytearray(len(data))
    for n, offset in enumerate(range(0, len(data), size)):
        length = min(size, len(data) - offset)
        done = min(completed, length)
        content[offset : offset + done] = data[offset : offset + done]
        state = {"N": n, "Offset": offset, "Size": length, "Completed": done}
        partial.with_name(f"{partial.name}-{n}").write_text(json.dumps(state) + "\n")
    partial.write_bytes(content)


def damage_plan(blob: Path, damage: str) -> None:
    partial = Path(f"{blob}{PARTIAL}")
    match damage:
        case "no last part":
            Path(f"{partial}-2").unlink()
        case "empty state":
            Path(f"{partial}-1").write_bytes(b"")
        case "no partial file":
            partial.unlink()
        case "short partial file":
            partial.write_bytes(WEIGHTS[:1000])
        case "zeroed bytes":
            partial.write_bytes(bytes(100) + partial.read_bytes()[100:])


def part_state(store: Store, data: bytes) -> dict[str, int]:
    return dict(json.loads(Path(f"{blob_file(store, data)}{PARTIAL}-0").read_bytes()))


class TestFrames:
    async def test_come_in_the_specified_order(
        self, registry: LocalRegistry, service: TransferService
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS, b"{{ .Prompt }}")
        found = await statuses(service.pull(name_at(registry.host, "ns/m:t"), insecure=True))
        assert found == [
            "pulling manifest",
            f"pulling {sha256(WEIGHTS)[7:19]}",
            f"pulling {sha256(b'{{ .Prompt }}')[7:19]}",
            f"pulling {sha256(b'{}')[7:19]}",
            "verifying sha256 digest",
            "writing manifest",
            "success",
        ]

    async def test_of_a_blob_in_the_store_are_one_at_its_full_size(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        store.blobs.put(WEIGHTS)
        frames = await frames_of(service.pull(name_at(registry.host, "ns/m:t"), insecure=True))
        assert [f.as_dict() for f in frames if f.digest == sha256(WEIGHTS)] == [
            {
                "status": f"pulling {sha256(WEIGHTS)[7:19]}",
                "digest": sha256(WEIGHTS),
                "total": len(WEIGHTS),
                "completed": len(WEIGHTS),
            }
        ]

    async def test_announce_that_layers_of_the_former_model_go(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        await pull(service, registry)
        registry.add_model("ns/m", "t", WEIGHTS[:1000])
        found = await statuses(service.pull(name_at(registry.host, "ns/m:t"), insecure=True))
        assert found[-3:] == ["writing manifest", "removing unused layers", "success"]
        assert not store.blobs.has(sha256(WEIGHTS))

    async def test_say_nothing_of_former_layers_that_are_kept(
        self, registry: LocalRegistry, store: Store
    ) -> None:
        async with running_service(store, prune=False) as service:
            registry.add_model("ns/m", "t", WEIGHTS)
            await pull(service, registry)
            registry.add_model("ns/m", "t", WEIGHTS[:1000])
            found = await statuses(service.pull(name_at(registry.host, "ns/m:t"), insecure=True))
        assert "removing unused layers" not in found
        assert store.blobs.has(sha256(WEIGHTS))


class TestResult:
    async def test_manifest_is_stored_byte_for_byte(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        data = registry.add_model("ns/m", "t", WEIGHTS)
        await pull(service, registry)
        entry = store.resolve(name_at(registry.host, "ns/m:t"))
        assert (store.manifests / entry.name.path).read_bytes() == data
        assert entry.digest == hashlib.sha256(data).hexdigest()

    async def test_blobs_are_what_the_registry_has(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS, b"text")
        await pull(service, registry)
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS
        assert store.blobs.read(sha256(b"text")) == b"text"

    async def test_empty_blob_is_a_blob(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS, b"")
        await pull(service, registry)
        assert store.blobs.read(sha256(b"")) == b""

    async def test_nothing_but_blobs_remains_in_the_blob_folder(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        plan_on_disk(store, WEIGHTS, parts=5, completed=10)
        await pull(service, registry)
        names = {path.name for path in store.blobs.root.iterdir()}
        assert names == {sha256(data).replace(":", "-") for data in (WEIGHTS, b"{}")}


class TestRequests:
    async def test_user_agent_has_the_shape_that_registries_know(
        self, registry: LocalRegistry, service: TransferService
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        await pull(service, registry)
        (manifest,) = registry.asked("GET", "/manifests/t$")
        assert manifest.headers["user-agent"].startswith("ollama/")
        assert " linux) Go/" in manifest.headers["user-agent"]

    async def test_storage_gets_ranges_and_no_token(
        self, registry: LocalRegistry, service: TransferService
    ) -> None:
        registry.needs_token = True
        registry.add_model("ns/m", "t", WEIGHTS)
        await pull(service, registry)
        for seen in registry.asked("GET", "^/storage/"):
            assert "authorization" not in seen.headers
            assert seen.headers["range"].startswith("bytes=0-")
        assert registry.asked("GET", "/blobs/")[0].headers["authorization"] == "Bearer let-me-in"

    async def test_token_is_asked_for_once_in_a_pull(
        self, registry: LocalRegistry, service: TransferService
    ) -> None:
        registry.needs_token = True
        registry.add_model("ns/m", "t", WEIGHTS, b"a", b"b")
        await pull(service, registry)
        assert registry.tokens_granted == 1

    async def test_blob_without_redirect_is_read_from_the_registry_with_its_token(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.needs_token = True
        registry.add_model("ns/m", "t", WEIGHTS)

        def plain(request: Request) -> Response | None:
            digest = request.path_params.get("digest")
            if request.method != "GET" or digest is None:
                return None
            return ranged(request, registry.blobs[digest])

        registry.intercept = plain
        await pull(service, registry)
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS
        assert not registry.asked("GET", "^/storage/")

    async def test_storage_that_ignores_ranges_is_read_from_the_start(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.ranges = False
        registry.add_model("ns/m", "t", WEIGHTS)
        plan_on_disk(store, WEIGHTS, parts=4, completed=100)
        await pull(service, registry)
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


class Elsewhere:
    """A ``download.Source`` without a server."""

    async def size(self) -> int:
        return len(WEIGHTS)

    async def locate(self) -> Location:
        return Location("http://elsewhere.test/blob")


class TestStreams:
    @pytest.mark.parametrize("most", [1, 3])
    async def test_are_no_more_than_wanted(self, store: Store, most: int) -> None:
        plan_on_disk(store, WEIGHTS, parts=6, completed=10)
        running, highest = 0, 0

        async def answer(request: httpx.Request) -> httpx.Response:
            nonlocal running, highest
            running += 1
            highest = max(highest, running)
            for _ in range(100):  # everybody in this loop who may ask has asked by then
                await asyncio.sleep(0)
            running -= 1
            start, end = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
            where = {"Content-Range": f"bytes {start}-{end}/{len(WEIGHTS)}"}
            return httpx.Response(206, headers=where, content=pieces(WEIGHTS[start : end + 1]))

        threads = Threads()
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            digest = sha256(WEIGHTS)
            await BlobDownload(
                Elsewhere(), digest, store.blobs, client=client, threads=threads, streams=most
            ).run()
        threads.close()
        assert store.blobs.read(digest) == WEIGHTS
        assert highest == most


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "body", "expected"),
        [
            (404, "", "pull model manifest: file does not exist"),
            (400, '{"error":"bad tag"}', 'pull model manifest: 400: {"error":"bad tag"}'),
            (403, "", "pull model manifest: 403"),
        ],
    )
    async def test_of_the_manifest_have_the_texts_clients_know(
        self,
        registry: LocalRegistry,
        service: TransferService,
        status: int,
        body: str,
        expected: str,
    ) -> None:
        registry.intercept = lambda _: PlainTextResponse(body, status)
        with pytest.raises(TransferError) as failure:
            await pull(service, registry)
        assert str(failure.value) == expected

    async def test_second_challenge_means_access_denied(
        self, registry: LocalRegistry, service: TransferService
    ) -> None:
        registry.denies = True
        with pytest.raises(TransferError) as failure:
            await pull(service, registry)
        assert str(failure.value) == "pull model manifest: unauthorized: access denied"

    async def test_realm_on_another_host_gets_no_signature(
        self, registry: LocalRegistry, service: TransferService
    ) -> None:
        header = 'Bearer realm="http://other.example/token",service="s",scope="x"'
        registry.intercept = lambda _: Response(
            status_code=401, headers={"WWW-Authenticate": header}
        )
        with pytest.raises(TransferError) as failure:
            await pull(service, registry)
        assert str(failure.value) == (
            'pull model manifest: realm host "other.example" does not match '
            f'original host "{registry.host}"'
        )

    async def test_unreachable_registry_is_named_with_the_cause(
        self, service: TransferService
    ) -> None:
        with pytest.raises(TransferError) as failure:
            await frames_of(service.pull(name_at("127.0.0.1:1", "ns/m:t"), insecure=True))
        assert str(failure.value) == (
            'pull model manifest: Get "http://127.0.0.1:1/v2/ns/m/manifests/t": '
            "connection refused; is a registry listening there?"
        )

    async def test_registry_without_tls_suggests_insecure(
        self, registry: LocalRegistry, service: TransferService
    ) -> None:
        with pytest.raises(TransferError, match="HTTP response to HTTPS client; use --insecure"):
            await frames_of(service.pull(name_at(registry.host, "ns/m:t")))

    async def test_http_without_insecure_is_refused_before_any_frame(
        self, service: TransferService
    ) -> None:
        with pytest.raises(TransferError, match=r"^insecure protocol http$"):
            service.pull(Name.parse("http://localhost/ns/m"))

    async def test_missing_blob_is_a_missing_file(
        self, registry: LocalRegistry, service: TransferService
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        del registry.blobs[sha256(WEIGHTS)]
        with pytest.raises(TransferError, match=r"^file does not exist$"):
            await pull(service, registry)

    @pytest.mark.parametrize(
        ("digest", "expected"),
        [
            ("", "ns/m: digest is empty"),
            ("sha256:abc", "invalid digest format"),
            ("sha256:" + "A" * 64, "invalid digest format"),
            ("../../../etc/passwd", "invalid digest format"),
        ],
    )
    async def test_digests_are_checked_before_anything_is_fetched(
        self, registry: LocalRegistry, service: TransferService, digest: str, expected: str
    ) -> None:
        manifest = json.loads(registry.add_model("ns/m", "t", WEIGHTS))
        manifest["layers"][0]["digest"] = digest
        registry.manifests["ns/m:t"] = json.dumps(manifest).encode()
        with pytest.raises(TransferError) as failure:
            await pull(service, registry)
        assert str(failure.value) == expected
        assert not registry.asked("GET", "/blobs/")

    async def test_models_of_tensor_layers_are_refused(
        self, registry: LocalRegistry, service: TransferService
    ) -> None:
        manifest = json.loads(registry.add_model("ns/m", "t", WEIGHTS))
        manifest["layers"][0]["mediaType"] = "application/vnd.ollama.image.tensor"
        registry.manifests["ns/m:t"] = json.dumps(manifest).encode()
        with pytest.raises(TransferError, match=r"^this model requires MLX support, but the MLX"):
            await pull(service, registry)

    async def test_wrong_bytes_never_become_visible(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        damaged = WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1])
        registry.blobs[sha256(WEIGHTS)] = damaged
        frames = service.pull(name_at(registry.host, "ns/m:t"), insecure=True)
        seen: list[str] = []
        with pytest.raises(TransferError) as failure:
            await remember(frames, seen)
        assert str(failure.value) == (
            "digest mismatch, file must be downloaded again: "
            f"want {sha256(WEIGHTS)}, got {sha256(damaged)}"
        )
        assert seen[-1] == "verifying sha256 digest"
        assert not store.blobs.has(sha256(WEIGHTS))
        assert store.list() == []
        assert not list(store.blobs.root.glob("*-partial*"))

    async def test_error_page_in_place_of_a_part_is_not_taken_for_data(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        registry.storage = lambda _: PlainTextResponse("expired", 403)
        with pytest.raises(TransferError, match=r"^max retries exceeded: 403: expired"):
            await pull(service, registry)
        assert len(registry.asked("GET", "/blobs/" + sha256(WEIGHTS))) == 6


class TestRetries:
    async def test_short_reads_go_on_from_the_last_byte(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)

        def cut(request: Request) -> Response | None:
            start = int(request.headers["range"].removeprefix("bytes=").partition("-")[0])
            rest = registry.blobs[request.path_params["digest"]][start:]
            return truncated(rest, 40_000) if len(rest) > 40_000 else None

        registry.storage = cut
        await pull(service, registry)
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS
        starts = [
            seen.headers["range"] for seen in registry.asked("GET", "^/storage/" + sha256(WEIGHTS))
        ]
        ranges = [text for text in starts if text.endswith(f"-{len(WEIGHTS) - 1}")]
        assert ranges == sorted(set(ranges), key=ranges.index)
        assert len(ranges) == 8

    async def test_connection_that_never_sends_is_given_up_after_six_attempts(
        self, registry: LocalRegistry, service: TransferService
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        registry.storage = lambda _: truncated(WEIGHTS, 0)
        with pytest.raises(TransferError, match=r"^max retries exceeded: .*pull again to go on"):
            await pull(service, registry)
        assert len(registry.asked("GET", "^/storage/" + sha256(WEIGHTS))) == 6

    async def test_stalled_part_is_asked_for_again(
        self, registry: LocalRegistry, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        stalls = iter(range(8))  # more than there are attempts: a stall is none

        async def silence():  # type: ignore[no-untyped-def]
            await asyncio.Event().wait()
            yield b""

        def stall(request: Request) -> Response | None:
            if sha256(WEIGHTS) not in request.url.path or next(stalls, None) is None:
                return None
            return StreamingResponse(silence(), 206)

        registry.storage = stall
        async with running_service(store, stall_seconds=0.3) as service:
            await pull(service, registry)
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS
        assert next(stalls, None) is None

    async def test_bad_moment_of_the_registry_is_waited_out(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        moments = iter(range(3))
        registry.intercept = lambda _: (
            None if next(moments, None) is None else PlainTextResponse("later", 503)
        )
        await pull(service, registry)
        assert store.blobs.has(sha256(WEIGHTS))


class TestResume:
    async def test_clears_away_what_a_crash_left_beside_a_blob_that_is_complete(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        plan_on_disk(store, WEIGHTS, parts=3)
        path = blob_file(store, WEIGHTS)
        path.with_name(path.name + PARTIAL).unlink()
        path.write_bytes(WEIGHTS)
        await pull(service, registry)
        assert not list(store.blobs.root.glob(f"*{PARTIAL}*"))

    async def test_takes_the_plan_from_the_state_files_without_asking_for_the_size(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        plan_on_disk(store, WEIGHTS, parts=3, completed=40_000)
        await pull(service, registry)
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS
        assert not registry.asked("HEAD", sha256(WEIGHTS))
        ranges = {
            seen.headers["range"] for seen in registry.asked("GET", "storage/" + sha256(WEIGHTS))
        }
        assert ranges == {"bytes=40000-99999", "bytes=140000-199999", "bytes=240000-299999"}

    async def test_skips_parts_that_are_complete(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        plan_on_disk(store, WEIGHTS, parts=3, completed=100_000)
        await pull(service, registry)
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS
        assert not registry.asked("GET", "^/storage/" + sha256(WEIGHTS))

    @pytest.mark.parametrize(
        "damage", ["no last part", "empty state", "no partial file", "short partial file"]
    )
    async def test_starts_over_when_the_plan_is_incomplete(
        self, registry: LocalRegistry, service: TransferService, store: Store, damage: str
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        plan_on_disk(store, WEIGHTS, parts=3, completed=40_000)
        damage_plan(blob_file(store, WEIGHTS), damage)
        await pull(service, registry)
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS

    async def test_fetches_everything_again_when_the_earlier_bytes_were_damaged(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        plan_on_disk(store, WEIGHTS, parts=3, completed=40_000)
        damage_plan(blob_file(store, WEIGHTS), "zeroed bytes")
        await pull(service, registry)
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS

    async def test_goes_on_where_a_cancelled_pull_stopped(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        registry.storage = registry.half_of_it
        frames = service.pull(name_at(registry.host, "ns/m:t"), insecure=True)
        async with aclosing(frames):  # type: ignore[type-var]
            async for frame in frames:
                if len(registry.asked("GET", "^/storage/")) == 1 and frame.total:
                    break
        state = part_state(store, WEIGHTS)
        assert state["Size"] == len(WEIGHTS)
        assert not store.blobs.has(sha256(WEIGHTS))
        registry.storage = lambda _: None
        await pull(service, registry)
        resumed = registry.asked("GET", "^/storage/" + sha256(WEIGHTS))[1]
        assert resumed.headers["range"] == f"bytes={state['Completed']}-{len(WEIGHTS) - 1}"
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS


class TestSharing:
    async def test_four_clients_cause_one_download(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        await asyncio.gather(*(pull(service, registry) for _ in range(4)))
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS
        assert len(registry.asked("GET", "^/storage/" + sha256(WEIGHTS))) == 1

    async def test_client_that_leaves_does_not_disturb_the_others(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        stays = asyncio.create_task(pull(service, registry))
        frames = service.pull(name_at(registry.host, "ns/m:t"), insecure=True)
        async with aclosing(frames):  # type: ignore[type-var]
            async for frame in frames:
                if frame.digest:
                    break
        await stays
        assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS
        assert len(registry.asked("GET", "^/storage/" + sha256(WEIGHTS))) == 1

    async def test_failure_reaches_every_client_and_is_forgotten(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        registry.storage = lambda _: PlainTextResponse("broken", 500)
        results = await asyncio.gather(
            *(pull(service, registry) for _ in range(3)), return_exceptions=True
        )
        assert all("max retries exceeded: 500: broken" in str(result) for result in results)
        registry.storage = lambda _: None
        await pull(service, registry)
        assert store.blobs.has(sha256(WEIGHTS))


class TestNames:
    @pytest.mark.parametrize("text", ["", "  ", "-m", "a/b/c/d"])
    def test_bad_ones_are_refused(self, text: str) -> None:
        with pytest.raises(BadRequest, match=r"^invalid model name$"):
            pull_name(text)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("m:20b:cloud", "m:20b-cloud"),
            ("m:cloud", "m:cloud"),
            ("m:8b:local", "m:8b"),
            ("m", "m:latest"),
        ],
    )
    def test_source_suffixes_are_resolved(self, text: str, expected: str) -> None:
        assert pull_name(text).short == expected

    async def test_other_spelling_of_an_installed_name_stays_one_model(
        self, registry: LocalRegistry, service: TransferService, store: Store
    ) -> None:
        registry.add_model("ns/m", "t", WEIGHTS)
        registry.add_model("ns/M", "T", WEIGHTS, b"other")
        await pull(service, registry)
        await pull(service, registry, "ns/M:T")
        (entry,) = store.list()
        assert entry.name == name_at(registry.host, "ns/m:t")
        assert len(entry.manifest.layers) == 2
