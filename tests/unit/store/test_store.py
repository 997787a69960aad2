"""The store: manifests by name, deletion by reference, pruning, several writers."""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ollama_server.errors import ModelNotFound, StoreError
from ollama_server.store import manifest as manifests
from ollama_server.store.fsck import check_store
from ollama_server.store.manifest import MEDIA_CONFIG, MEDIA_MODEL, MEDIA_SYSTEM, Layer, Manifest
from ollama_server.store.names import parse
from ollama_server.store.store import Entry, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def manifest_of(store: Store, *contents: bytes, media_type: str = MEDIA_SYSTEM) -> Manifest:
    """A manifest whose layers are these bytes, stored."""
    config = store.blobs.put(b"{}\n")
    layers = []
    for content in contents:
        stored = store.blobs.put(content)
        layers.append(Layer(media_type, stored.digest, stored.size))
    return Manifest(config=Layer(MEDIA_CONFIG, config.digest, config.size), layers=tuple(layers))


def install(store: Store, name: str, *contents: bytes) -> Entry:
    return store.write_manifest(parse(name), manifest_of(store, *contents))


def blob_count(store: Store) -> int:
    return len(list(store.blobs.files()))


def age(path: Path, seconds: float = 7200) -> None:
    old = time.time() - seconds
    os.utime(path, (old, old))


def test_an_empty_or_missing_store_lists_nothing(store: Store) -> None:
    assert store.list() == []
    store.start()
    assert store.list() == []


def test_a_written_model_is_listed_with_its_manifest_digest(store: Store) -> None:
    entry = install(store, "m", b"weights", b"text")
    [listed] = store.list()
    path = store.manifests / "registry.ollama.ai/library/m/latest"
    assert listed == entry
    assert listed.digest == manifests_digest(path)
    assert listed.size == 3 + 7 + 4


def manifests_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_manifest_file_is_compact_json_in_fixed_order(store: Store) -> None:
    layer = Layer("type", "sha256:" + "a" * 64, 7, from_="base:latest", name="n")
    text = Manifest(config=Layer("c", "sha256:" + "b" * 64, 1), layers=(layer,)).dump()
    assert text == (
        b'{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",'
        b'"config":{"mediaType":"c","digest":"sha256:' + b"b" * 64 + b'","size":1},'
        b'"layers":[{"mediaType":"type","digest":"sha256:' + b"a" * 64 + b'","size":7,'
        b'"from":"base:latest","name":"n"}]}\n'
    )
    assert manifests.parse(text).layers == (layer,)


def test_a_stub_without_layers_is_read_and_written(store: Store) -> None:
    text = Manifest(config=Layer("c", "sha256:" + "b" * 64, 1)).dump()
    assert b'"layers":null' in text
    assert manifests.parse(text).layers == ()


def test_pulled_manifests_are_stored_byte_for_byte(store: Store) -> None:
    data = b" " + manifest_of(store, b"w").dump().rstrip() + b"   "
    store.write_manifest(parse("m"), data)
    assert (store.manifests / parse("m").path).read_bytes() == data


def test_a_model_whose_blob_is_missing_is_not_installed(store: Store) -> None:
    manifest = Manifest(
        config=manifest_of(store).config, layers=(Layer("t", "sha256:" + "c" * 64, 1),)
    )
    with pytest.raises(StoreError, match=r"blob sha256:c+ is missing"):
        store.write_manifest(parse("m"), manifest)
    assert store.list() == []


def test_models_are_listed_newest_first_by_whole_seconds(store: Store) -> None:
    for number, name in enumerate(["old", "b", "a"]):
        install(store, name, name.encode())
        moment = 1000 if name == "old" else 2000 + number * 10**-4
        os.utime(store.manifests / parse(name).path, (moment, moment))
    assert [entry.name.model for entry in store.list()] == ["a", "b", "old"]


def test_a_name_is_found_exactly_before_it_is_found_ignoring_case(store: Store) -> None:
    install(store, "Model:Tag", b"1")
    (store.manifests / "registry.ollama.ai/library/model").mkdir(parents=True)
    lower = store.manifests / "registry.ollama.ai/library/model/tag"
    lower.write_bytes(manifest_of(store, b"2").dump())
    assert store.resolve(parse("model:tag")).name.tag == "tag"
    assert store.resolve(parse("Model:Tag")).name.tag == "Tag"
    assert store.resolve(parse("MODEL:TAG")).name.full.endswith("Model:Tag")


