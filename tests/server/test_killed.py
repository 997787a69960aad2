"""A server that is killed while it creates a model: the store is sound, one more call succeeds."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import gguf
import httpx

from ollama_server.store.fsck import check_store
from ollama_server.store.store import Store
from tests.process import TINY, ServerProcess
from tests.weights import with_pooling

KILLS = int(os.environ.get("OLLAMA_TEST_KILLS", "3"))
# A create of this model takes about this long.
LONGEST_SECONDS = 0.4


def errors_in(home: Path) -> list[str]:
    findings = check_store(Store(home / "models"))
    return [str(finding) for finding in findings if finding.severity == "error"]


def create_and_kill(server: ServerProcess, digest: str, seconds: float, system: str) -> None:
    """Ask for a model and kill the server a while after it was asked."""
    body = {"model": "made", "files": {"made.gguf": digest}, "system": system}

    def ask() -> None:
        try:
            server.client.post("/api/create", json=body)
        except httpx.HTTPError:
            return  # that is what being killed looks like

    asking = threading.Thread(target=ask)
    asking.start()
    threading.Event().wait(seconds)
    server.kill()
    asking.join()


def test_one_more_create_repairs_what_a_kill_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "made.gguf"
    with_pooling(TINY, path, gguf.PoolingType.MEAN, name="made")
    generator = random.Random(KILLS)
    home = tmp_path / "home"
    for number in range(KILLS):
        server = ServerProcess(home)
        digest = server.upload(path.read_bytes())
        moment = generator.uniform(0, LONGEST_SECONDS)
        create_and_kill(server, digest, moment, f"system {number}")
        assert errors_in(home) == []
        again = ServerProcess(home)
        digest = again.upload(path.read_bytes())
        again.create("made", files={"made.gguf": digest}, system=f"system {number}")
        assert again.post("/api/show", model="made").json()["system"] == f"system {number}"
        embedded = again.post("/api/embed", model="made", input="hello").json()
        assert len(embedded["embeddings"][0]) == 256
        again.close()
        assert errors_in(home) == []
