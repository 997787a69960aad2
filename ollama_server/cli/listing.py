"""``list`` and ``ps``."""

from __future__ import annotations

import sys
from typing import Any

from ollama_server.cli.client import Client
from ollama_server.cli.humanize import human_bytes, since, until
from ollama_server.cli.tables import table


def list_models(client: Client, prefix: str) -> None:
    """The installed models whose names begin with ``prefix``, in any case."""
    rows = [
        [
            model["name"],
            model["digest"][:12],
            "-" if model.get("remote_model") else human_bytes(model["size"]),
            since(model["modified_at"]),
        ]
        for model in client.get("/api/tags").get("models") or []
        if model["name"].lower().startswith(prefix.lower())
    ]
    sys.stdout.write(table(["NAME", "ID", "SIZE", "MODIFIED"], rows))


def list_loaded(client: Client, prefix: str) -> None:
    """The models in memory whose names begin with ``prefix``."""
    rows = [
        [
            model["name"],
            model["digest"][:12],
            human_bytes(model["size"]),
            processor(model),
            str(model.get("context_length", "")),
            until(model["expires_at"]),
        ]
        for model in client.get("/api/ps").get("models") or []
        if model["name"].startswith(prefix)
    ]
    sys.stdout.write(table(["NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"], rows))


def processor(model: dict[str, Any]) -> str:
    """``100% CPU``, ``100% GPU``, or how the model is divided."""
    size, vram = int(model["size"]), int(model["size_vram"])
    if vram == 0:
        return "100% CPU"
    if vram > size or size == 0:
        return "Unknown"
    if vram == size:
        return "100% GPU"
    on_cpu = round((size - vram) / size * 100)
    return f"{on_cpu}%/{100 - on_cpu}% CPU/GPU"
