"""Real programs on loopback ports that the tests talk to."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.process import free_port, wait_until

PROGRAM = "docker-registry"
HOW_TO_GET = "docker-registry is not installed: `apt-get install docker-registry` brings it"

needs_registry = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=HOW_TO_GET)

_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass(frozen=True)
class DockerRegistry:
    """A running registry; ``root`` is where it keeps its files."""

    port: int
    root: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def blob_path(self, digest: str) -> Path:
        """The file in which the registry keeps a blob."""
        name = digest.removeprefix("sha256:")
        return self.root / "docker/registry/v2/blobs/sha256" / name[:2] / name / "data"


@contextlib.contextmanager
def docker_registry(folder: Path) -> Iterator[DockerRegistry]:
    """Run docker-registry with its files under ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    registry = DockerRegistry(free_port(), folder / "data")
    config = folder / "config.yml"
    config.write_text(_CONFIG.format(root=registry.root, port=registry.port))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", str(config)], stdout=log, stderr=log)
        try:
            _wait_until_it_answers(registry, process)
            yield registry
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_it_answers(registry: DockerRegistry, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        assert process.poll() is None, "docker-registry ended"
        try:
            return httpx.get(f"http://{registry.host}/v2/", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    wait_until(answers)
