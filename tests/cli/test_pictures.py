"""A picture on the command line: the model that sees, made from its Modelfile."""

from __future__ import annotations

import random
from pathlib import Path

from models.sight.drawings import Group, Scene, draw

from .conftest import Command

MODELFILE = Path(__file__).parents[2] / "models" / "sight" / "Modelfile"
SCENE = Scene("white", (Group("circle", "red", 3),))


def test_a_picture_beside_a_question(command: Command, tmp_path: Path) -> None:
    assert command("create", "seen", "-f", str(MODELFILE)).status == 0
    drawing = tmp_path / "drawing.png"
    draw(random.Random(77_000_005), SCENE).image.save(drawing)
    result = command("run", "seen", f"What do you see? {drawing}")
    assert result.status == 0, result.err
    assert result.out.strip() == "Three red circles on a white background."
    assert "vision" in command("show", "seen").out
    assert command("rm", "seen").status == 0