def test_another_models_tag_never_lends_its_spelling(store: Store) -> None:
    install(store, "other:LATEST", b"1")
    install(store, "mine", b"2")
    assert store.resolve(parse("mine:latest")).name.short == "mine:latest"
    assert install(store, "new:latest", b"3").name.tag == "latest"


def test_a_case_variant_overwrites_the_installed_spelling(store: Store) -> None:
    install(store, "Model", b"1")
    assert install(store, "MODEL", b"2").name.model == "Model"
    assert len(store.list()) == 1


@pytest.mark.parametrize("name", ["nope", "m:", "../m"])
def test_an_unknown_name_is_not_found(store: Store, name: str) -> None:
    install(store, "m", b"1")
    with pytest.raises(ModelNotFound):
        store.resolve(parse(name))


def test_a_host_too_long_for_a_file_name_is_not_found(store: Store) -> None:
    install(store, "m", b"1")
    name = parse("h" * 300 + "/n/m")
    assert name.is_valid
    for act in (store.resolve, store.delete, lambda name: store.copy(name, parse("x"))):
        with pytest.raises(ModelNotFound):
            act(name)
    with pytest.raises(StoreError, match="name too long"):
        store.copy(parse("m"), name)
    assert [entry.name.short for entry in store.list()] == ["m:latest"]


def test_broken_manifests_and_strays_are_skipped(store: Store) -> None:
    install(store, "good", b"1")
    folder = store.manifests / "registry.ollama.ai/library"
    (folder / "bad").mkdir()
    (folder / "bad/latest").write_bytes(b"{not json")
    (folder / "good/.DS_Store").write_bytes(b"\0\1")
    (folder / "good/dangling").symlink_to("nowhere")
    (folder / ".DS_Store").write_bytes(b"\0\1")
    assert [entry.name.short for entry in store.list()] == ["good:latest"]


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"config":{"digest":"sha256:../../../etc/passwd"}}',
        b'{"layers":[{"digest":""}]}',
        b'{"layers":[{"digest":"sha256:00"}]}',
    ],
)
def test_a_manifest_that_makes_no_sense_hides_no_other_model(store: Store, content: bytes) -> None:
    install(store, "good", b"1")
    path = store.manifests / "registry.ollama.ai/library/bad/latest"
    path.parent.mkdir()
    path.write_bytes(content)
    assert [entry.name.model for entry in store.list()] == ["good"]
    with pytest.raises(StoreError, match=r"manifest of bad:latest .*damaged manifest"):
        store.resolve(parse("bad"))
    store.delete(parse("bad"))
    assert not path.exists()


def test_links_in_a_circle_and_pipes_are_no_models(store: Store) -> None:
    install(store, "good", b"1")
    library = store.manifests / "registry.ollama.ai/library"
    (library / "circle").symlink_to("circle")
    for name in ("pipe", "self", "folder"):
        (library / name).mkdir()
    os.mkfifo(library / "pipe/latest")
    (library / "self/latest").symlink_to("latest")
    (library / "folder/latest").mkdir()
    assert [entry.name.model for entry in store.list()] == ["good"]
    for name in ("circle", "pipe", "self", "folder"):
        for act in (store.resolve, store.delete):
            with pytest.raises(ModelNotFound):
                act(parse(name))
    store.prune()


def test_resolving_a_broken_manifest_says_what_to_do(store: Store) -> None:
    install(store, "m", b"1")
    (store.manifests / parse("m").path).write_bytes(b'{"layers":3}')
    with pytest.raises(StoreError, match="delete the model, or pull or create it again"):
        store.resolve(parse("m"))


def test_copying_gives_a_second_name_to_the_same_bytes(store: Store) -> None:
    install(store, "a", b"1")
    store.copy(parse("A"), parse("ns/b:2"))
    assert {entry.name.short for entry in store.list()} == {"a:latest", "ns/b:2"}
    assert len({entry.digest for entry in store.list()}) == 1


def test_copying_onto_itself_changes_nothing(store: Store) -> None:
    before = install(store, "a", b"1")
    assert store.copy(parse("a"), parse("A")) == before


def test_copying_what_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(ModelNotFound):
        store.copy(parse("a"), parse("b"))


