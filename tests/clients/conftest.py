"""What the tests with client libraries share: a server's address, models, plain requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest

from tests.process import TINY, ServerProcess

MEAN_POOLING = 1


@pytest.fixture(scope="session")
def url(server: ServerProcess) -> str:
    """The server's address."""
    return server.url


@pytest.fixture(scope="session")
def model() -> str:
    """The embedded model's name."""
    return "tiny"


@pytest.fixture(scope="session")
def post(server: ServerProcess) -> Callable[[str, Any], Any]:
    """Post JSON to the server and return what its answer holds."""

    def send(path: str, body: Any) -> Any:
        response = server.client.post(path, json=body)
        response.raise_for_status()
        return response.json() if response.content else None

    return send


@pytest.fixture(scope="session")
def embedder(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An embedding model: the embedded model's weights with mean pooling."""
    path = tmp_path_factory.mktemp("embedder") / "embedder.gguf"
    with_pooling(TINY, path, MEAN_POOLING)
    digest = server.upload(path.read_bytes())
    server.create("embedder", files={"embedder.gguf": digest})
    return "embedder"


def with_pooling(source: Path, target: Path, pooling: int) -> None:
    """Copy a GGUF file and say in it how its token vectors become one."""
    reader = gguf.GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target, architecture)
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        kind = field.types[0]
        sub_type = field.types[-1] if kind is gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), kind, sub_type=sub_type)
    writer.add_uint32(f"{architecture}.pooling_type", pooling)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
