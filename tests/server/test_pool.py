"""Who is loaded and who has to go, with real runners; only the GPUs are not there."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ollama_server.runtime import devices
from ollama_server.runtime.devices import Device
from ollama_server.runtime.plan import LoadOptions
from ollama_server.runtime.pool import Pool
from ollama_server.settings import Settings
from ollama_server.store.config import Config
from ollama_server.store.model import Model
from ollama_server.store.names import parse
from tests.process import TINY, wait_until

PLENTY = 1 << 40
ANY, OTHER = LoadOptions(num_ctx=512), LoadOptions(num_ctx=256)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[Pool]:
    made = Pool(Settings(models=tmp_path / "models", max_loaded_models=3))
    yield made
    await made.close()


@pytest.fixture
def model(tmp_path: Path) -> Callable[[str], Model]:
    """Makes models whose weights are files of their own."""

    def make(name: str) -> Model:
        weights = tmp_path / f"{name}.gguf"
        weights.symlink_to(TINY)
        return Model(
            name=parse(name),
            digest="",
            modified_ns=0,
            size=0,
            config=Config(),
            model_path=weights,
            projectors=(),
            adapters=(),
            draft=None,
            template=None,
            system="",
            params={},
            messages=(),
            licenses=(),
            parent_model="",
            is_tensor_model=False,
        )

    return make


async def load(pool: Pool, model: Model, options: LoadOptions = ANY) -> int:
    """Load a model; returns the process id of its runner."""
    async with pool.acquire(model, options, None) as lease:
        return lease.runner.pid


def names(pool: Pool) -> set[str]:
    return {loaded.model.name.model for loaded in pool.loaded()}


async def until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition)


async def test_a_lease_that_is_given_back_early_lets_others_load(
    pool: Pool, model: Callable[[str], Model]
) -> None:
    one = model("one")
    async with pool.acquire(one, ANY, None) as lease:
        lease.release()
        other = await load(pool, one, OTHER)
        assert other != lease.runner.pid
    assert names(pool) == {"one"}


async def test_a_load_waits_for_a_lease_and_not_for_one_of_a_runner_that_died(
    pool: Pool, model: Callable[[str], Model]
) -> None:
    one = model("one")
    async with pool.acquire(one, ANY, None) as lease:
        other = asyncio.create_task(load(pool, one, OTHER))
        (loaded,) = pool.loaded()
        await until(lambda: loaded.leaving)
        assert not other.done()
        os.kill(lease.runner.pid, signal.SIGKILL)
        await other
    assert names(pool) == {"one"}


async def test_a_runner_that_died_makes_room_before_any_other_has_to(
    pool: Pool, model: Callable[[str], Model]
) -> None:
    await load(pool, model("oldest"))
    await load(pool, model("old"))
    dead = await load(pool, model("dead"))
    os.kill(dead, signal.SIGKILL)
    await until(lambda: names(pool) == {"oldest", "old"})
    await load(pool, model("new"))
    assert names(pool) == {"oldest", "old", "new"}


async def test_no_more_models_leave_a_gpu_than_it_takes(
    pool: Pool, model: Callable[[str], Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_gpus() -> list[Device]:
        return [Device("GPU0", total=PLENTY, free=PLENTY if len(pool.loaded()) < 2 else 0)]

    monkeypatch.setattr(devices, "find_gpus", find_gpus)
    for name in ("first", "second", "third"):
        await load(pool, model(name))
    assert names(pool) == {"second", "third"}


async def test_gpus_that_could_not_be_looked_for_are_looked_for_again(
    pool: Pool, model: Callable[[str], Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0

    async def find_gpus() -> list[Device]:
        nonlocal looked
        looked += 1
        if looked == 1:
            raise BlockingIOError(11, "fork: Resource temporarily unavailable")
        return [Device("GPU0", total=PLENTY, free=PLENTY)]

    monkeypatch.setattr(devices, "find_gpus", find_gpus)
    pool.start()
    await load(pool, model("one"))
    await load(pool, model("two"))
    assert looked > 1
    assert names(pool) == {"one", "two"}
