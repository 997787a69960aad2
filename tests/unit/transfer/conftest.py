"""Registries to talk to and servers' transfer services to talk with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from ollama_server.store.names import Name
from ollama_server.store.progress import Progress
from ollama_server.store.store import Store
from ollama_server.transfer.download import Retry
from ollama_server.transfer.service import TransferService
from tests.unit.transfer.local_registry import LocalRegistry
from tests.unit.transfer.programs import DockerRegistry, docker_registry
from tests.unit.transfer.serving import serving

# Six attempts as always, but no pauses between them.
IMPATIENT = Retry(pause_seconds=0.001)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def registry() -> Iterator[LocalRegistry]:
    local = LocalRegistry()
    with serving(local.app()) as port:
        local.port = port
        yield local


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


@pytest.fixture
async def service(store: Store) -> AsyncIterator[TransferService]:
    async with running_service(store) as running:
        yield running


@asynccontextmanager
async def running_service(store: Store, **options: object) -> AsyncIterator[TransferService]:
    """A transfer service as a server has it, with a key beside its store."""
    key = store.root.parent / "key" / "id_ed25519"
    made = TransferService(store, key_path=key, retry=IMPATIENT, **options)  # type: ignore[arg-type]
    async with AsyncExitStack() as stack:
        stack.push_async_callback(made.close)
        yield made


Pull = Callable[..., object]


async def frames_of(frames: AsyncIterator[Progress]) -> list[Progress]:
    """All frames of a transfer."""
    return [frame async for frame in frames]


async def statuses(frames: AsyncIterator[Progress]) -> list[str]:
    """The statuses in their order, each named once."""
    return list(dict.fromkeys([frame.status async for frame in frames]))


def name_at(host: str, rest: str) -> Name:
    return Name.parse(f"{host}/{rest}")
