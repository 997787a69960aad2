"""Makes the model again from nothing: `python -m models.tiny.make`.

Corpus, tokenizer, training and export, in this order. The defaults take some two hours on two
cores; `--tokens` makes it shorter or longer.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from models.tiny import export, tokenizer, train
from models.tiny.config import GGUF_PATH, TOKENIZER_PATH


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=float, default=35e6, help="how many tokens to train on")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    tokenizer.train(TOKENIZER_PATH)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "tiny.pt")
        options = ["--out", str(checkpoint), "--tokens", str(arguments.tokens)]
        options += ["--workers", str(arguments.workers)]
        train.run(train.parser().parse_args(options))
        export.export(checkpoint, GGUF_PATH)


if __name__ == "__main__":
    main()
