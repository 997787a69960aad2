"""Damaged and hostile files of each dialect: an error or a sound file, never a leftover."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from ollama_server.errors import LoadError, StoreError
from ollama_server.store.dialects.assemble import write_draft
from ollama_server.store.dialects.cache import Cache, Made
from ollama_server.store.dialects.prepare import translated
from ollama_server.store.dialects.recognize import OWN_PROJECTOR, TEXT, text_draft
from ollama_server.store.gguf import read_gguf
from tests.unit.store.dialects.families import FAMILIES, tiny_family
from tests.unit.store.dialects.tiny import RawTensor, Tensors, Tiny

_ROUNDS = 8
# One is large, and has no rule of its own for tensors.
_NAMES = [name for name in FAMILIES if name != "llama3"]
_VALUES = (0, 1, 7, 2**32 - 1, 0.0, float("inf"), "", "text", [0], [1, 2, 3], [True], ["a"])


def damage(tiny: Tiny, chance: random.Random) -> Tiny:
    """With some keys and tensors gone, of another kind or of another shape."""
    keys, tensors, raw = dict(tiny.keys), dict(tiny.tensors), dict(tiny.raw)
    for _ in range(chance.choice((1, 1, 2, 4))):
        if raw and chance.random() < 0.3:
            _damage_raw(raw, chance)
        elif chance.random() < 0.4:
            key = chance.choice([key for key in keys if key != "general.architecture"])
            if chance.random() < 0.5:
                del keys[key]
            else:
                keys[key] = chance.choice(_VALUES)
        else:
            name = chance.choice(list(tensors))
            _damage_tensor(tensors, name, chance)
    return Tiny(keys, tensors, raw)


def _damage_tensor(tensors: Tensors, name: str, chance: random.Random) -> None:
    array = tensors.pop(name)
    match chance.randint(0, 6):
        case 0:
            return  # gone
        case 1:
            array = array[..., :-1]
        case 2:
            array = array.reshape(-1)
        case 3:
            array = np.concatenate([array, array])
        case 4:
            array = array[..., None]
        case 5:
            array = array.T
        case _:
            array = array.astype(np.float32 if array.dtype == np.float16 else np.float16)
    # GGUF has four dimensions at most, and an empty tensor is another kind of damage.
    tensors[name] = array.reshape(-1) if array.ndim > 4 else array


def _damage_raw(raw: dict[str, RawTensor], chance: random.Random) -> None:
    name = chance.choice(list(raw))
    kind, shape, data = raw.pop(name)
    match chance.randint(0, 2):
        case 0:
            return
        case 1:
            raw[name] = (kind, (shape[0], shape[1] * shape[2], 1), data)
        case _:
            rows = len(data) // shape[2]
            raw[name] = (kind, (*shape[:2], shape[2] - 1), data[: rows * (shape[2] - 1)])


def translate_all(source: Path, cache: Cache) -> None:
    """Raises nothing but errors for a user; what is made is sound."""
    for role in (TEXT, OWN_PROJECTOR):
        try:
            found = translated(source, role, cache)
        except (StoreError, LoadError):
            continue
        if found.path is not None:
            read_gguf(found.path)


def assert_clean(cache: Cache) -> None:
    assert cache.leftovers() == []
    assert [entry.problem for entry in cache.entries() if entry.problem] == []


@pytest.mark.parametrize("name", _NAMES)
def test_changed_headers_give_errors_or_sound_files(name: str, tmp_path: Path) -> None:
    chance, tiny, cache = random.Random(name), tiny_family(name).source, Cache(tmp_path / "store")
    for number in range(_ROUNDS):
        translate_all(damage(tiny, chance).write(tmp_path / f"{number}.gguf"), cache)
    assert_clean(cache)


@pytest.mark.parametrize("name", _NAMES)
def test_changed_bytes_give_errors_or_sound_files(name: str, tmp_path: Path) -> None:
    chance, cache = random.Random(name), Cache(tmp_path / "store")
    source = tiny_family(name).source.write(tmp_path / "source.gguf")
    data, header = source.read_bytes(), read_gguf(source).data_offset
    for number in range(_ROUNDS):
        changed = bytearray(data)
        for _ in range(3):
            changed[chance.randrange(24, header)] = chance.randrange(256)
        # The table of tensors is at the end of the header.
        changed[header - chance.randrange(1, 2000)] = chance.randrange(256)
        path = tmp_path / f"{number}.gguf"
        path.write_bytes(changed)
        translate_all(path, cache)
    assert_clean(cache)


@pytest.mark.parametrize("name", _NAMES)
def test_files_that_are_cut_off_give_errors(name: str, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "store")
    source = tiny_family(name).source.write(tmp_path / "source.gguf")
    data = source.read_bytes()
    for number, length in enumerate((10, 1000, len(data) // 2, len(data) - 64)):
        path = tmp_path / f"{number}.gguf"
        path.write_bytes(data[:length])
        with pytest.raises(StoreError):
            translated(path, TEXT, cache)
    assert cache.entries() == []
    assert_clean(cache)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("v." + "x" * 62, (4,)),
        ("blk.0." + "x" * 60, (4,)),
        ("v.five", (1, 1, 1, 1, 4)),
        ("v.huge", (1 << 62, 1 << 62)),
        ("blk.0.huge", (1 << 40, 4)),
    ],
)
def test_impossible_tensors_give_errors(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    tiny, cache = tiny_family("gemma3").source, Cache(tmp_path / "store")
    data = bytearray(Tiny(tiny.keys, {"t": np.zeros(4, np.float32)} | tiny.tensors).encode())
    # The first tensor's name and shape, in place of those that were written.
    old = struct.pack("<Q1sIQ", 1, b"t", 1, 4)
    new = struct.pack(f"<Q{len(name)}sI{len(shape)}Q", len(name), name.encode(), len(shape), *shape)
    assert data.count(old) == 1
    path = tmp_path / "source.gguf"
    path.write_bytes(data.replace(old, new))
    role = OWN_PROJECTOR if name.startswith("v.") else TEXT
    with pytest.raises((StoreError, LoadError)):
        translated(path, role, cache)
    assert cache.leftovers() == []


def test_a_file_that_shrinks_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    source = tiny_family("gemma3").source.write(tmp_path / "source.gguf")
    cache, draft = Cache(tmp_path / "store"), text_draft(read_gguf(source))
    assert draft is not None
    source.write_bytes(source.read_bytes()[: read_gguf(source).data_offset + 100])
    with pytest.raises(StoreError):
        cache.get(source, "text", lambda target: Made(write_draft(draft, target)))
    assert_clean(cache)
    assert cache.entries() == []