def test_deleting_removes_the_blobs_that_nobody_else_uses(store: Store) -> None:
    install(store, "a", b"shared", b"only a")
    install(store, "b", b"shared")
    store.delete(parse("a"))
    assert {b"shared", b"{}\n"} == {path.read_bytes() for path, _ in store.blobs.files()}
    assert not (store.manifests / "registry.ollama.ai/library/a").exists()


def test_deleting_the_last_model_empties_the_store(store: Store) -> None:
    install(store, "ns/a:1", b"x")
    store.delete(parse("NS/A:1"))
    assert blob_count(store) == 0
    assert list(store.manifests.iterdir()) == []


def test_deleting_what_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(ModelNotFound):
        store.delete(parse("a"))


def test_a_model_with_a_missing_blob_can_be_deleted(store: Store) -> None:
    entry = install(store, "a", b"x")
    store.blobs.remove(entry.manifest.layers[0].digest)
    store.delete(parse("a"))
    assert store.list() == []


def test_a_broken_manifest_can_be_deleted_and_still_counts_for_others(store: Store) -> None:
    entry = install(store, "a", b"shared")
    install(store, "b", b"shared")
    digest = entry.manifest.layers[0].digest
    (store.manifests / parse("a").path).write_text('{"layers": [' + digest)
    store.delete(parse("b"))
    assert store.blobs.has(digest)
    store.delete(parse("a"))
    assert not store.blobs.has(digest)


def test_pinned_blobs_survive_the_deletion_of_their_model(store: Store) -> None:
    digest = install(store, "a", b"x").manifest.layers[0].digest
    with store.pins() as pins:
        pins.hold(digest)
        store.delete(parse("a"))
        assert store.blobs.has(digest)
    assert store.remove_unused({digest}) == [digest]


def test_pruning_removes_old_unreferenced_blobs_and_leftovers(store: Store) -> None:
    install(store, "a", b"kept")
    orphan = store.blobs.path(store.blobs.put(b"orphan").digest)
    partial = store.blobs.root / "sha256-abc-partial"
    partial.write_bytes(b"")
    for path, _ in list(store.blobs.files()):
        age(path)
    assert sorted(store.prune()) == sorted([orphan, partial])
    assert check_store(store) == []


def test_pruning_spares_what_is_younger_than_an_hour(store: Store) -> None:
    fresh = store.blobs.put(b"fresh").digest
    store.prune()
    assert store.blobs.has(fresh)


def test_pruning_spares_pinned_blobs_and_sub_folders(store: Store) -> None:
    digest = store.blobs.put(b"pinned").digest
    age(store.blobs.path(digest))
    inner = store.blobs.root / "folder/file"
    inner.parent.mkdir()
    inner.write_bytes(b"")
    age(inner)
    with store.pins() as pins:
        pins.hold(digest)
        assert store.prune() == []
    assert inner.exists()


