"""What projectors make of a picture or a sound, in a process of its own: llama.cpp may abort.

    python -m tests.server.encode MODEL PROJECTOR MEDIA RESULT

``RESULT`` becomes a NumPy file of the embeddings, a row for each token.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from ollama_server.engine import protocol as p
from ollama_server.engine.log import NativeLog
from ollama_server.engine.model import Model
from ollama_server.engine.vision import Projector


def main(model: str, projector: str, media: str, result: str) -> None:
    """Encode one file."""
    load = p.Load(model, [projector], num_ctx=512, num_thread=1)
    eyes = Projector(projector, Model(load, lambda _: None, NativeLog(verbose=False)), load)
    prompt = eyes.prompt([p.Media(Path(media).read_bytes())], add_special=False)
    np.save(result, np.concatenate([chunk.embeddings for chunk in prompt.chunks]))


if __name__ == "__main__":
    main(*sys.argv[1:])
