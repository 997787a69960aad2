"""The native API."""

from ollama_server.routes.native import (
    blobs,
    create,
    embedding,
    generation,
    models,
    server,
    transfer,
)

ROUTERS = [
    server.router,
    models.router,
    blobs.router,
    create.router,
    transfer.router,
    generation.router,
    embedding.router,
]