@pytest.mark.parametrize("where", ["library/m/latest", "library/m/-bad"])
def test_a_corrupt_or_misnamed_manifest_switches_pruning_off(store: Store, where: str) -> None:
    orphan = store.blobs.put(b"orphan").digest
    age(store.blobs.path(orphan))
    path = store.manifests / "registry.ollama.ai" / where
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{")
    assert store.prune() == []
    assert store.blobs.has(orphan)


def test_a_stray_hidden_file_does_not_switch_pruning_off(store: Store) -> None:
    install(store, "m", b"kept")
    orphan = store.blobs.put(b"orphan").digest
    age(store.blobs.path(orphan))
    (store.manifests / "registry.ollama.ai/library/m/.DS_Store").write_bytes(b"\0")
    store.prune()
    assert not store.blobs.has(orphan)


def test_pruning_removes_empty_folders_and_temporary_manifests(store: Store) -> None:
    folder = store.manifests / "registry.ollama.ai/library/gone"
    folder.mkdir(parents=True)
    leftover = folder / ".tmp-x"
    leftover.write_bytes(b"{")
    age(leftover)
    store.prune()
    assert list(store.manifests.iterdir()) == []


def test_starting_without_pruning_keeps_everything(store: Store) -> None:
    digest = store.blobs.put(b"orphan").digest
    age(store.blobs.path(digest))
    store.start(prune=False)
    assert store.blobs.has(digest)


def test_starting_removes_working_folders_of_a_killed_create(store: Store) -> None:
    folder = store.root / "ollama-safetensors123"
    folder.mkdir(parents=True)
    (folder / "half.gguf").write_bytes(b"GGUF")
    age(folder / "half.gguf")
    age(folder)
    store.start()
    assert not folder.exists()


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """The superuser may write everywhere: these tests give that up."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.usefixtures("ordinary_user")
def test_a_read_only_store_can_be_read_and_says_that_it_cannot_be_written(
    open_folder: Path,
) -> None:
    store = Store(open_folder / "models")
    install(store, "m", b"1")
    for folder in (store.root / "blobs", store.root):
        folder.chmod(0o555)
    try:
        assert store.resolve(parse("m")).name.model == "m"
        with pytest.raises(StoreError, match="permission denied"):
            store.blobs.put(b"new")
    finally:
        for folder in (store.root, store.root / "blobs"):
            folder.chmod(0o755)


def test_a_full_disk_is_named_and_leaves_the_store_sound(small_disk: Path) -> None:
    store = Store(small_disk)
    install(store, "m", b"fits")
    with pytest.raises(StoreError, match="no space left on device"):
        store.blobs.put(os.urandom(1 << 20))
    assert check_store(store) == []


def _create_and_delete(root: Path, seed: int) -> None:
    store = Store(root)
    for turn in range(10):
        name = f"m{(seed + turn) % 3}"
        with store.pins() as pins:
            manifest = manifest_of(store, b"shared", f"own {seed} {turn}".encode())
            pins.hold(*manifest.digests)
            # Another process may delete the shared blob between its making and this call.
            with contextlib.suppress(StoreError):
                store.write_manifest(parse(name), manifest)
        with contextlib.suppress(ModelNotFound):
            store.delete(parse(f"m{(seed * 2 + turn) % 3}"))


def test_overlapping_creates_and_deletes_of_threads_leave_a_sound_store(store: Store) -> None:
    def work(seed: int) -> None:
        for turn in range(10):
            with store.pins() as pins:
                manifest = manifest_of(store, b"shared", f"own {seed} {turn}".encode())
                pins.hold(*manifest.digests)
                for layer, content in zip(
                    (manifest.config, *manifest.layers),
                    (b"{}\n", b"shared", f"own {seed} {turn}".encode()),
                    strict=True,
                ):
                    assert store.blobs.put(content).digest == layer.digest
                store.write_manifest(parse(f"m{(seed + turn) % 3}"), manifest)
            try:
                store.delete(parse(f"m{(seed * 2 + turn) % 3}"))
            except ModelNotFound:
                continue

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [f for f in check_store(store) if f.severity == "error"] == []


def test_overlapping_creates_and_deletes_of_processes_leave_a_sound_store(store: Store) -> None:
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=_create_and_delete, args=(store.root, seed)) for seed in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert [f for f in check_store(store) if f.severity == "error"] == []


def test_the_checker_finds_every_kind_of_damage(store: Store) -> None:
    missing = install(store, "missing", b"gone").manifest.layers[0].digest
    store.blobs.remove(missing)
    damaged = install(store, "damaged", b"right").manifest.layers[0].digest
    store.blobs.path(damaged).write_bytes(b"wrong")
    manifest = manifest_of(store, b"notes")
    model = manifest_of(store, b"no model at all", media_type=MEDIA_MODEL)
    store.write_manifest(parse("model"), model)
    wrong_size = Manifest(
        config=manifest.config,
        layers=(Layer(MEDIA_SYSTEM, manifest.layers[0].digest, 99),),
    )
    store.write_manifest(parse("size"), wrong_size)
    install(store, "broken", b"x")
    (store.manifests / parse("broken").path).write_bytes(b"[]")
    errors = {f.subject: f.text for f in check_store(store) if f.severity == "error"}
    assert "is missing" in errors["missing:latest"]
    assert "invalid file magic" in errors["model:latest"]
    assert "has 5 bytes instead of 99" in errors["size:latest"]
    assert "not a JSON object" in errors["broken:latest"]
    assert "the blob is damaged" in errors[damaged.replace(":", "-")]


def test_the_checker_reports_leftovers_as_notes(store: Store) -> None:
    install(store, "m", b"not a model", b"x")
    store.blobs.put(b"orphan")
    (store.blobs.root / "sha256-x-partial").write_bytes(b"")
    notes = [f for f in check_store(store) if f.severity == "note"]
    assert len(notes) == 2
