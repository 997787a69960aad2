"""Makes the model again from nothing: `python -m models.sight.make`.

Tokenizer, training and export, in this order. The defaults take about an hour of one
core that has nothing else to do and multiplies in bfloat16. With `--published` the training goes
on from the published files, and the tokenizer stays.
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
    parser.add_argument("--published", action="store_true", help="go on from the published files")
    arguments = parser.parse_args()
    if not arguments.published:
        dialogues.train_tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "sight.pt")
        options = ["--looks", arguments.looks, "--talks", arguments.talks]
        if arguments.published:
            options += ["--published", "--meets", "5e3"]
        train.run(train.parser().parse_args(["--out", str(checkpoint), *options]))
        export.export(torch.load(checkpoint, map_location="cpu"))


if __name__ == "__main__":
    main()
