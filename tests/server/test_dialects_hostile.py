"""Damaged published files on a server: an answer or an error, and the server goes on."""

from __future__ import annotations

import base64
import random

import pytest

from tests.process import ServerProcess
from tests.server.dialects import PICTURE
from tests.unit.store.dialects.families import FAMILIES, tiny_family
from tests.unit.store.dialects.test_hostile import damage

# One is large, and has no rule of its own for tensors.
NAMES = [name for name in FAMILIES if name != "llama3"]


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_model_gives_an_answer_or_an_error(name: str, server: ServerProcess) -> None:
    family = tiny_family(name)
    data = damage(family.source, random.Random(name + "!")).encode()
    body = {"model": "damaged", "files": {"0.gguf": server.upload(data)}, "stream": False}
    created = server.client.post("/api/create", json=body)
    assert created.status_code in (200, 400, 500), created.text
    options = {"num_predict": 2, "num_ctx": 512}
    if family.embedding:
        answer = server.post("/api/embed", model="damaged", input="ab", options=options)
    else:
        images = [base64.b64encode(PICTURE).decode()] if family.projector else []
        message = {"role": "user", "content": "ab", "images": images}
        answer = server.post(
            "/api/chat", model="damaged", messages=[message], stream=False, options=options
        )
    server.client.request("DELETE", "/api/delete", json={"model": "damaged"})

    assert answer.status_code == 200 or answer.json()["error"]
    assert server.client.get("/api/version").status_code == 200
    derived = server.home / "models" / "derived"
    assert [path for path in derived.glob("*") if path.suffix != ".lock"] == []
