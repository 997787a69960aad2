"""Makes the model again from nothing: `python -m models.sight.make`.

Tokenizer, training and export, in this order. The defaults take about an hour of one
core that has nothing else to do.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch

from models.sight import dialogues, export, train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looks", default="150e3", help="drawings for the encoder alone")
    parser.add_argument("--talks", default="200e3", help="drawings for all of it")
    arguments = parser.parse_args()
    dialogues.train_tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "sight.pt")
        options = ["--looks", arguments.looks, "--talks", arguments.talks]
        train.run(train.parser().parse_args(["--out", str(checkpoint), *options]))
        export.export(torch.load(checkpoint, map_location="cpu"))


if __name__ == "__main__":
    main()
