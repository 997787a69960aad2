"""What all tests share: one server with the embedded model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.process import ServerProcess

# Tests share their cores with much else; threads that wait should not take one.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


# The same examples each time, however long a busy machine takes for one.
settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose store holds the embedded model as ``tiny``; shared by all tests."""
    process = ServerProcess(tmp_path_factory.mktemp("server"))
    yield process
    process.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home for a server that a test starts for itself."""
    return tmp_path
