"""A create that is killed at any moment leaves a sound store, and the next one succeeds."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

from ollama_server.store.fsck import check_store
from ollama_server.store.model import load_model
from ollama_server.store.names import parse
from ollama_server.store.store import Store
from tests.unit.store.conftest import Upload
from tests.unit.store.test_create import make

_CREATES = """
import asyncio, json, sys
from pathlib import Path
from ollama_server.store.create import create_model
from ollama_server.store.create_request import CreateRequest
from ollama_server.store.store import Store

async def run():
    store = Store(Path(sys.argv[1]))
    request = CreateRequest(
        model="new", files=json.loads(sys.argv[2]), quantize="q8_0", system=sys.argv[3]
    )
    async for frame in create_model(store, request):
        print(frame.status, flush=True)

asyncio.run(run())
"""


def test_a_killed_create_leaves_a_sound_store(
    store: Store, upload: Upload, llama_checkpoint: dict[str, Path]
) -> None:
    files = {name: upload(path) for name, path in llama_checkpoint.items()}
    generator = random.Random(7)
    for round_number in range(6):
        child = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _CREATES,
                str(store.root),
                json.dumps(files),
                f"system of round {round_number}",
            ],
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"converting model\n"
        # After some frames the work goes on until the signal arrives, wherever that is.
        for _ in range(generator.randrange(24)):
            child.stdout.readline()
        child.kill()
        child.wait()
        child.stdout.close()
        fresh = Store(store.root)
        fresh.start()
        assert [f for f in check_store(fresh) if f.severity == "error"] == []
    make(store, files=files, quantize="q8_0", system="whole")
    assert load_model(store, store.resolve(parse("new"))).system == "whole"
    assert [f for f in check_store(store) if f.severity == "error"] == []
